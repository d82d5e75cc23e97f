//! `rseqctl ps`.
//!
//! Exit statuses as for the audit: 1 (findings at or above `--fail-on`) wins
//! over 3 (something that was asked for could not be inspected), 2 stands for none at
//! all. A process that ends while it is inspected, a thread that has ended or that
//! a debugger holds, is reported and is no failure.

mod once;
mod watch;

use std::io::Write;

use crate::error::Error;
use crate::exit::Status;
use crate::process::Files;
use crate::report::{Baseline, Screen, StandardOutput};

pub use once::PsRequest;

use once::once;

pub(super) fn run(request: &PsRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let mut request = request.clone();
    let screen = Screen::standard_output();
    request.style.screen = if request.full {
        screen.without_cuts()
    } else {
        screen
    };
    if let Some(path) = &request.baseline {
        request.options.filter.baseline =
            Baseline::read(path).map_err(|source| Error::Baseline {
                path: path.clone(),
                source,
            })?;
    }
    let mut files = Files::default();
    if let Some(pause) = request.watch {
        return watch::run(&request, pause, &mut files, out);
    }
    let mut text = Vec::new();
    let tally = once(&request, &mut files, &mut text)?;
    out.write_all(&text).map_err(Error::Output)?;
    Ok(tally.status(request.fail_on))
}
