//! The report, written while the audit goes on: nothing of it is kept.

mod human;
mod json;
mod sarif;

use std::io::{self, Write};
use std::path::Path;

use super::{Problem, Row, Tally};
use crate::report::choices::Format;
use crate::report::{Host, Screen};

pub use json::Document;

/// Writes a report in one of the formats.
pub struct AuditWriter<W> {
    out: W,
    format: Format,
    host: Option<Host>,
    screen: Screen,
    objects: u64,
    problems: json::Problems,
}

impl<W: Write> AuditWriter<W> {
    /// Starts a report, laid out for `screen` where it is for people; with the host's keys in the machine formats of our
    /// own, where there are any.
    ///
    /// # Errors
    ///
    /// Those of `out`, here and in every other function.
    pub fn new(format: Format, host: Option<Host>, screen: Screen, mut out: W) -> io::Result<Self> {
        match format {
            Format::Human | Format::Ndjson => {}
            Format::Json => json::begin(host.as_ref(), &mut out)?,
            Format::Sarif => sarif::begin(&mut out)?,
        }
        Ok(Self {
            out,
            format,
            host,
            screen,
            objects: 0,
            problems: json::Problems::default(),
        })
    }

    /// Adds an object.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn object(&mut self, row: &Row) -> io::Result<()> {
        let out = &mut self.out;
        match self.format {
            Format::Human => human::object(row, self.screen, out)?,
            Format::Ndjson => json::line(row, self.host.as_ref(), out)?,
            Format::Json => json::object(row, self.objects == 0, out)?,
            // its unit is the finding
            Format::Sarif => return sarif::results(row, &mut self.objects, out),
        }
        self.objects += 1;
        Ok(())
    }

    /// Says first what the whole program comes to that `row` is about, where there is
    /// one and people read the report.
    pub(crate) fn verdict(&mut self, row: &Row) -> io::Result<()> {
        match (&row.program, self.format) {
            (Some(about), Format::Human) => human::verdict(about, self.screen, &mut self.out),
            _ => Ok(()),
        }
    }

    /// Adds an input that could not be used; the formats that are read line by
    /// line leave it to standard error.
    pub fn problem(&mut self, path: &Path, problem: &Problem) {
        if matches!(self.format, Format::Json | Format::Sarif) {
            self.problems.add(path, problem);
        }
    }

    /// Hands on what was written so far.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the report.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self, tally: &Tally) -> io::Result<()> {
        let out = &mut self.out;
        match self.format {
            Format::Human => human::summary(tally, self.screen, out)?,
            Format::Ndjson => {}
            Format::Json => json::end(&self.problems, tally, out)?,
            Format::Sarif => sarif::end(&self.problems, out)?,
        }
        out.flush()
    }
}
