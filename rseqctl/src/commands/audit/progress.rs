//! What is going on, on a terminal's standard error.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::audit::Tally;

/// An audit that is done by then says nothing.
const QUIET: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

/// A line that is written over again and again.
pub(super) struct Progress {
    start: Instant,
    last: Instant,
    enabled: bool,
    shown: bool,
}

impl Progress {
    /// Shows nothing unless standard error is a terminal that can move its
    /// cursor, and never where nothing is to be printed.
    pub(super) fn new(is_quiet: bool) -> Self {
        let start = Instant::now();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            start,
            last: start,
            enabled: !is_quiet && !is_dumb && stderr().is_terminal(),
            shown: false,
        }
    }

    /// Returns whether anything is ever shown.
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Says how far the audit is, ten times per second at most.
    pub(super) fn tick(&mut self, tally: &Tally) {
        if !self.enabled || self.last.elapsed() < PAUSE || self.start.elapsed() < QUIET {
            return;
        }
        self.last = Instant::now();
        self.shown = true;
        let seconds = self.start.elapsed().as_secs();
        let _ = write!(
            stderr(),
            "\r{} files, {} objects, {} mention rseq, {seconds} s\x1b[K",
            tally.files,
            tally.objects,
            tally.mention_rseq
        );
    }

    /// Makes room for something that stays.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
