//! The report for people: a few lines per object, a summary at the end.

use std::io::{self, Write};
use std::path::Path;

use tls_model::facts::ModelEvidence;

use crate::audit::program_row::ProgramRow;
use crate::audit::row::SymbolRow;
use crate::audit::{Row, Tally};
use crate::report::{Screen, Word, style, text};

/// Writes the last line.
pub(super) fn summary(tally: &Tally, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    let mut line = vec![format!(
        "{}, {}, {} mention rseq: {}, {}, {}",
        count(tally.files, "file"),
        count(tally.objects, "object"),
        tally.mention_rseq,
        count(tally.errors, "error"),
        count(tally.warnings, "warning"),
        count(tally.notes, "note"),
    )];
    if tally.known != 0 {
        line.push(format!(", {} known", tally.known));
    }
    if tally.links != 0 {
        let links = count(tally.links, "symbolic link");
        line.push(format!("; {links} passed over"));
    }
    if tally.problems != 0 {
        let problems = count(tally.problems, "input");
        line.push(format!("; {problems} could not be read in full"));
    }
    screen.message("", &line.concat(), out)
}

/// Writes an object's lines.
pub(super) fn object(row: &Row, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{}: {}, {}",
        screen.styled(style::COMMAND, text::printable(row.path())),
        row.kind,
        row.machine
    )?;
    for symbol in &row.symbols {
        symbol_line(symbol, out)?;
    }
    match (row.tls_model, row.tls_model_evidence) {
        // nothing to say: it is known that there is none
        (None, None | Some(Word(ModelEvidence::Proved))) => {}
        (Some(model), None) => writeln!(out, "  access to __rseq_abi: {model}")?,
        (model, Some(evidence)) => {
            let model = model.map_or("none seen", Word::text);
            writeln!(out, "  access to __rseq_abi: {model} ({evidence})")?;
        }
    }
    if !row.other_tls_models.is_empty() {
        let others: Vec<_> = row.other_tls_models.iter().map(|it| it.text()).collect();
        let others = others.join(", ");
        writeln!(
            out,
            "  access to __rseq_abi elsewhere in it: {others} (proved)"
        )?;
    }
    if !row.sections.is_empty() {
        let names: Vec<_> = row.sections.iter().map(|it| it.name.text()).collect();
        let sections = count(row.critical_sections, "critical section");
        writeln!(out, "  {sections} ({})", names.join(", "))?;
    } else if row.critical_sections != 0 {
        let sections = count(row.critical_sections, "critical section");
        writeln!(out, "  {sections} (likely: found without section headers)")?;
    }
    for finding in &row.findings {
        let known = if finding.known { "known " } else { "" };
        let start = format!("  {known}{}: ", screen.level(*finding.level));
        let text = format!("{} [{}]", finding.message, finding.rule);
        screen.message(&start, &text, out)?;
    }
    row.program
        .as_ref()
        .map_or(Ok(()), |about| program(about, out))
}

/// Writes what is said about a whole program: first what it comes to.
pub(super) fn verdict(about: &ProgramRow, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    let text = match &about.run {
        None => "What rseqctl run would do can be said on the host of the program only.".to_owned(),
        Some(run) => format!("Under rseqctl run, {} (owner: {}).", run.means, run.owner),
    };
    screen.hanging("", "  ", &text, out)
}

fn program(about: &ProgramRow, out: &mut impl Write) -> io::Result<()> {
    let objects = count(about.objects.len() as u64, "object");
    writeln!(out, "  the program starts with {objects}")?;
    for missing in &about.missing {
        writeln!(
            out,
            "  not found: {}, needed by {}",
            safe(&missing.name),
            safe(&missing.needed_by)
        )?;
    }
    match &about.winner {
        Some(winner) => writeln!(out, "  its __rseq_abi is that of {}", safe(winner))?,
        None => writeln!(out, "  no object of it exports __rseq_abi")?,
    }
    for hidden in &about.hidden {
        writeln!(out, "  an area of its own: {}", safe(hidden))?;
    }
    let Some(run) = &about.run else {
        return Ok(());
    };
    for warning in &run.warnings {
        writeln!(out, "  rseqctl run would warn: {}", safe(warning))?;
    }
    Ok(())
}

fn safe(text: &str) -> String {
    text::printable(Path::new(text))
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
