//! What an inspection of processes counts.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::row::Row;
use super::thread::Stop;
use crate::report::{self, Counted};

/// What an inspection of processes counted.
pub type Tally = report::Tally<ProcessCounts>;

/// What was counted besides findings.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProcessCounts {
    /// Processes reported.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
    /// Threads with a registration.
    pub registered: u64,
    /// Threads without one.
    pub unregistered: u64,
    /// Threads whose registration is not known.
    pub unknown: u64,
    /// Processes that were asked for of which something is not known.
    pub partial: u64,
    /// Processes that were not named, and that this user may not inspect.
    pub not_permitted: u64,
    /// How long each thread was stopped.
    #[serde(skip)]
    #[schemars(skip)]
    stops: Vec<Stop>,
}

impl Counted for ProcessCounts {
    fn has_any(&self) -> bool {
        self.processes != 0
    }

    fn has_holes(&self) -> bool {
        self.partial != 0
    }
}

/// How long threads were stopped, in microseconds: from the interrupt to the end
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
    pub(super) fn count_row(&mut self, row: &Row, stops: &[Stop], is_named: bool) {
        self.processes += 1;
        self.threads += row.threads.len() as u64;
        self.registered += row.registered;
        self.unregistered += row.unregistered;
        self.unknown += row.unknown;
        if row.not_permitted && !is_named {
            self.not_permitted += 1;
        } else {
            self.partial += u64::from(!row.missing.is_empty());
        }
        self.stops.extend_from_slice(stops);
        for finding in &row.findings {
            self.count(finding);
        }
    }

    /// Returns how long threads were stopped; `None` where no thread was.
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
}

/// Returns the median and the maximum, in microseconds.
fn middle_and_most(times: impl Iterator<Item = Duration>) -> Option<(f64, f64)> {
    let mut times: Vec<_> = times.collect();
    times.sort();
    let micros = |time: &Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    Some((micros(times.get(times.len() / 2)?), micros(times.last()?)))
}
