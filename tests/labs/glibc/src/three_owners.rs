//! `docs/three-owners.md`: today's glibc, the shim, and the patched glibc, question
//! by question, for both bases of `patches-glibc/`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::Patched;
use crate::own_tests;
use crate::series::{BASES, Series};
use rseq_kit::artifacts::room;
use rseq_lab_conformance::answers::Said;
use rseq_lab_conformance::known::{Judged, Verdict};
use rseq_lab_conformance::source::Question;
use rseq_lab_conformance::table::Column;
use rseq_lab_conformance::{Conditions, Known, Owner, Programs, Root, source};

/// The columns of the table, and what stands above them.
pub const OWNERS: [(Owner, &str); 4] = [
    (Owner::Libc, "today's glibc"),
    (Owner::Shim, "the shim"),
    (Owner::Patched, "patched glibc"),
    (Owner::PatchedPassive, "patched, and the shim"),
];

/// Debian's own build of each base.
const RELEASES: [(&str, &str); 2] = [("2.43", "forky"), ("2.36", "bookworm")];

/// The kernel that the committed page tells of.
pub const KERNEL: (u32, u32, u32) = (6, 18, 0);

const BEGIN: &str = "<!-- cargo xtask owners -->\n";
const END: &str = "<!-- end -->\n";

/// Everything asked, on every base: columns in the order of [`OWNERS`], base by
/// base.
///
/// # Errors
///
/// A glibc cannot be had, or a program not be started.
pub fn run(mut say: impl FnMut(&str)) -> Result<Vec<Column>, String> {
    let known = Known::read()?;
    let mut columns = Vec::new();
    for (base, release) in RELEASES {
        let debian = Root::open(release)?;
        let patched = Patched::of(base)?.root();
        for (owner, _) in OWNERS {
            let root = if owner.is_patched() {
                &patched
            } else {
                &debian
            };
            say(&format!("glibc {base}: {}", owner.name()));
            let programs = Programs::for_root(root)?;
            let place = programs.place(root)?;
            columns.push(Column::run(programs, "", owner, root, &place, &known)?);
        }
    }
    Ok(columns)
}

/// The same as it is written down in `known.txt`, without asking anybody: what the
/// suites hold every run to.
///
/// # Errors
///
/// The suite's sources cannot be read.
pub fn foretold() -> Result<Vec<Column>, String> {
    let known = Known::read()?;
    let programs = source::programs()?;
    let mut columns = Vec::new();
    for (base, _) in RELEASES {
        let glibc = Series::read(base)?.glibc;
        for (owner, _) in OWNERS {
            let conditions = Conditions {
                owner,
                glibc,
                kernel: KERNEL,
            };
            let asked = programs.iter().flat_map(|program| &program.questions);
            columns.push(Column {
                root: base.to_owned(),
                owner,
                judged: asked
                    .map(|question| known.foretell(&conditions, &question.name))
                    .collect(),
            });
        }
    }
    Ok(columns)
}

/// The table and its reasons: a line for each question, and one cell for both
/// bases where they agree.
#[must_use]
pub fn table(questions: &[Question], columns: &[Column]) -> String {
    let mut text = String::new();
    let names: Vec<_> = OWNERS.iter().map(|(_, name)| *name).collect();
    let _ = writeln!(text, "| question | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    let mut reasons: Vec<&str> = Vec::new();
    for question in questions {
        let cells: Vec<_> = (0..OWNERS.len())
            .map(|owner| cell(question, columns, owner, &mut reasons))
            .collect();
        let _ = writeln!(text, "| {} | {} |", question.name, cells.join(" | "));
    }
    text.push('\n');
    for (index, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "{}. {reason}", index + 1);
    }
    text
}

