//! The command line: one source for parser and help. What it was told goes on as
//! the checked arguments of [`commands`](crate::commands).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use tls_model::owner::Mode;

use crate::commands::run::Then;
use crate::commands::{Request, audit, demo, doctor, explain, ps, run};
use crate::error::Error;
use crate::launch::{Manner, Settings, Verification, Watch};
use crate::process::{Options, Style};
use crate::report::Fleet;
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
struct RunArgs {
    /// Who is to own the registration [default: RSEQ_SHIM_MODE, else auto]
    #[arg(long, value_parser = modes())]
    mode: Option<Mode>,
    /// Tell at the end, as JSON, who owned the registration and what was counted: in a file,
    /// on standard output (-), on standard error (stderr), or on an open descriptor (fd:NUMBER)
    #[arg(long, value_name = "PLACE")]
    report: Option<PathBuf>,
    /// Print the decision and start nothing
    #[arg(long)]
    dry_run: bool,
    /// How --dry-run prints
    #[arg(long, value_enum, default_value_t = RunFormat::Human, requires = "dry_run")]
    format: RunFormat,
    /// Say whether the decision holds in the running command [default: only where the libc was
    /// switched off, and only what is not as decided]; wait this many seconds for a registration
    /// [default: 3]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "3",
        value_parser = seconds,
        conflicts_with = "no_verify"
    )]
    verify: Option<Duration>,
    /// End the command with SIGTERM where the decision does not hold
    #[arg(long, requires = "verify")]
    fatal: bool,
    /// Do not check whether the decision holds
    #[arg(long)]
    no_verify: bool,
    /// Start what would corrupt memory on this kernel, too
    #[arg(long)]
    force: bool,
    /// A library that the command may load with dlopen: static TLS is kept for it
    #[arg(long, value_name = "LIBRARY")]
    may_load: Vec<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What `rseqctl doctor` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error, 3 not \
everything could be tested (and nothing was found in the rest).")]
struct DoctorArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
    /// Exit with 1 from this level of verdict on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Show everything that was tried, for people
    #[arg(long, short)]
    verbose: bool,
    /// How long the self-test may take; more for emulated machines
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=120))]
    seconds: u8,
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
}

/// What `rseqctl explain` takes.
#[derive(Args, Debug)]
struct ExplainArgs {
    /// The rule, verdict or word of a report; without one all are listed
    #[arg(value_name = "WORD")]
    word: Option<String>,
}

/// What `rseqctl demo` takes.
#[derive(Args, Debug)]
struct DemoArgs {
    /// Number of threads
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    threads: u16,
}

/// What `rseqctl audit` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be read, 3 some inputs could not be read (and nothing was found in the others).")]
struct AuditArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// List files that have nothing to do with rseq, too
    #[arg(long)]
    all: bool,
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
    /// Do not count the findings of an earlier report (json or ndjson)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Look at a whole program: the libraries that it starts with, whose
    /// `__rseq_abi` wins, what `rseqctl run` would do. PATHs are then what it may dlopen
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// The folder that is the program's `/`, such as an unpacked image
    #[arg(long, value_name = "FOLDER", requires = "program")]
    root: Option<PathBuf>,
    /// Files, packages, images, or trees to walk
    #[arg(required_unless_present = "program", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What `rseqctl ps` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Every thread is stopped for some microseconds, one at a time. A system call that a stop interrupts \
(epoll_wait, sigtimedwait, semop) may end with EINTR, as under a debugger.\n\n\
Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be looked at, 3 some processes could not be looked at in full (and nothing was found).")]
struct PsArgs {
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
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
    /// The processes (or threads of them); without one, every process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pids: Vec<u32>,
}

/// What `--fleet` takes: for all subcommands the same.
#[derive(Args, Clone, Debug, Default)]
struct FleetArgs {
    /// Begin every row (ndjson) and document (json) with the host's keys: host (NAME, else the
    /// machine id), hostname, boot, time
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    fleet: Option<OsString>,
}

/// Seconds between two looks.
fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().map_err(|_| "not a number")?;
    if (0.1..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("not between 0.1 and 86400")
    }
}

