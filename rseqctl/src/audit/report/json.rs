//! The machine formats of our own: one object per line (ndjson), or one
//! document (json) with those objects, the problems and the counts.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::audit::{Problem, Row, Tally, text};
use crate::host::{Host, Keyed};

/// Inputs that could not be used, kept for the end of a document.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<ProblemRow>);

/// An input that could not be used, or not in full.
#[derive(Serialize)]
pub(super) struct ProblemRow {
    pub(super) path: String,
    pub(super) message: String,
}

impl Problems {
    pub(super) fn add(&mut self, path: &Path, problem: &Problem) {
        self.0.push(ProblemRow {
            path: text::readable(path),
            message: problem.to_string(),
        });
    }
}

pub(super) fn line(row: &Row, host: Option<&Host>, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Keyed { host, row })?;
    out.write_all(b"\n")
}

pub(super) fn begin(host: Option<&Host>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    if let Some(host) = host {
        out.write_all(b"\"host\":")?;
        serde_json::to_writer(&mut *out, host)?;
        out.write_all(b",")?;
    }
    out.write_all(b"\"objects\":[")
}

pub(super) fn object(row: &Row, is_first: bool, out: &mut impl Write) -> io::Result<()> {
    out.write_all(if is_first { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(out, row)?)
}

pub(super) fn end(problems: &Problems, tally: &Tally, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\n],\"problems\":")?;
    serde_json::to_writer(&mut *out, &problems.0)?;
    out.write_all(b",\"tally\":")?;
    serde_json::to_writer(&mut *out, tally)?;
    out.write_all(b"}\n")
}
