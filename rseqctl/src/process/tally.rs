//! What a look at processes counts.

use std::time::Duration;

use serde::Serialize;
use tls_model::rules::Level;

use super::Row;
use super::thread::Stop;
use crate::exit::Status;
use crate::report::choices::FailOn;

/// What was counted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Processes told of.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
    /// Threads with a registration.
    pub registered: u64,
    /// Threads without one.
    pub unregistered: u64,
    /// Threads of which it is not known.
    pub unknown: u64,
    /// Processes of which something could not be told.
    pub partial: u64,
    /// Processes that were named and could not be looked at.
    pub problems: u64,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notes.
    pub notes: u64,
    /// How long each thread stood still.
    #[serde(skip)]
    stops: Vec<Stop>,
}

/// How long threads stood still, in microseconds: from the interrupt to the end
/// of the detach. That is more than they felt where they ran on, or waited for a
/// processor, before they stopped.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stops {
    /// Threads that were stopped.
    pub threads: usize,
    /// The median.
    pub median_us: f64,
    /// The longest.
    pub max_us: f64,
    /// The median of what is left from when the stop was seen: they stood still
    /// for this long at least.
    pub seen_median_us: f64,
    /// The longest of that.
    pub seen_max_us: f64,
}

impl Tally {
    pub(super) fn count(&mut self, row: &Row, stops: &[Stop]) {
        self.processes += 1;
        self.threads += row.threads.len() as u64;
        self.registered += row.registered;
        self.unregistered += row.unregistered;
        self.unknown += row.unknown;
        self.partial += u64::from(!row.missing.is_empty());
        self.stops.extend_from_slice(stops);
        for finding in &row.findings {
            match finding.rank {
                Some(Level::Error) => self.errors += 1,
                Some(Level::Warning) => self.warnings += 1,
                Some(Level::Note) | None => self.notes += 1,
            }
        }
    }

    /// How long threads stood still; none where none was stopped.
    #[must_use]
    pub fn stops(&self) -> Option<Stops> {
        let (median_us, max_us) = middle_and_most(self.stops.iter().map(|stop| stop.most))?;
        let (seen_median_us, seen_max_us) =
            middle_and_most(self.stops.iter().map(|stop| stop.least))?;
        Some(Stops {
            threads: self.stops.len(),
            median_us,
            max_us,
            seen_median_us,
            seen_max_us,
        })
    }

    /// The exit status, by the contract of the command.
    #[must_use]
    pub fn status(&self, fail_on: FailOn) -> Status {
        let counted = match fail_on {
            FailOn::Never => 0,
            FailOn::Error => self.errors,
            FailOn::Warning => self.errors + self.warnings,
            FailOn::Note => self.errors + self.warnings + self.notes,
        };
        if counted != 0 {
            Status::Findings
        } else if self.partial == 0 && self.problems == 0 {
            Status::Clean
        } else if self.processes == 0 {
            Status::Nothing
        } else {
            Status::Partial
        }
    }
}

/// Median and maximum, in microseconds.
fn middle_and_most(times: impl Iterator<Item = Duration>) -> Option<(f64, f64)> {
    let mut times: Vec<_> = times.collect();
    times.sort();
    let micros = |time: &Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    Some((micros(times.get(times.len() / 2)?), micros(times.last()?)))
}