fn cell<'a>(
    question: &Question,
    columns: &'a [Column],
    owner: usize,
    reasons: &mut Vec<&'a str>,
) -> String {
    let mut words: Vec<(&str, String)> = Vec::new();
    for ((base, _), columns) in RELEASES.iter().zip(columns.chunks(OWNERS.len())) {
        let mut judged = columns.get(owner).into_iter().flat_map(|it| &it.judged);
        let found = judged.find(|judged| judged.question == question.name);
        words.push((base, found.map_or_else(String::new, |it| word(it, reasons))));
    }
    match &words[..] {
        [(_, first), rest @ ..] if rest.iter().all(|(_, word)| word == first) => first.clone(),
        _ => {
            let words = words.iter().map(|(base, word)| format!("{base}: {word}"));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

fn word<'a>(judged: &'a Judged, reasons: &mut Vec<&'a str>) -> String {
    let said = judged.said.map_or("not answered", Said::word);
    match &judged.verdict {
        Verdict::Right => said.to_owned(),
        Verdict::Known(reason) => {
            let known = reasons.iter().position(|known| known == reason);
            let index = known.unwrap_or_else(|| {
                reasons.push(reason);
                reasons.len() - 1
            });
            format!("{said} ({})", index + 1)
        }
        Verdict::Skipped(_) => "skip".to_owned(),
        Verdict::Wrong(_) => format!("**wrong: {said}**"),
    }
}

/// The page.
#[must_use]
pub fn page() -> PathBuf {
    room().join("../docs/three-owners.md")
}

/// The page's text, and the table in it.
///
/// # Errors
///
/// It cannot be read, or has no place for the table.
pub fn read() -> Result<(String, String), String> {
    let path = page();
    let say = |error: &str| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| say(&error.to_string()))?;
    let table = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(table, _)| table.to_owned())
        .ok_or_else(|| say("no place for the table"))?;
    Ok((text, table))
}

/// Writes this table into the page.
///
/// # Errors
///
/// As [`read`], or it cannot be written.
pub fn write(table: &str) -> Result<(), String> {
    let (text, old) = read()?;
    let place = format!("{BEGIN}{old}{END}");
    let text = text.replace(&place, &format!("{BEGIN}{table}{END}"));
    fs::write(page(), text).map_err(|error| format!("{}: {error}", page().display()))
}

/// What the page names as its witnesses and does not exist: in its last column,
/// between backquotes, questions, tests of glibc's (`tst-*`), and tests of ours
/// (`SUITE::NAME`).
///
/// # Errors
///
/// The page, the suite, the series or a source file cannot be read.
pub fn missing_witnesses() -> Result<Vec<String>, String> {
    let (text, _) = read()?;
    let text = text.split(BEGIN).next().unwrap_or_default();
    let asked: Vec<_> = source::programs()?
        .into_iter()
        .flat_map(|program| program.questions)
        .map(|question| question.name)
        .collect();
    let mut missing = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let last = line.trim_end_matches(" |").rsplit(" | ").next();
        let words: Vec<_> = last.unwrap_or_default().split('`').collect();
        if words.len() < 2 && line != HEAD {
            missing.push(format!("nothing for: {line}"));
        }
        for witness in words.iter().skip(1).step_by(2) {
            let exists = match witness.split_once("::") {
                Some((suite, name)) => suite_has(suite, name)?,
                None if witness.starts_with("tst-") => glibc_has(witness)?,
                None => asked.iter().any(|asked| asked == witness),
            };
            if !exists {
                missing.push((*witness).to_owned());
            }
        }
    }
    Ok(missing)
}

/// The head of the page's table of points.
const HEAD: &str = "| | today's glibc | the shim | patched glibc | asked by |";

/// The folders that hold suites: the common ones, and those of each laboratory.
fn folders() -> Result<Vec<PathBuf>, String> {
    let labs = room().join("labs");
    let entries = fs::read_dir(&labs).map_err(|error| format!("{}: {error}", labs.display()))?;
    let mut folders = vec![room().join("suites")];
    folders.extend(entries.flatten().map(|entry| entry.path().join("tests")));
    Ok(folders)
}

/// Whether a suite's sources hold the last word of a test's name (or of what is
/// common to several).
fn suite_has(suite: &str, name: &str) -> Result<bool, String> {
    let place = folders()?
        .into_iter()
        .map(|folder| folder.join(suite))
        .find(|place| place.is_dir() || place.with_extension("rs").is_file())
        .ok_or_else(|| format!("there is no suite {suite}"))?;
    let mut paths = vec![place.with_extension("rs")];
    if let Ok(entries) = fs::read_dir(&place) {
        paths = entries.flatten().map(|entry| entry.path()).collect();
    }
    let word = name.rsplit("::").next().unwrap_or(name);
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{suite}: {error}"))?;
        let marks = [
            format!("{word}\""),
            format!("::{word}::"),
            format!("fn {word}("),
        ];
        if marks.iter().any(|mark| text.contains(mark)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether both glibcs run this test of their own.
fn glibc_has(test: &str) -> Result<bool, String> {
    for base in BASES {
        if !own_tests::is_run(&Series::read(base)?, test) {
            return Ok(false);
        }
    }
    Ok(true)
}
