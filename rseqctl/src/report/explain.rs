//! What a rule of the audit, a verdict of the doctor or a word of a report means.

use std::io::{self, Write};

use tls_model::rules::{self, RULES, Rule, Subject};

use super::glossary::{self, TERMS};
use super::wrapped;

/// Writes one line per rule and verdict, its level and its name, then one per word of
/// reports.
///
/// # Errors
///
/// Those of `out`.
pub fn list(out: &mut impl Write) -> io::Result<()> {
    for rule in RULES {
        writeln!(out, "{:<8} {}", rule.level.name(), rule.name)?;
    }
    for word in glossary::words() {
        writeln!(out, "{:<8} {word}", "word")?;
    }
    Ok(())
}

/// Writes what a rule or verdict means and where that is written down.
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
    rules::of_programs().try_for_each(|rule| section(rule, out))
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
    rules::of_hosts().try_for_each(|rule| section(rule, out))
}

/// Writes the page `docs/words.md`.
///
/// # Errors
///
/// Those of `out`.
pub fn page_of_words(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# The words of reports\n")?;
    paragraph(
        "What the words in the output of `rseqctl` mean; `rseqctl explain WORD` prints what \
         stands here. The names of rules are in [rules.md](rules.md), those of verdicts in \
         [verdicts.md](verdicts.md). This page is made from the words themselves: \
         `UPDATE_GOLDEN=1 cargo test -p rseqctl --test explain` writes it.",
        out,
    )?;
    let mut place = "";
    for term in TERMS {
        if term.place != place {
            place = term.place;
            writeln!(out, "\n## {}\n", capital(place))?;
            writeln!(out, "| word | meaning |\n|---|---|")?;
        }
        writeln!(out, "| `{}` | {} |", term.word, escaped(term.meaning))?;
    }
    Ok(())
}

/// Returns the text with a capital letter at its start.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn section(rule: &Rule, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n## {}\n", rule.name)?;
    let level = rule.level.name();
    let title = escaped(rule.title);
    match rule.subject {
        Subject::Host => paragraph(&format!("Level: {level}. Says: {title}."), out)?,
        _ => paragraph(&format!("Level: {level}. In short: {title}."), out)?,
    }
    writeln!(out)?;
    paragraph(&escaped(rule.explanation), out)?;
    writeln!(out)?;
    paragraph(&format!("Source: {}.", rule.source), out)
}

/// Escapes a text for Markdown, in which underscores at both ends of a word are emphasis.
fn escaped(text: &str) -> String {
    text.replace("__", "\\_\\_")
}

fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    wrapped("", text, out)
}
