//! `rseqctl explain`: what a rule of the audit means.

use std::io::{self, ErrorKind, Write};

use tls_model::rules::{self, RULES, Rule};

use crate::cli::ExplainArgs;
use crate::exit::Status;

/// Columns of a paragraph.
const WIDTH: usize = 80;

/// Writes one line per rule: its level and its name.
///
/// # Errors
///
/// Those of `out`.
pub fn list(out: &mut impl Write) -> io::Result<()> {
    for rule in &RULES {
        writeln!(out, "{:<8} {}", rule.level.name(), rule.name)?;
    }
    Ok(())
}

/// Writes what a rule means and where that is written down.
///
/// # Errors
///
/// Those of `out`.
pub fn explain(rule: &Rule, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", rule.name, rule.level.name())?;
    paragraph(rule.explanation, out)?;
    writeln!(out)?;
    paragraph(&format!("Source: {}.", rule.source), out)
}

/// Writes the page `docs/rules.md`.
///
/// # Errors
///
/// Those of `out`.
pub fn page(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# The rules of the audit\n")?;
    paragraph(
        "`rseqctl audit` names the rule of each finding; `rseqctl explain RULE` prints what stands \
         here. The names are stable. This page is made from the rules themselves: \
         `UPDATE_GOLDEN=1 cargo test -p rseqctl --test explain` writes it.",
        out,
    )?;
    for rule in &RULES {
        writeln!(out, "\n## {}\n", rule.name)?;
        paragraph(&format!("Level: {}.", rule.level.name()), out)?;
        writeln!(out)?;
        // in Markdown underscores at both ends of a word are emphasis
        paragraph(&rule.explanation.replace("__", "\\_\\_"), out)?;
        writeln!(out)?;
        paragraph(&format!("Source: {}.", rule.source), out)?;
    }
    Ok(())
}

/// Writes text in lines of at most [`WIDTH`] columns.
fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column != 0 {
            let fits = column + 1 + width <= WIDTH;
            out.write_all(if fits { b" " } else { b"\n" })?;
            column = if fits { column + 1 } else { 0 };
        }
        out.write_all(word.as_bytes())?;
        column += width;
    }
    writeln!(out)
}

/// Runs the subcommand.
#[must_use]
pub fn main(args: &ExplainArgs) -> Status {
    let mut out = io::stdout().lock();
    let (written, status) = match args.rule.as_deref() {
        None => (list(&mut out), Status::Clean),
        Some(name) => match rules::find(name) {
            Some(rule) => (explain(rule, &mut out), Status::Clean),
            None => (unknown(name, &mut io::stderr()), Status::Nothing),
        },
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // nobody is left to tell where standard error is gone
            let _ = writeln!(io::stderr(), "rseqctl: standard output: {error}");
            Status::Nothing
        }
        Ok(()) | Err(_) => status,
    }
}

fn unknown(name: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "rseqctl: no rule {name:?}; the rules are:")?;
    list(out)
}
