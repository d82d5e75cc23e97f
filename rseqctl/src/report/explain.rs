//! What a rule of the audit, a verdict of the doctor or a word of a report means.

use std::io::{self, Write};

use serde::Serialize;
use tls_model::rules::{self, RULES, Rule, Subject};

use super::glossary::{TERMS, Term};
use super::lookup::Meaning;
use super::source::addresses;
use super::style::HEADING;
use super::{Screen, Word};

/// One meaning of a word, for machines.
#[derive(Serialize)]
struct Row<'a> {
    /// The rule, verdict or word.
    name: &'a str,
    /// What it is: `rule`, `verdict`, or the place of a report in which it stands.
    place: &'a str,
    /// The level of its findings; null for a word.
    level: Option<Word<rules::Level>>,
    /// What it comes to, in one clause; null for a word.
    title: Option<&'a str>,
    /// What it means.
    explanation: &'a str,
    /// The documents in which that is written down; null for a word.
    source: Option<&'a str>,
    /// The addresses of those that have one.
    links: Vec<String>,
}

impl<'a> Row<'a> {
    fn of_rule(rule: &'a Rule) -> Self {
        Self {
            name: rule.name,
            place: place(rule),
            level: Some(Word(rule.level)),
            title: Some(rule.title),
            explanation: rule.explanation,
            source: Some(rule.source),
            links: addresses(rule.source),
        }
    }

    fn of_term(term: &'a Term) -> Self {
        Self {
            name: term.word,
            place: term.place,
            level: None,
            title: None,
            explanation: term.meaning,
            source: None,
            links: Vec::new(),
        }
    }
}

/// Returns what a rule is called where it is explained.
fn place(rule: &Rule) -> &'static str {
    match rule.subject {
        Subject::Host => "verdict",
        _ => "rule",
    }
}

/// Writes one line for each rule and verdict, its level, its name and what it comes
/// to, then one for each word of reports.
///
/// # Errors
///
/// Those of `out`.
pub fn list(screen: Screen, out: &mut impl Write) -> io::Result<()> {
    let widest = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let groups = [
        ("Rules", rules::of_programs().collect::<Vec<_>>()),
        ("Verdicts of the doctor", rules::of_hosts().collect()),
    ];
    for (title, group) in groups {
        writeln!(out, "{}", screen.styled(HEADING, title))?;
        for rule in group {
            let level = screen.level(rule.level);
            let pad = " ".repeat(8_usize.saturating_sub(rule.level.name().len()));
            let start = format!("  {level}{pad} {:<widest$}  ", rule.name);
            screen.paragraph(&start, rule.title, out)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", screen.styled(HEADING, "Words of reports"))?;
    let mut place = "";
    for term in TERMS {
        if term.place != place {
            place = term.place;
            let here = TERMS.iter().filter(|other| other.place == place);
            let words: Vec<_> = here.map(|other| other.word).collect();
            screen.hanging("  ", "    ", &format!("{place}: {}", words.join(", ")), out)?;
        }
    }
    Ok(())
}

/// Writes what a word means and where that is written down.
///
/// # Errors
///
/// Those of `out`.
pub fn explain(meaning: &Meaning, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    match meaning {
        Meaning::Rule(rule) => of_rule(rule, screen, out),
        Meaning::Word(terms) => {
            for (index, term) in terms.iter().enumerate() {
                if index != 0 {
                    writeln!(out)?;
                }
                let word = screen.styled(HEADING, term.word);
                writeln!(out, "{word}: {}\n", term.place)?;
                screen.paragraph("", term.meaning, out)?;
            }
            Ok(())
        }
    }
}

fn of_rule(rule: &Rule, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    let (name, level) = (screen.styled(HEADING, rule.name), screen.level(rule.level));
    writeln!(out, "{name}: {level}\n")?;
    screen.paragraph("", rule.explanation, out)?;
    writeln!(out)?;
    screen.paragraph("", &format!("Source: {}.", rule.source), out)?;
    for address in addresses(rule.source) {
        writeln!(out, "  {address}")?;
    }
    Ok(())
}

/// Writes what a word means as a JSON document: a list, because a word may stand in
/// several places. Without a word, everything that is known.
///
/// # Errors
///
/// Those of `out`.
pub fn json(meaning: Option<&Meaning>, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<_> = match meaning {
        None => {
            let rules = RULES.iter().copied().map(Row::of_rule);
            rules.chain(TERMS.iter().map(Row::of_term)).collect()
        }
        Some(Meaning::Rule(rule)) => vec![Row::of_rule(rule)],
        Some(Meaning::Word(terms)) => terms.iter().copied().map(Row::of_term).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &rows)?;
    writeln!(out)
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
    Screen::PLAIN.paragraph("", text, out)
}
