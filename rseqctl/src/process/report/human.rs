//! The report for people: a table with a line for each process, those with problems
//! first, and below a process what breaks a rule, and more where it is asked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use anstyle::Style as Colours;
use tls_model::facts::{Evidence, SymbolName};
use tls_model::rules::Level;

use super::column::PsColumn;
use super::style::Style;
use crate::process::{ObjectRow, ProcessOwner, Row, Stops, Tally, ThreadRow};
use crate::report::{Screen, Word, style, text};
use crate::sys::process;

/// What stands below a process begins so.
const INDENT: &str = "         ";

/// The processes so far.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Entry>);

/// What is written about a process.
#[derive(Debug)]
struct Entry {
    pid: u32,
    worst: Option<Level>,
    cells: Vec<String>,
    below: Vec<u8>,
}

impl Lines {
    /// Adds a process.
    pub(super) fn add(&mut self, row: &Row, style: &Style) -> io::Result<()> {
        // one line at the end stands for them all
        if row.not_permitted && !(style.is_named || style.verbose) {
            return Ok(());
        }
        let mut below = Vec::new();
        if !style.only_table {
            self::below(row, style, &mut below)?;
        }
        let new = row.findings.iter().filter(|finding| !finding.known);
        self.0.push(Entry {
            pid: row.pid,
            worst: new.map(|finding| *finding.level).max(),
            cells: style.columns.iter().map(|it| cell(*it, row)).collect(),
            below,
        });
        Ok(())
    }

    /// Writes the table and what stands below its lines.
    pub(super) fn write(mut self, style: &Style, out: &mut impl Write) -> io::Result<()> {
        let urgent = |entry: &Entry| entry.worst.filter(|level| *level >= Level::Warning);
        if self.0.is_empty() && !style.only_table {
            return writeln!(
                out,
                "{}",
                if style.is_narrowed {
                    "No process that was inspected has such a finding."
                } else {
                    "No process was inspected."
                }
            );
        }
        self.0
            .sort_by_key(|entry| (Reverse(urgent(entry)), entry.pid));
        let columns: Vec<_> = style.columns.iter().map(|it| it.column()).collect();
        let cells = self.0.iter().map(|entry| &*entry.cells);
        let mut lines = style.screen.table(&columns, cells).into_iter();
        if let Some(heading) = lines.next().filter(|_| !style.no_headers) {
            let heading = style.screen.styled(style::COMMAND, heading);
            writeln!(out, "{heading}")?;
        }
        for (entry, line) in self.0.iter().zip(lines) {
            let colours = urgent(entry).map_or(Colours::new(), style::of_level);
            writeln!(out, "{}", style.screen.styled(colours, line))?;
            out.write_all(&entry.below)?;
        }
        Ok(())
    }
}

/// Returns a process's cell in a column.
fn cell(column: PsColumn, row: &Row) -> String {
    let text = match column {
        PsColumn::Pid => row.pid.to_string(),
        PsColumn::User => row.uid.to_string(),
        PsColumn::Unit => row.unit.clone().unwrap_or_else(|| "-".to_owned()),
        PsColumn::Owner => row.owner.map_or("?", ProcessOwner::name).to_owned(),
        PsColumn::Registered => of_threads(row),
        PsColumn::Length => each(row, |thread| thread.length.map(|length| length.to_string())),
        PsColumn::Mode => each(row, mode),
        PsColumn::Name => row.name.clone(),
        PsColumn::Program => program(row),
        PsColumn::Findings => findings(row),
    };
    safe(&text)
}

/// Returns how many of the threads are registered.
fn of_threads(row: &Row) -> String {
    let threads = row.registered + row.unregistered + row.unknown;
    if row.unknown == threads && threads != 0 {
        format!("?/{threads}")
    } else {
        format!("{}/{threads}", row.registered)
    }
}

/// Returns the rules of the findings that count.
fn findings(row: &Row) -> String {
    let new = row.findings.iter().filter(|finding| !finding.known);
    let rules: BTreeSet<_> = new.map(|finding| finding.rule.name).collect();
    if rules.is_empty() {
        "-".to_owned()
    } else {
        rules.into_iter().collect::<Vec<_>>().join(",")
    }
}

/// Writes what stands below a process's line.
fn below(row: &Row, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let is_detailed = style.is_named || style.verbose;
    let mut line = |text: &str| {
        style
            .screen
            .hanging(INDENT, &format!("{INDENT}  "), text, out)
    };
    if is_detailed {
        line(&format!("because {}", safe(&row.because)))?;
        details(row, &mut line)?;
    }
    for missing in &row.missing {
        line(&format!("not known: {}", safe(missing)))?;
    }
    if is_detailed {
        for object in &row.objects {
            line(&self::object(object))?;
        }
    }
    if style.verbose {
        for thread in &row.threads {
            line(&self::thread(thread))?;
        }
    } else if style.is_named {
        unknown_threads(row, &mut line)?;
    }
    for finding in &row.findings {
        if *finding.level == Level::Note && !is_detailed {
            continue;
        }
        let about = finding.path.as_deref().map(safe).unwrap_or_default();
        let colon = if about.is_empty() { "" } else { ": " };
        let message = safe(&finding.message);
        let known = if finding.known { "known " } else { "" };
        let level = style.screen.level(*finding.level);
        let rule = finding.rule;
        line(&format!("{known}{level}: {about}{colon}{message} [{rule}]"))?;
    }
    Ok(())
}

