//! The command line: one source for parser and help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use tls_model::owner::Mode;

use crate::commands;
use crate::exit::RUN_FAILED;
use crate::report::Host;
use crate::report::choices::{FailOn, Format, PsFormat, ReportFormat, RunFormat};

#[derive(Debug, Parser)]
#[command(
    name = "rseqctl",
    version,
    about = "Who owns restartable sequences (rseq)",
    after_help = "Start with rseqctl doctor: it says what this host does, and what to do next."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which objects define or use `__rseq_abi`, and how
    Audit(AuditArgs),
    /// Say what this host does with rseq, by looking and by trying
    Doctor(DoctorArgs),
    /// Show who owns rseq in every thread of live processes
    Ps(PsArgs),
    /// Start a command with exactly one owner of rseq
    Run(RunArgs),
    /// Say what a rule of the audit or a verdict of the doctor means, and where that is written down
    Explain(ExplainArgs),
    /// Run a program with many threads without and with the shim, and show who registered each
    Demo(DemoArgs),
    /// The program that `demo` runs
    #[command(hide = true)]
    DemoProgram(DemoArgs),
}

/// What `rseqctl run` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: that of the command; 125 where rseqctl itself fails or refuses, 126 and 127 as env(1).

A systemd service (systemctl edit NAME):
  [Service]
  ExecStart=
  ExecStart=/usr/local/bin/rseqctl run -- PROGRAM ARGUMENT...

A container image:
  ENTRYPOINT [\"/opt/rseq/rseqctl\", \"run\", \"--\", \"PROGRAM\"]")]
pub struct RunArgs {
    /// Who is to own the registration [default: RSEQ_SHIM_MODE, else auto]
    #[arg(long, value_parser = modes())]
    pub mode: Option<Mode>,
    /// Tell at the end, as JSON, who owned the registration and what was counted (- for standard output)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print the decision and start nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How --dry-run prints
    #[arg(long, value_enum, default_value_t = RunFormat::Human, requires = "dry_run")]
    pub format: RunFormat,
    /// Say whether the decision holds in the running command [default: only where the libc was
    /// switched off, and only what is not as decided]
    #[arg(long, conflicts_with_all = ["no_verify", "report"])]
    pub verify: bool,
    /// Do not look whether the decision holds
    #[arg(long)]
    pub no_verify: bool,
    /// Start what would corrupt memory on this kernel, too
    #[arg(long)]
    pub force: bool,
    /// A library that the command may load with dlopen: static TLS is kept for it
    #[arg(long, value_name = "LIBRARY")]
    pub may_load: Vec<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What `rseqctl doctor` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error, 3 not \
everything could be tested (and nothing was found in the rest).")]
pub struct DoctorArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    pub format: ReportFormat,
    /// Exit with 1 from this level of verdict on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// Show everything that was tried, for people
    #[arg(long, short)]
    pub verbose: bool,
    /// How long the self-test may take; more for emulated machines
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=120))]
    pub seconds: u8,
    /// The host's keys
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// What `rseqctl explain` takes.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The rule or verdict; without one all are listed
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
}

/// What `rseqctl demo` takes.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Number of threads
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub threads: u16,
}

/// What `rseqctl audit` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be read, 3 some inputs could not be read (and nothing was found in the others).")]
pub struct AuditArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// List files that have nothing to do with rseq, too
    #[arg(long)]
    pub all: bool,
    /// The host's keys
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Do not count the findings of an earlier report (json or ndjson)
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Look at a whole program: the libraries that it starts with, whose
    /// `__rseq_abi` wins, what `rseqctl run` would do. PATHs are then what it may dlopen
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<PathBuf>,
    /// The folder that is the program's `/`, such as an unpacked image
    #[arg(long, value_name = "FOLDER", requires = "program")]
    pub root: Option<PathBuf>,
    /// Files, packages, images, or trees to walk
    #[arg(required_unless_present = "program", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What `rseqctl ps` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Every thread is stopped for some microseconds, one at a time. A system call that a stop interrupts \
(epoll_wait, sigtimedwait, semop) may end with EINTR, as under a debugger.\n\n\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be looked at, 3 some processes could not be looked at in full (and nothing was found).")]
pub struct PsArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = PsFormat::Human)]
    pub format: PsFormat,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// Look again and again, this many seconds apart [default: 2]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = seconds
    )]
    pub watch: Option<f64>,
    /// Every thread, and how long each stood still
    #[arg(long, short)]
    pub verbose: bool,
    /// Stop no thread; tell what /proc alone tells
    #[arg(long)]
    pub no_stop: bool,
    /// The host's keys
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The processes (or threads of them); without one, every process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub pids: Vec<u32>,
}

/// What `--fleet` takes: for all subcommands the same.
#[derive(Args, Clone, Debug, Default)]
pub struct FleetArgs {
    /// Begin every row (ndjson) and document (json) with the host's keys: host (NAME, else the
    /// machine id), hostname, boot, time
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub fleet: Option<OsString>,
}

impl FleetArgs {
    /// The host's keys, where they were asked for.
    #[must_use]
    pub fn host(&self, report: &'static str) -> Option<Host> {
        let name = self.fleet.as_ref()?;
        Some(Host::here(report, Some(&name.to_string_lossy())))
    }
}

/// Seconds between two looks.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=86_400.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("not between 0.1 and 86400".to_owned())
    }
}

/// The words of `--mode`.
fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::name))
        .map(|word| Mode::from_name(word.as_bytes()).unwrap_or_default())
}

/// Parses the command line and runs what it asks for.
///
/// A usage error prints to standard error and exits with 2 (clap's own status).
#[must_use]
pub fn main() -> ExitCode {
    crate::sys::signals::outlive_limits();
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // `run` keeps 2 for its command, as env(1) does
        let is_run = std::env::args_os().nth(1).is_some_and(|word| word == "run");
        if is_run && error.use_stderr() {
            let _ = error.print();
            std::process::exit(RUN_FAILED.into());
        }
        error.exit()
    });
    match cli.command {
        Command::Audit(args) => commands::audit::main(&args).into(),
        Command::Doctor(args) => commands::doctor::main(&args).into(),
        Command::Ps(args) => commands::ps::main(&args).into(),
        Command::Run(args) => commands::run::main(&args),
        Command::Explain(args) => commands::explain::main(&args).into(),
        Command::Demo(args) => commands::demo::main(&args),
        Command::DemoProgram(args) => commands::demo::program(&args),
    }
}
