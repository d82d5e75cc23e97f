//! What is printed.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rules::Level;

use super::facts::{Facts, Libc, SeccompMode};
use super::judge::Verdict;
use super::running::{Running, RunningProgram};
use crate::kernel::{Abort, Field, Length, SelfTest};
use crate::report::choices::ReportFormat;
use crate::report::text::without_controls;
use crate::report::{Host, Keyed, Screen, style};
use crate::sys::thread::Registration;
use crate::tunables::RseqTunable;

/// The whole answer: a line of ndjson, or a document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl doctor")]
#[non_exhaustive]
pub struct HostReport {
    /// Host, libc, and what else was looked at.
    #[serde(flatten)]
    pub facts: Facts,
    /// What was tried.
    pub self_test: SelfTest,
    /// What it comes to, errors first.
    pub verdicts: Vec<Verdict>,
    /// What was found of the programs that run; null where they were not looked at.
    pub running: Option<Running>,
}

impl HostReport {
    /// Writes it; for people with `details`, or where something is wrong, with
    /// everything that was tried.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(
        &self,
        format: ReportFormat,
        details: bool,
        host: Option<&Host>,
        screen: Screen,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let row = Keyed { host, row: self };
        match format {
            ReportFormat::Human => return self.human(details, screen, out),
            ReportFormat::Json => serde_json::to_writer_pretty(&mut *out, &row)?,
            ReportFormat::Ndjson => serde_json::to_writer(&mut *out, &row)?,
        }
        writeln!(out)
    }

    fn human(&self, details: bool, screen: Screen, out: &mut impl Write) -> io::Result<()> {
        let worst = self.verdicts.iter().map(|verdict| *verdict.level).max();
        let is_fine = worst < Some(Level::Warning);
        self.headline(screen, out)?;
        if details || !is_fine {
            self.human_facts(screen, out)?;
            self.human_test(out)?;
            writeln!(out)?;
        }
        for verdict in &self.verdicts {
            let level = screen.level(*verdict.level);
            let text = format!("{level}: {} [{}]", verdict.title, verdict.verdict);
            screen.hanging("", "  ", &text, out)?;
            screen.paragraph("  seen: ", &verdict.seen, out)?;
            screen.paragraph("  to do: ", &verdict.action, out)?;
        }
        writeln!(out, "\n{}", screen.styled(style::HEADING, "Next"))?;
        for (command, what) in NEXT {
            let pad = " ".repeat(34_usize.saturating_sub(command.len()));
            let command = screen.styled(style::COMMAND, command);
            screen.entry(&format!("  {command}{pad}"), what, out)?;
        }
        Ok(())
    }

    /// Writes the sentence that matters most.
    fn headline(&self, screen: Screen, out: &mut impl Write) -> io::Result<()> {
        let worst = self.verdicts.iter().max_by_key(|verdict| *verdict.level);
        let refused = self.running.as_ref().map_or(&[][..], |it| &it.refused);
        let (colours, text) = match worst.filter(|it| *it.level >= Level::Warning) {
            Some(verdict) => (
                style::of_level(*verdict.level),
                format!("Look at this first: {}.", verdict.title),
            ),
            None => (style::GOOD, "This host is fit for rseq.".to_owned()),
        };
        writeln!(out, "{}", screen.styled(colours, text))?;
        if !refused.is_empty() {
            let colours = style::of_level(Level::Warning);
            let lines = [refusals(refused), advice(refused.len()).to_owned()];
            for line in lines {
                let mut text = Vec::new();
                screen.paragraph("", &line, &mut text)?;
                let text = String::from_utf8_lossy(&text);
                writeln!(out, "{}", screen.styled(colours, text.trim_end()))?;
            }
        } else if let Some(running) = &self.running {
            let mut text = format!(
                "None of the {} processes that were inspected is refused.",
                running.inspected
            );
            if running.not_permitted != 0 {
                let more = format!(
                    " {} could not be inspected for want of permission.",
                    running.not_permitted
                );
                text.push_str(&more);
            }
            screen.paragraph("", &text, out)?;
        }
        writeln!(out)
    }

    fn human_facts(&self, screen: Screen, out: &mut impl Write) -> io::Result<()> {
        let facts = &self.facts;
        let mut line = |key: &str, value: String| screen.entry(&format!("{key:<14}"), &value, out);
        line(
            "kernel",
            format!("{} {}", facts.kernel.release, facts.kernel.architecture),
        )?;
        line(
            "announces",
            match (facts.auxv.rseq_feature_size, facts.auxv.rseq_align) {
                (Some(size), Some(align)) => {
                    format!("rseq areas of {size} bytes, aligned to {align}")
                }
                _ => "no size of rseq areas (before Linux 6.3)".to_owned(),
            },
        )?;
        line("libc", facts.libc.text())?;
        line(
            "tunables",
            facts
                .libc
                .tunables
                .clone()
                .unwrap_or_else(|| "GLIBC_TUNABLES is not set".to_owned()),
        )?;
        line(
            "seccomp",
            match (facts.seccomp.mode, facts.seccomp.filters) {
                (Some(SeccompMode::Filter), Some(count)) => format!("{count} filters"),
                (mode, _) => mode.map_or("not known", SeccompMode::name).to_owned(),
            },
        )?;
        line(
            "preload file",
            match &facts.preload_file {
                None => "no /etc/ld.so.preload".to_owned(),
                Some(entries) => entries
                    .iter()
                    .map(|entry| entry.library.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
            },
        )?;
        line(
            "static TLS",
            facts.libc.static_tls_surplus.map_or_else(
                || "not known what is kept for dlopen".to_owned(),
                |bytes| format!("{bytes} bytes are kept for libraries that dlopen brings"),
            ),
        )?;
        if facts.auxv.secure {
            line("privileges", "AT_SECURE is set".to_owned())?;
        }
        Ok(())
    }

    fn human_test(&self, out: &mut impl Write) -> io::Result<()> {
        let test = &self.self_test;
        if let Some(refused) = test.refused {
            return writeln!(out, "{:<14}{refused}", "self-test");
        }
        writeln!(out, "{:<14}{} ms", "self-test", test.milliseconds)?;
        let mut row = |name: &str, cell: &dyn Fn(&Length) -> &'static str| {
            write!(out, "  {name:<42}")?;
            for length in &test.lengths {
                write!(out, "{:<12}", cell(length))?;
            }
            writeln!(out)
        };
        row("registration of", &|length| match length.length {
            32 => "32 bytes",
            33 => "33 bytes",
            _ => "more bytes",
        })?;
        row("is granted", &|length| match length.answers.registration {
            Some(0) => "yes",
            Some(_) => "no",
            None => "?",
        })?;
        row("wrong calls are refused", &|length| {
            if !length.answers.granted() {
                "?"
            } else if length.answers.surprises().is_empty() {
                "yes"
            } else {
                "no"
            }
        })?;
        for (name, field) in FIELDS {
            row(
                &format!("cpu_id_start, changed, after {name}"),
                &|length| match field(length) {
                    Field::Rewritten => "rewritten",
                    Field::Kept => "kept",
                    Field::Killed => "killed",
                    Field::Unknown => "?",
                },
            )?;
        }
        for index in 0..4 {
            let name = test
                .lengths
                .first()
                .map_or("", |length| length.aborts.each()[index].0);
            row(
                &format!("a section aborts on {name}"),
                &|length| match length.aborts.each()[index].1 {
                    Abort::Aborts => "yes",
                    Abort::RunsOn => "NO",
                    Abort::Unknown => "?",
                },
            )?;
        }
        Ok(())
    }
}