/// Writes why threads are not known, a line for each reason.
fn unknown_threads(row: &Row, line: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for thread in &row.threads {
        if let Some(why) = &thread.unknown_because {
            let name = format!("{} {}", thread.tid, safe(&thread.name));
            reasons.entry(why).or_default().push(name);
        }
    }
    for (why, threads) in reasons {
        /// More names than this say nothing more.
        const MAX_NAMES: usize = 4;

        let names = match threads.get(..MAX_NAMES) {
            Some(first) if threads.len() > MAX_NAMES => format!("{}, ...", first.join(", ")),
            _ => threads.join(", "),
        };
        let count = count(threads.len() as u64, "thread", "s");
        line(&format!("{count} not known: {} ({names})", safe(why)))?;
    }
    Ok(())
}

/// Writes the last lines.
pub(super) fn summary(
    tally: &Tally,
    stops: Option<Stops>,
    screen: Screen,
    out: &mut impl Write,
) -> io::Result<()> {
    let partial = match tally.partial {
        0 => String::new(),
        partial => format!("; {} looked at in part", count(partial, "process", "es")),
    };
    let text = format!(
        "{}, {}: {} registered, {} not, {} not known; {}, {}, {}{partial}",
        count(tally.processes, "process", "es"),
        count(tally.threads, "thread", "s"),
        tally.registered,
        tally.unregistered,
        tally.unknown,
        count(tally.errors, "error", "s"),
        count(tally.warnings, "warning", "s"),
        count(tally.notes, "note", "s"),
    );
    screen.message("", &text, out)?;
    if tally.not_permitted != 0 {
        let text = format!(
            "{} could not be inspected for want of permission{}",
            count(tally.not_permitted, "process", "es"),
            if process::effective_ids().0 == 0 {
                ""
            } else {
                "; root may see them"
            }
        );
        screen.message("", &text, out)?;
    }
    if let Some(stops) = stops {
        let text = format!(
            "{} stopped, one at a time: median {} us, at most {} us from the interrupt on; \
             {} and {} us from when it was seen",
            count(stops.threads as u64, "thread", "s"),
            stops.median_us,
            stops.max_us,
            stops.seen_median_us,
            stops.seen_max_us
        );
        screen.message("", &text, out)?;
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
        return format!("[{}]", row.name);
    }
    row.command.join(" ")
}

fn details(row: &Row, line: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    if let Some(exe) = &row.exe {
        let unit = row.unit.as_deref().map(safe);
        let unit = unit.map_or(String::new(), |unit| format!(", unit {unit}"));
        line(&format!("program {}, user {}{unit}", safe(exe), row.uid))?;
    }
    let other = row.other_namespaces.as_deref().unwrap_or_default();
    if !other.is_empty() || !row.inner_pids.is_empty() {
        let pids: Vec<_> = row.inner_pids.iter().map(u32::to_string).collect();
        let pids = if pids.is_empty() {
            String::new()
        } else {
            format!("; process {} there", pids.join(", then "))
        };
        let kinds = other.join(", ");
        line(&format!("in namespaces of its own ({kinds}){pids}"))?;
    }
    Ok(())
}

fn object(object: &ObjectRow) -> String {
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
    let path = safe(&object.path);
    let because = object.unloadable_because;
    format!("object {path}{gone}:{text} {stays}: {because}")
}

fn thread(thread: &ThreadRow) -> String {
    let mut text = format!(
        "thread {} {} ({}): ",
        thread.tid,
        safe(&thread.name),
        safe(&thread.state)
    );
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    // writing to a String does not fail
    let _ = match (thread.registered, thread.length, thread.area) {
        (Some(true), Some(length), Some(area)) => {
            let likely = if thread.area_evidence == Some(Word(Evidence::Likely)) {
                " (likely)"
            } else {
                ""
            };
            let cpu = thread.cpu_id.map(|cpu| format!(", cpu {cpu}"));
            let mode = mode(thread).map(|mode| format!(", {mode}"));
            write!(
                text,
                "{length} bytes at {}, {}{likely} of {}, signature {}{}{}",
                word(&thread.address),
                area.name(),
                safe(&word(&thread.object)),
                word(&thread.signature),
                cpu.unwrap_or_default(),
                mode.unwrap_or_default(),
            )
        }
        (Some(_), ..) => write!(text, "not registered"),
        (None, ..) => write!(text, "not known: {}", safe(&word(&thread.unknown_because))),
    };
    if let Some(stopped) = thread.stopped_us {
        let _ = write!(text, "; stopped {stopped} us");
    }
    text
}

fn safe(text: &str) -> String {
    text::printable(Path::new(text))
}

fn count(number: u64, what: &str, plural: &str) -> String {
    let plural = if number == 1 { "" } else { plural };
    format!("{number} {what}{plural}")
}
