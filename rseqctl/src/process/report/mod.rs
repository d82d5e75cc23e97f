//! The report, process by process.

mod human;

use std::io::{self, Write};

use serde::Serialize;

use super::{Keys, Row, Stops, Tally};
use crate::report::Keyed;
use crate::report::choices::PsFormat;

/// How a report is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In which format.
    pub format: PsFormat,
    /// Everything, for people.
    pub verbose: bool,
    /// The processes were named one by one.
    pub is_named: bool,
}

/// Writes a report in one of the formats.
pub struct ProcessWriter<W> {
    out: W,
    style: Style,
    host: Keys,
    processes: u64,
    problems: Vec<Problem>,
}

/// A process that could not be looked at.
#[derive(Serialize)]
struct Problem {
    pid: u32,
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
            problems: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self) -> io::Result<()> {
        match self.style.format {
            PsFormat::Human => human::heading(&mut self.out),
            PsFormat::Ndjson => Ok(()),
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
            PsFormat::Human => human::process(row, self.style.is_named, self.style.verbose, out),
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

    /// Adds a process that could not be looked at; the formats that are read
    /// line by line leave it to standard error.
    pub(crate) fn problem(&mut self, pid: u32, message: &str) {
        self.problems.push(Problem {
            pid,
            message: message.to_owned(),
        });
    }

    pub(crate) fn finish(mut self, tally: &Tally) -> io::Result<()> {
        let stops = tally.stops().filter(|_| self.style.verbose);
        let out = &mut self.out;
        match self.style.format {
            PsFormat::Human => human::summary(tally, stops, out),
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
