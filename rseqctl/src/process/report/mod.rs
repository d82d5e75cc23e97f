//! The report, process by process.

mod column;
mod human;
mod style;

use std::io::{self, Write};

use serde::Serialize;

use super::{Asked, Keys, Row, Stops, Tally};
use crate::report::Keyed;
use crate::report::choices::PsFormat;

pub use column::PsColumn;
pub use style::Style;

/// Writes a report in one of the formats.
pub struct ProcessWriter<W> {
    out: W,
    style: Style,
    host: Keys,
    processes: u64,
    lines: human::Lines,
    problems: Vec<Problem>,
}

/// Something that was named and could not be inspected.
#[derive(Serialize)]
struct Problem {
    /// The process; null where it was not named by its id.
    pid: Option<u32>,
    /// The name; null where it was named by its id.
    name: Option<String>,
    message: String,
}

/// The end of a document.
#[derive(Serialize)]
struct End<'a> {
    #[serde(flatten)]
    tally: &'a Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    stops: Option<Stops>,
}

impl<W: Write> ProcessWriter<W> {
    pub(crate) fn new(style: Style, host: Keys, out: W) -> Self {
        Self {
            out,
            style,
            host,
            processes: 0,
            lines: human::Lines::default(),
            problems: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self) -> io::Result<()> {
        match self.style.format {
            PsFormat::Human | PsFormat::Ndjson => Ok(()),
            PsFormat::Json => {
                self.out.write_all(b"{")?;
                if let Some(host) = &self.host {
                    self.out.write_all(b"\"host\":")?;
                    serde_json::to_writer(&mut self.out, host)?;
                    self.out.write_all(b",")?;
                }
                self.out.write_all(b"\"processes\":[")
            }
        }
    }

    pub(crate) fn process(&mut self, row: &Row) -> io::Result<()> {
        let is_first = self.processes == 0;
        self.processes += 1;
        let out = &mut self.out;
        match self.style.format {
            PsFormat::Human => self.lines.add(row, &self.style),
            PsFormat::Ndjson => {
                let host = self.host.as_ref();
                serde_json::to_writer(&mut *out, &Keyed { host, row })?;
                out.write_all(b"\n")
            }
            PsFormat::Json => {
                out.write_all(if is_first { b"\n" } else { b",\n" })?;
                Ok(serde_json::to_writer(out, row)?)
            }
        }
    }

    /// Adds something that was named and could not be inspected; the formats that are
    /// read line by line leave it to standard error.
    pub(crate) fn problem(&mut self, asked: Asked<'_>, message: &str) {
        let (pid, name) = match asked {
            Asked::Pid(pid) => (Some(pid), None),
            Asked::Name(name) => (None, Some(name.to_owned())),
            Asked::Choice => (None, None),
        };
        self.problems.push(Problem {
            pid,
            name,
            message: message.to_owned(),
        });
    }

    pub(crate) fn finish(mut self, tally: &Tally) -> io::Result<()> {
        let stops = tally.stops().filter(|_| self.style.verbose);
        let out = &mut self.out;
        match self.style.format {
            PsFormat::Human => {
                self.lines.write(&self.style, out)?;
                if self.style.only_table {
                    return Ok(());
                }
                human::summary(tally, stops, self.style.screen, out)
            }
            PsFormat::Ndjson => Ok(()),
            PsFormat::Json => {
                out.write_all(b"\n],\"problems\":")?;
                serde_json::to_writer(&mut *out, &self.problems)?;
                out.write_all(b",\"tally\":")?;
                serde_json::to_writer(&mut *out, &End { tally, stops })?;
                out.write_all(b"}\n")
            }
        }
    }
}