/// The words of `--mode`.
fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::name))
        .map(|word| Mode::from_name(word.as_bytes()).unwrap_or_default())
}

/// Reads the command line, the name of the program first.
///
/// # Errors
///
/// It cannot be understood, or asks for help or the version only
/// ([`Error::Usage`]).
///
/// ```
/// use rseqctl::commands::Request;
///
/// let request = rseqctl::cli::parse(["rseqctl", "explain", "hidden-definer"])?;
/// assert!(matches!(request, Request::Explain(it) if it.word.as_deref() == Some("hidden-definer")));
/// # Ok::<(), rseqctl::Error>(())
/// ```
pub fn parse<A>(arguments: impl IntoIterator<Item = A>) -> Result<Request, Error>
where
    A: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let is_run = arguments.get(1).is_some_and(|word| word == "run");
    let cli = Cli::try_parse_from(arguments).map_err(|error| Error::Usage { error, is_run })?;
    Ok(match cli.command {
        Command::Audit(args) => Request::Audit(args.into()),
        Command::Doctor(args) => Request::Doctor(args.into()),
        Command::Ps(args) => Request::Ps(args.into()),
        Command::Run(args) => Request::Run(args.into()),
        Command::Explain(args) => Request::Explain(args.into()),
        Command::Demo(args) => Request::Demo(args.into()),
        Command::DemoProgram(args) => Request::DemoProgram(args.into()),
    })
}

impl From<AuditArgs> for audit::AuditRequest {
    fn from(args: AuditArgs) -> Self {
        let subject = match args.program {
            None => audit::Subject::Paths(args.paths),
            Some(program) => audit::Subject::Program {
                program,
                root: args.root,
                may_load: args.paths,
            },
        };
        Self {
            subject,
            format: args.format,
            fail_on: args.fail_on,
            all: args.all,
            baseline: args.baseline,
            fleet: args.fleet.into(),
        }
    }
}

impl From<DoctorArgs> for doctor::DoctorRequest {
    fn from(args: DoctorArgs) -> Self {
        Self {
            format: args.format,
            fail_on: args.fail_on,
            verbose: args.verbose,
            limit: Duration::from_secs(args.seconds.into()),
            fleet: args.fleet.into(),
        }
    }
}

impl From<PsArgs> for ps::PsRequest {
    fn from(args: PsArgs) -> Self {
        Self {
            options: Options {
                no_stop: args.no_stop,
                verbose: args.verbose,
            },
            style: Style {
                format: args.format,
                verbose: args.verbose,
                is_named: !args.pids.is_empty(),
            },
            pids: args.pids,
            fail_on: args.fail_on,
            watch: args.watch,
            fleet: args.fleet.into(),
        }
    }
}

impl From<RunArgs> for run::RunRequest {
    fn from(args: RunArgs) -> Self {
        let mut command = args.command.into_iter();
        Self {
            // clap demands one
            program: command.next().unwrap_or_default(),
            arguments: command.collect(),
            settings: Settings {
                mode: args.mode,
                may_load: args.may_load,
                force: args.force,
            },
            then: {
                let verification = match args.verify {
                    Some(patience) => Verification::Always(Watch {
                        patience,
                        is_fatal: args.fatal,
                    }),
                    None if args.no_verify => Verification::Never,
                    None => Verification::WhereItMatters,
                };
                match (args.dry_run, args.report) {
                    (true, _) => Then::Tell(args.format),
                    (false, Some(place)) => Then::Start(Manner::Report(place, verification)),
                    (false, None) => Then::Start(Manner::Exec(verification)),
                }
            },
        }
    }
}

impl From<ExplainArgs> for explain::ExplainRequest {
    fn from(args: ExplainArgs) -> Self {
        Self { word: args.word }
    }
}

impl From<DemoArgs> for demo::DemoRequest {
    fn from(args: DemoArgs) -> Self {
        Self {
            threads: args.threads,
        }
    }
}

impl From<FleetArgs> for Fleet {
    fn from(args: FleetArgs) -> Self {
        args.fleet
            .map_or_else(Self::default, |name| Self::named(name.to_string_lossy()))
    }
}
