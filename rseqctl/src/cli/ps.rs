//! What `rseqctl ps` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::common::{FleetArgs, RuleArgs, seconds};
use crate::commands::ps;
use crate::process::{Options, PsColumn, Selection, Style};
use crate::report::choices::{FailOn, PsFormat};
use crate::sys::user::id_of;

/// What `rseqctl ps` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Every thread is stopped for some microseconds, one at a time. A system call that a stop interrupts \
(epoll_wait, sigtimedwait, semop) may end with EINTR, as under a debugger.\n\n\
Examples:
  rseqctl ps --problems          what is wrong, on the whole host
  rseqctl ps mongod              one program, with the reasons
  rseqctl ps --unit mongod --watch
  rseqctl ps --all -o pid,owner,findings --no-headers

Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be inspected, 3 something that was asked for could not be inspected in full (and nothing was \
found).")]
pub(super) struct PsArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = PsFormat::Human)]
    format: PsFormat,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Look again and again, this many seconds apart [default: 2]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = seconds
    )]
    watch: Option<Duration>,
    /// Every thread, and how long each stood still
    #[arg(long, short)]
    verbose: bool,
    /// Stop no thread; tell what /proc alone tells
    #[arg(long)]
    no_stop: bool,
    /// Every process
    #[arg(long, short)]
    all: bool,
    /// Only processes with a warning or an error; without other choices, of every process
    #[arg(long)]
    problems: bool,
    /// Processes of this unit of systemd
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    unit: Vec<String>,
    /// Processes of this control group, and of those below it
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    cgroup: Vec<String>,
    /// Processes of this user (name or number)
    #[arg(long, value_name = "USER", value_parser = user)]
    user: Vec<u32>,
    /// The columns of the table, and nothing below its lines
    #[arg(
        short = 'o',
        long,
        value_name = "COLUMN",
        value_enum,
        value_delimiter = ','
    )]
    columns: Vec<PsColumn>,
    /// No heading and no summary
    #[arg(long)]
    no_headers: bool,
    /// Command lines in full, however long
    #[arg(long)]
    full: bool,
    /// Which findings
    #[command(flatten)]
    rules: RuleArgs,
    /// Do not count the findings of an earlier report (json or ndjson)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
    /// The processes, by id (or that of a thread) or by name
    #[arg(value_name = "PROCESS", value_parser = named)]
    processes: Vec<NamedProcess>,
}

/// A process as it is named.
#[derive(Clone, Debug)]
pub(super) enum NamedProcess {
    Pid(u32),
    Name(String),
}

/// Reads what names a process.
pub(super) fn named(text: &str) -> Result<NamedProcess, &'static str> {
    if text.is_empty() {
        return Err("an empty name");
    }
    if text.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Ok(NamedProcess::Name(text.to_owned()));
    }
    match text.parse() {
        Ok(pid) if pid != 0 => Ok(NamedProcess::Pid(pid)),
        _ => Err("not the id of a process"),
    }
}

/// Reads a user's name or number.
pub(super) fn user(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .ok()
        .or_else(|| id_of(text))
        .ok_or("no such user")
}

impl PsArgs {
    /// Returns what is wrong with these arguments together, if anything is.
    pub(super) fn complaint(&self) -> Option<&'static str> {
        let has_choice = self.all
            || self.problems
            || !self.rules.rule.is_empty()
            || !self.processes.is_empty()
            || !(self.unit.is_empty() && self.cgroup.is_empty() && self.user.is_empty());
        // what `rseqctl ps $(pidof ...)` comes to where there is none
        (!has_choice).then_some(
            "no process is named; name one (rseqctl ps mongod), or choose --problems for what is \
             wrong on this host, or --all for every process",
        )
    }
}

impl From<PsArgs> for ps::PsRequest {
    fn from(args: PsArgs) -> Self {
        let mut selection = Selection::default();
        for process in args.processes {
            match process {
                NamedProcess::Pid(pid) => selection.pids.push(pid),
                NamedProcess::Name(name) => selection.names.push(name),
            }
        }
        selection.units = args.unit;
        selection.cgroups = args.cgroup;
        selection.users = args.user;
        let columns = if args.columns.is_empty() {
            PsColumn::DEFAULT.to_vec()
        } else {
            args.columns.clone()
        };
        let style = Style {
            format: args.format,
            verbose: args.verbose,
            is_named: selection.is_named(),
            is_narrowed: args.problems || !args.rules.rule.is_empty(),
            only_table: args.no_headers || !args.columns.is_empty(),
            no_headers: args.no_headers,
            columns,
            ..Style::default()
        };
        Self {
            selection,
            options: Options {
                no_stop: args.no_stop,
                verbose: args.verbose,
                only_problems: args.problems,
                filter: args.rules.into(),
            },
            style,
            fail_on: args.fail_on,
            watch: args.watch,
            fleet: args.fleet.into(),
            baseline: args.baseline,
            full: args.full,
        }
    }
}
