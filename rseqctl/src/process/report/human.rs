//! The report for people: a line per process, what breaks a rule below it, and
//! more of each where it is asked for. It has no colours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use tls_model::facts::{Evidence, SymbolName};
use tls_model::rules::Level;

use crate::process::{ObjectRow, ProcessOwner, Row, Stops, Tally, ThreadRow};
use crate::report::{Word, text};

/// Columns of what stands below a process.
const WIDTH: usize = 100;

pub(super) fn heading(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>7}  {:<8} {:>11}  {:>6}  {:<11} PROGRAM",
        "PID", "OWNER", "REGISTERED", "LENGTH", "MODE"
    )
}

/// Writes a process's lines.
pub(super) fn process(
    row: &Row,
    is_named: bool,
    verbose: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let threads = row.registered + row.unregistered + row.unknown;
    let of_threads = if row.unknown == threads && threads != 0 {
        format!("?/{threads}")
    } else {
        format!("{}/{threads}", row.registered)
    };
    writeln!(
        out,
        "{:>7}  {:<8} {:>11}  {:>6}  {:<11} {}",
        row.pid,
        row.owner.map_or("?", ProcessOwner::name),
        of_threads,
        each(row, |thread| thread.length.map(|length| length.to_string())),
        each(row, mode),
        program(row),
    )?;
    if is_named || verbose {
        writeln!(out, "         because {}", safe(&row.because))?;
        details(row, out)?;
    }
    for missing in &row.missing {
        writeln!(out, "         not known: {}", safe(missing))?;
    }
    if is_named || verbose {
        for object in &row.objects {
            self::object(object, out)?;
        }
    }
    let strange = |thread: &&ThreadRow| verbose || (is_named && thread.unknown_because.is_some());
    for thread in row.threads.iter().filter(strange) {
        self::thread(thread, out)?;
    }
    for finding in &row.findings {
        if finding.level == Level::Note && !(is_named || verbose) {
            continue;
        }
        let about = finding.path.as_deref().map(safe).unwrap_or_default();
        let colon = if about.is_empty() { "" } else { ": " };
        let message = safe(&finding.message);
        let text = format!(
            "{}: {about}{colon}{message} [{}]",
            finding.level, finding.rule
        );
        paragraph(&text, out)?;
    }
    Ok(())
}

/// Writes the last line.
pub(super) fn summary(tally: &Tally, stops: Option<Stops>, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "{}, {}: {} registered, {} not, {} not known; {}, {}, {}",
        count(tally.processes, "process", "es"),
        count(tally.threads, "thread", "s"),
        tally.registered,
        tally.unregistered,
        tally.unknown,
        count(tally.errors, "error", "s"),
        count(tally.warnings, "warning", "s"),
        count(tally.notes, "note", "s"),
    )?;
    if tally.partial != 0 {
        write!(
            out,
            "; {} looked at in part",
            count(tally.partial, "process", "es")
        )?;
    }
    writeln!(out)?;
    if let Some(stops) = stops {
        writeln!(
            out,
            "{} stopped, one at a time: median {} us, at most {} us from the interrupt on; \
             {} and {} us from when it was seen",
            count(stops.threads as u64, "thread", "s"),
            stops.median_us,
            stops.max_us,
            stops.seen_median_us,
            stops.seen_max_us
        )?;
    }
    Ok(())
}

/// Returns what the registered threads have in common: one value, or several.
fn each(row: &Row, value: impl Fn(&ThreadRow) -> Option<String>) -> String {
    let values: BTreeSet<String> = row.threads.iter().filter_map(value).collect();
    let values: Vec<_> = values.into_iter().collect();
    if values.is_empty() {
        "-".to_owned()
    } else {
        values.join(",")
    }
}

/// Returns the mode; with a question mark where it is likely only.
fn mode(thread: &ThreadRow) -> Option<String> {
    let mark = if thread.mode_evidence == Some(Word(Evidence::Likely)) {
        "?"
    } else {
        ""
    };
    Some(format!("{}{mark}", thread.mode?.name()))
}

