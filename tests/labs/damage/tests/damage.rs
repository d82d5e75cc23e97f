//! Every fixture that is audited, objects and containers: no cut and no changed
//! byte makes the audit panic, read without end, or take more memory than it
//! says.
//!
//! A sample of places, the same in every run; all of them with
//! `RSEQ_DAMAGE=all`, which takes hours.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rseq_damage::{Counted, Heap, cuts_and_changes, step};
use rseq_kit::fixture::{self, Case};
use rseq_kit::runner::{Outcome, Suite};
use rseqctl::audit::{Event, Options, UnusedInput, audit_source};

#[global_allocator]
static HEAP: Heap = Heap;

/// Bytes that an audit of an object may have at a time: 4096 states of a
/// program, about 1 KiB each, are remembered while its code is followed, in a
/// table that is twice as large. Everything else has less than 1 MiB.
const OBJECT: u64 = 8 << 20;

/// The same for a container: windows of compressors, as in
/// `rseqctl/tests/damage.rs`.
const CONTAINER: u64 = (2 * 128 + 16) << 20;

/// Places that are damaged in small files and in large ones, and what is large,
/// in bytes: the code of a program that has its libc in it is searched anew
/// each time.
const PLACES: [usize; 2] = [60, 3];
const LARGE: usize = 100_000;

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let audited = fixture::all()
        .cases
        .iter()
        .filter(|case| case.directives.audit.is_some());
    for case in audited {
        let name = format!("damage::{}::{}", case.source, case.directives.name);
        suite.add(name, &case.needs(), || spoil(case));
    }
    suite.run()
}

fn spoil(case: &Case) -> Outcome {
    let path = case.build()?;
    if path.is_dir() {
        // a tree; what is in it comes from other cases
        return Ok(());
    }
    let bytes = fs::read(path)?;
    let places = PLACES[usize::from(bytes.len() > LARGE)];
    ask(path, &bytes);
    cuts_and_changes(&bytes, step(bytes.len(), places), |bytes| ask(path, bytes));
    Ok(())
}

fn ask(path: &Path, bytes: &[u8]) {
    let len = bytes.len() as u64;
    // reads of one object end after 1 MiB and 64 times its size, a read counts
    // as 32 bytes and more; and as much again for the container around it
    let source = Counted::new(bytes, 2 * ((1 << 15) + 2 * len));
    let options = Options {
        all: true,
        ..Options::default()
    };
    let sink = &mut |event: Event<'_>| {
        if let Event::Problem(UnusedInput { problem, .. }) = event {
            assert!(!problem.to_string().is_empty());
        }
    };
    let (_, taken) = Heap::peak(|| audit_source(path, &source, len, &options, sink));
    let most = if bytes.starts_with(b"\x7fELF") {
        OBJECT
    } else {
        CONTAINER
    };
    assert!(taken <= most, "{taken} bytes of memory");
}
