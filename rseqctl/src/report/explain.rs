//! What a rule of the audit or a verdict of the doctor means.

use std::io::{self, Write};

use tls_model::rules::{self, Level, RULES, Rule};

use super::verdict::{self, KINDS, Kind};
use super::wrapped;

/// What has a name and can be explained.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its stable name.
    pub name: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What it means and why it matters, in one paragraph.
    pub explanation: &'static str,
    /// Where that is written down.
    pub source: &'static str,
}

impl From<&'static Rule> for Entry {
    fn from(rule: &'static Rule) -> Self {
        Self {
            name: rule.name,
            level: rule.level,
            explanation: rule.explanation,
            source: rule.source,
        }
    }
}

impl From<&'static Kind> for Entry {
    fn from(kind: &'static Kind) -> Self {
        Self {
            name: kind.name,
            level: kind.level,
            explanation: kind.explanation,
            source: kind.source,
        }
    }
}

/// The rules of the audit, then the verdicts of the doctor.
pub fn entries() -> impl Iterator<Item = Entry> {
    let verdicts = KINDS.iter().copied().map(Entry::from);
    RULES.iter().map(Entry::from).chain(verdicts)
}

/// The rule or verdict with this name.
#[must_use]
pub fn find(name: &str) -> Option<Entry> {
    rules::find(name)
        .map(Entry::from)
        .or_else(|| verdict::find(name).map(Entry::from))
}

/// Writes one line per rule and verdict: its level and its name.
///
/// # Errors
///
/// Those of `out`.
pub fn list(out: &mut impl Write) -> io::Result<()> {
    for entry in entries() {
        writeln!(out, "{:<8} {}", entry.level.name(), entry.name)?;
    }
    Ok(())
}

/// Writes what a rule or verdict means and where that is written down.
///
/// # Errors
///
/// Those of `out`.
pub fn explain(entry: Entry, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", entry.name, entry.level.name())?;
    paragraph(entry.explanation, out)?;
    writeln!(out)?;
    paragraph(&format!("Source: {}.", entry.source), out)
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
    RULES
        .iter()
        .try_for_each(|rule| section(rule.into(), None, out))
}

/// Writes the page `docs/verdicts.md`.
///
/// # Errors
///
/// Those of `out`.
pub fn page_of_verdicts(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# The verdicts of the doctor\n")?;
    paragraph(
        "`rseqctl doctor` gives them; `rseqctl explain NAME` prints what stands here. The names \
         are stable. This page is made from the verdicts themselves: `UPDATE_GOLDEN=1 cargo test \
         -p rseqctl --test explain` writes it.",
        out,
    )?;
    KINDS
        .iter()
        .copied()
        .try_for_each(|kind| section(kind.into(), Some(kind.title), out))
}

fn section(entry: Entry, title: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n## {}\n", entry.name)?;
    let level = entry.level.name();
    match title {
        None => paragraph(&format!("Level: {level}."), out)?,
        Some(title) => paragraph(&format!("Level: {level}. Says: {title}."), out)?,
    }
    writeln!(out)?;
    // in Markdown underscores at both ends of a word are emphasis
    paragraph(&entry.explanation.replace("__", "\\_\\_"), out)?;
    writeln!(out)?;
    paragraph(&format!("Source: {}.", entry.source), out)
}

fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    wrapped("", text, out)
}
