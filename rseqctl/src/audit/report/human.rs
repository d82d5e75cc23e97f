//! The report for people: a few lines per object, a summary at the end. It has
//! no colours, so there is none to switch off.

use std::io::{self, Write};

use crate::audit::row::SymbolRow;
use crate::audit::{Row, Tally, text};

/// Writes the last line.
pub(super) fn summary(tally: &Tally, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "{}, {}, {} mention rseq: {}, {}, {}",
        count(tally.files, "file"),
        count(tally.objects, "object"),
        tally.mention_rseq,
        count(tally.errors, "error"),
        count(tally.warnings, "warning"),
        count(tally.notes, "note"),
    )?;
    if tally.known != 0 {
        write!(out, ", {} known", tally.known)?;
    }
    writeln!(out)
}

/// Writes an object's lines.
pub(super) fn object(row: &Row, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{}: {}, {}",
        text::printable(row.path()),
        row.kind,
        row.machine
    )?;
    for symbol in &row.symbols {
        symbol_line(symbol, out)?;
    }
    if let Some(model) = row.tls_model {
        writeln!(out, "  access to __rseq_abi: {model}")?;
    }
    if !row.sections.is_empty() {
        let names: Vec<_> = row.sections.iter().map(|section| section.name).collect();
        let sections = count(row.critical_sections, "critical section");
        writeln!(out, "  {sections} ({})", names.join(", "))?;
    }
    for finding in &row.findings {
        writeln!(
            out,
            "  {}{}: {} [{}]",
            if finding.known { "known " } else { "" },
            finding.level,
            finding.message,
            finding.rule
        )?;
    }
    Ok(())
}

fn symbol_line(symbol: &SymbolRow, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "  {} {} ({}, {}, {}",
        symbol.role, symbol.name, symbol.table, symbol.binding, symbol.visibility
    )?;
    if symbol.size != 0 {
        write!(out, ", {}", count(symbol.size, "byte"))?;
    }
    writeln!(out, ")")
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
