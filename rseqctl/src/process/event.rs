//! What there is to tell of processes.

use super::row::Row;
use super::tally::Tally;

/// What there is to tell.
pub type Event<'a> = crate::report::Event<'a, Row, UnusedProcess<'a>, Tally>;

/// A process that was named and could not be looked at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UnusedProcess<'a> {
    /// Its id.
    pub pid: u32,
    /// What is wrong with it.
    pub problem: &'a str,
}
