//! Who owns the registration of every thread of live processes.
//!
//! Each thread is stopped for some microseconds, one after the other: the
//! kernel tells a thread's registration to a tracer only, and of a stopped
//! thread only. Nothing is written into any process.
//!
//! # As a library
//!
//! [`inspect_processes`] hands each process to the caller while it goes on. What was
//! read of files is kept in [`Files`] for the next call.
//!
//! ```
//! use rseqctl::process::{Event, Files, Options, inspect_processes};
//!
//! let options = Options { no_stop: true, ..Options::default() };
//! let mut pids = Vec::new();
//! let this = std::process::id();
//! let tally = inspect_processes(&[this], options, &mut Files::default(), &mut |event| match event {
//!     Event::Row(row) => {
//!         println!("{} {}: {} threads, {}", row.pid, row.name, row.threads.len(), row.because);
//!         for finding in &row.findings {
//!             println!("{}: {} [{}]", finding.level, finding.message, finding.rule);
//!         }
//!         pids.push(row.pid);
//!     }
//!     Event::Problem(unused) => eprintln!("{}: {}", unused.pid, unused.problem),
//!     _ => {}
//! })?;
//! assert_eq!((tally.processes, pids), (1, vec![this]));
//! # Ok::<(), std::io::Error>(())
//! ```

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
pub use report::{ProcessWriter, Style};
pub use row::{Definition, ObjectRow, Row, ThreadRow};
pub use tally::{ProcessCounts, Stops, Tally};

use inspect::{Inspection, inspect_process};
use mode::Kernel;

/// Inspects processes: those that are named, each once, or all but this one where none
/// is named, in the order of their ids. Threads of the kernel are left out. What is
/// read of `files` is kept there for the next call.
///
/// # Errors
///
/// /proc cannot be read.
pub fn inspect_processes(
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
        let problem = match inspect_process(pid, files, options, kernel) {
            Inspection::Row(row, stops) => {
                tally.count_row(&row, &stops);
                sink(Event::Row(&row));
                continue;
            }
            Inspection::Gone | Inspection::Kernels if pids.is_empty() => continue,
            Inspection::Gone => "no such process; check the id".to_owned(),
            Inspection::Kernels => "a thread of the kernel's, which has no rseq".to_owned(),
            Inspection::Problem(problem) => problem,
        };
        tally.problems += 1;
        let problem = problem.as_str();
        sink(Event::Problem(UnusedProcess { pid, problem }));
    }
    Ok(tally)
}

/// The keys of a host, for the report.
type Keys = Option<Host>;