/// Returns the command line, or what is known instead.
fn program(row: &Row) -> String {
    if row.command.is_empty() {
        return safe(&format!("[{}]", row.name));
    }
    safe(&row.command.join(" "))
}

fn details(row: &Row, out: &mut impl Write) -> io::Result<()> {
    if let Some(exe) = &row.exe {
        writeln!(out, "         program {}, user {}", safe(exe), row.uid)?;
    }
    let other = row.other_namespaces.as_deref().unwrap_or_default();
    if !other.is_empty() || !row.inner_pids.is_empty() {
        let pids: Vec<_> = row.inner_pids.iter().map(u32::to_string).collect();
        let pids = if pids.is_empty() {
            String::new()
        } else {
            format!("; process {} there", pids.join(", then "))
        };
        writeln!(
            out,
            "         in namespaces of its own ({}){pids}",
            other.join(", ")
        )?;
    }
    Ok(())
}

fn object(object: &ObjectRow, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    if let Some(defines) = object.defines {
        let _ = write!(text, " defines __rseq_abi ({});", defines.name());
    }
    let others = |names: &[Word<SymbolName>]| {
        let names = names
            .iter()
            .filter(|name| **name != SymbolName::Abi || object.defines.is_none());
        names.map(|name| name.text()).collect::<Vec<_>>().join(", ")
    };
    let (provides, uses) = (others(&object.provides), others(&object.uses));
    for (word, names) in [("provides", provides), ("uses", uses)] {
        if !names.is_empty() {
            let _ = write!(text, " {word} {names};");
        }
    }
    if object.critical_sections != 0 {
        let _ = write!(
            text,
            " {};",
            count(object.critical_sections, "critical section", "s")
        );
    }
    let stays = if object.unloadable {
        "may be unloaded"
    } else {
        "stays"
    };
    let gone = if object.deleted {
        " (its path is gone)"
    } else {
        ""
    };
    writeln!(
        out,
        "         object {}{gone}:{text} {stays}: {}",
        safe(&object.path),
        object.unloadable_because
    )
}

fn thread(thread: &ThreadRow, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "         thread {} {} ({}): ",
        thread.tid,
        safe(&thread.name),
        safe(&thread.state)
    )?;
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    match (thread.registered, thread.length, thread.area) {
        (Some(true), Some(length), Some(area)) => {
            let likely = if thread.area_evidence == Some(Word(Evidence::Likely)) {
                " (likely)"
            } else {
                ""
            };
            write!(
                out,
                "{length} bytes at {}, {}{likely} of {}, signature {}",
                word(&thread.address),
                area.name(),
                safe(&word(&thread.object)),
                word(&thread.signature),
            )?;
            if let Some(cpu) = thread.cpu_id {
                write!(out, ", cpu {cpu}")?;
            }
            if let Some(mode) = mode(thread) {
                write!(out, ", {mode}")?;
            }
        }
        (Some(_), ..) => write!(out, "not registered")?,
        (None, ..) => write!(out, "not known: {}", safe(&word(&thread.unknown_because)))?,
    }
    if let Some(stopped) = thread.stopped_us {
        write!(out, "; stopped {stopped} us")?;
    }
    writeln!(out)
}

/// Writes text in lines of at most [`WIDTH`] columns, where its words fit.
fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    const INDENT: &str = "         ";

    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column == 0 {
            write!(out, "{INDENT}{word}")?;
            column = INDENT.len() + width;
        } else if column + 1 + width > WIDTH {
            write!(out, "\n{INDENT}  {word}")?;
            column = INDENT.len() + 2 + width;
        } else {
            write!(out, " {word}")?;
            column += 1 + width;
        }
    }
    writeln!(out)
}

fn safe(text: &str) -> String {
    text::printable(Path::new(text))
}

fn count(number: u64, what: &str, plural: &str) -> String {
    let plural = if number == 1 { "" } else { plural };
    format!("{number} {what}{plural}")
}