/// Where to go from here.
const NEXT: [(&str, &str); 6] = [
    (
        "rseqctl ps --problems",
        "what is wrong with the programs that run",
    ),
    (
        "rseqctl run --dry-run -- PROGRAM",
        "what it needs, and what run would do",
    ),
    (
        "rseqctl run --verify -- PROGRAM",
        "start it so, and see that it is so",
    ),
    (
        "rseqctl run --help",
        "the same for a service and a container",
    ),
    ("rseqctl explain NAME", "more about a verdict"),
    (
        "rseqctl doctor --verbose",
        "what was read and tried on this host",
    ),
];

/// Returns what helps programs that were refused.
const fn advice(count: usize) -> &'static str {
    if count == 1 {
        "That cannot be changed while it runs: start it again with rseqctl run, and it gets it."
    } else {
        "That cannot be changed while they run: start them again with rseqctl run, and they get it."
    }
}

/// Returns which programs were refused.
fn refusals(refused: &[RunningProgram]) -> String {
    /// More names than this say nothing more.
    const MAX_NAMES: usize = 5;

    let first = refused.get(..MAX_NAMES).unwrap_or(refused).iter();
    let mut names: Vec<_> = first
        .map(|program| format!("{} ({})", without_controls(&program.name), program.pid))
        .collect();
    if refused.len() > MAX_NAMES {
        names.push(format!("{} more", refused.len() - MAX_NAMES));
    }
    let (count, is, brings) = match refused.len() {
        1 => ("1 running program".to_owned(), "is", "it brings"),
        many => (format!("{many} running programs"), "are", "they bring"),
    };
    format!(
        "{count} {is} refused the registration that {brings}: {}.",
        names.join(", ")
    )
}

impl Libc {
    /// Whether the thread that asks is known to be registered by that one.
    pub(super) fn is_registered_by(&self, who: Registration) -> bool {
        self.registered_by.as_deref() == Some(&who)
    }

    fn text(&self) -> String {
        let mut text = match &self.glibc {
            Some(version) => format!("glibc {version}"),
            None => "not glibc".to_owned(),
        };
        text.push_str(match self.registered_by.as_deref() {
            None => "; who has registered this thread is not known",
            Some(Registration::Libc) => ", has registered its own area in this thread",
            Some(Registration::Shared) if self.owns_symbol => {
                ", owns __rseq_abi and has registered it in this thread"
            }
            Some(Registration::Shared) => "; __rseq_abi is registered in this thread",
            Some(Registration::Denied) => "; sys_rseq is denied",
            Some(_) if self.rseq_tunable == RseqTunable::Off => {
                ", switched off: nobody has registered this thread"
            }
            Some(Registration::Nobody) => ", has not registered this thread",
        });
        text
    }
}

type FieldOf = fn(&Length) -> Field;

const FIELDS: [(&str, FieldOf); 4] = [
    ("a sleep", |length| length.cpu_id_start.sleep),
    ("preemption", |length| length.cpu_id_start.preemption),
    ("a signal", |length| length.cpu_id_start.signal),
    ("migration", |length| length.cpu_id_start.migration),
];
