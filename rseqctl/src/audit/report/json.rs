//! The machine formats of our own: one object per line (ndjson), or one
//! document (json) with those objects, the problems and the counts.
//!
//! The schema in `schema/audit-document.schema.json` is made from [`Document`].

use std::io::{self, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::audit::{Problem, Row, Tally};
use crate::report::text;
use crate::report::{Host, Keyed};

/// The whole report. It is written piece by piece, as the objects come; this is
/// its shape.
#[derive(JsonSchema)]
#[schemars(title = "rseqctl audit, a document of json")]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of what is written in pieces")]
pub struct Document {
    /// Which host it is about; with `--fleet` only.
    host: Option<Host>,
    /// What is said about each object, sorted by the bytes of the paths.
    objects: Vec<Row>,
    /// Inputs that could not be used, or not in full.
    problems: Vec<ProblemRow>,
    /// What was counted.
    tally: Tally,
}

/// Inputs that could not be used, kept for the end of a document.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<ProblemRow>);

/// An input that could not be used, or not in full.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemRow {
    /// Its path, or where it stands in a container.
    pub(super) path: String,
    /// What is wrong with it and what to do.
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
