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
//! use rseqctl::process::{Event, Files, Options, Selection, inspect_processes};
//!
//! let options = Options { no_stop: true, ..Options::default() };
//! let mut pids = Vec::new();
//! let this = std::process::id();
//! let which = Selection::of_pids([this]);
//! let tally = inspect_processes(&which, &options, &mut Files::default(), &mut |event| match event {
//!     Event::Row(row) => {
//!         println!("{} {}: {} threads, {}", row.pid, row.name, row.threads.len(), row.because);
//!         for finding in &row.findings {
//!             println!("{}: {} [{}]", finding.level, finding.message, finding.rule);
//!         }
//!         pids.push(row.pid);
//!     }
//!     Event::Problem(unused) => eprintln!("{}: {}", unused.asked, unused.problem),
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
mod select;
mod tally;
mod thread;

use std::io;

use crate::report::Host;

pub use area::AreaKind;
pub use event::{Asked, Event, UnusedProcess};
pub use files::Files;
pub use mode::KernelMode;
pub use options::Options;
pub use owner::ProcessOwner;
pub use report::{ProcessWriter, PsColumn, Style};
pub use row::{Definition, ObjectRow, Row, ThreadRow};
pub use select::Selection;
pub use tally::{ProcessCounts, Stops, Tally};

use inspect::{Inspection, inspect_process};
use mode::Kernel;

/// Inspects the processes that `selection` means, those named by id first, in the order
/// of their ids. Threads of the kernel are left out. What is read of `files` is kept
/// there for the next call.
///
/// # Errors
///
/// /proc cannot be read.
pub fn inspect_processes(
    selection: &Selection,
    options: &Options,
    files: &mut Files,
    sink: &mut dyn FnMut(Event<'_>),
) -> io::Result<Tally> {
    let selected = selection.resolve()?;
    files.begin_look();
    let mut tally = Tally::default();
    let kernel = if options.no_stop {
        Kernel::default()
    } else {
        Kernel::here()
    };
    for name in &selected.unmatched {
        tally.problems += 1;
        let problem = "no process goes by this name";
        let asked = Asked::Name(name);
        sink(Event::Problem(UnusedProcess { asked, problem }));
    }
    if selected.pids.is_empty() && selected.unmatched.is_empty() && !selection.is_all() {
        tally.problems += 1;
        let problem = "no process is of this unit, control group or user";
        let asked = Asked::Choice;
        sink(Event::Problem(UnusedProcess { asked, problem }));
    }
    for (index, &pid) in selected.pids.iter().enumerate() {
        let is_named = index < selected.named;
        let problem = match inspect_process(pid, files, options, kernel) {
            Inspection::Row(mut row, stops) => {
                let path = row.exe.clone().unwrap_or_default();
                options.filter.apply(&path, &mut row.findings);
                let is_asked_for = selection.is_named();
                tally.count_row(&row, &stops, is_asked_for);
                if options.has_interest_in(&row) {
                    sink(Event::Row(&row));
                }
                continue;
            }
            Inspection::Gone | Inspection::Kernels if !is_named => continue,
            Inspection::Gone => "no such process; check the id".to_owned(),
            Inspection::Kernels => "a thread of the kernel's, which has no rseq".to_owned(),
            Inspection::Problem(problem) => problem,
        };
        tally.problems += 1;
        let problem = problem.as_str();
        let asked = Asked::Pid(pid);
        sink(Event::Problem(UnusedProcess { asked, problem }));
    }
    Ok(tally)
}

/// The keys of a host, for the report.
type Keys = Option<Host>;
