//! What an audit reports.

use std::path::Path;

use super::problem::Problem;
use super::row::Row;
use super::tally::Tally;

/// What an audit reports.
pub type Event<'a> = crate::report::Event<'a, Row, UnusedInput<'a>, Tally>;

/// An input that could not be used, or not in full.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UnusedInput<'a> {
    /// Its path, or where it stands in a container.
    pub path: &'a Path,
    /// What is wrong with it.
    pub problem: &'a Problem,
}
