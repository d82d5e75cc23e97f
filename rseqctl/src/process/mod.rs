//! Who owns the registration of every thread of live processes.
//!
//! Each thread is stopped for some microseconds, one after the other: the
//! kernel tells a thread's registration to a tracer only, and of a stopped
//! thread only. Nothing is written into any process.

mod area;
mod event;
mod files;
mod guests;
mod holds;
mod image;
mod inspect;
mod judge;
mod list;
mod maps;
mod memory;
mod mode;
mod options;
mod owner;
mod ownership;
mod proc;
mod report;
mod row;
mod tally;
mod thread;

use std::collections::BTreeSet;
use std::io;

use crate::report::Host;

pub use area::AreaKind;
pub use event::{Event, UnusedProcess};
pub use files::Files;
pub use mode::KernelMode;
pub use options::Options;
pub use owner::ProcessOwner;
pub use report::{Report, Style};
pub use row::{Definition, ObjectRow, Row, ThreadRow};
pub use tally::{ProcessCounts, Stops, Tally};

use inspect::Outcome;
use mode::Kernel;

/// Looks at processes, each named one once, or at all but this one where none is
/// named, in the order of their ids. Threads of the kernel's are left out. What is read of `files` is
/// kept there for the next look.
///
/// # Errors
///
/// /proc cannot be read.
pub fn look(
    pids: &[u32],
    options: Options,
    files: &mut Files,
    sink: &mut dyn FnMut(Event<'_>),
) -> io::Result<Tally> {
    let this = std::process::id();
    let all: Vec<u32> = if pids.is_empty() {
        let mut all = proc::processes()?;
        all.remove(&this);
        all.into_iter().collect()
    } else {
        let mut named = BTreeSet::new();
        let pids = pids.iter().copied();
        pids.filter(|pid| named.insert(*pid)).collect()
    };
    files.begin_look();
    let mut tally = Tally::default();
    let kernel = if options.no_stop {
        Kernel::default()
    } else {
        Kernel::here()
    };
    for pid in all {
        let problem = match inspect::look(pid, files, options, kernel) {
            Outcome::Row(row, stops) => {
                tally.count_row(&row, &stops);
                sink(Event::Row(&row));
                continue;
            }
            Outcome::Gone | Outcome::Kernels if pids.is_empty() => continue,
            Outcome::Gone => "no such process; check the id".to_owned(),
            Outcome::Kernels => "a thread of the kernel's, which has no rseq".to_owned(),
            Outcome::Problem(problem) => problem,
        };
        tally.problems += 1;
        let problem = problem.as_str();
        sink(Event::Problem(UnusedProcess { pid, problem }));
    }
    Ok(tally)
}

/// The keys of a host, for the report.
type Keys = Option<Host>;
