//! The command line: one source for parser and help. What it was told goes on as
//! the checked arguments of [`commands`](crate::commands).

mod audit;
mod common;
mod demo;
mod doctor;
mod explain;
mod install;
mod ps;
mod run;
mod version;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::Request;
use crate::error::Error;
use crate::report::choices::Color;
use crate::report::{style, text};

use audit::AuditArgs;
use demo::DemoArgs;
use doctor::DoctorArgs;
use explain::ExplainArgs;
use install::{InstallArgs, StatusArgs};
use ps::PsArgs;
use run::RunArgs;

#[derive(Debug, Parser)]
#[command(
    name = "rseqctl",
    version,
    long_version = version::LONG,
    about = "Who owns restartable sequences (rseq)",
    styles = style::OF_HELP,
    after_help = "Start with rseqctl doctor: it says what this host does, and what to do next."
)]
struct Cli {
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Color::Auto,
        value_name = "WHEN",
        hide_possible_values = true,
        help = "When to use colours: auto, always, never"
    )]
    color: Color,
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
    /// Switch the shim on for every program of this host, or for what a systemd manager starts
    Enable(InstallArgs),
    /// Switch it off again
    Disable(InstallArgs),
    /// Say for which programs it is on, and whether its files are whole
    Status(StatusArgs),
    /// Say what a rule of the audit or a verdict of the doctor means, and where that is written down
    Explain(ExplainArgs),
    /// Run a program with many threads as the libc starts it, without any owner, and with the shim
    Demo(DemoArgs),
    /// The program that `demo` runs
    #[command(hide = true)]
    DemoProgram(DemoArgs),
}

/// Returns the parser, for manual pages and completions.
///
/// ```
/// let command = rseqctl::cli::command();
/// assert!(command.find_subcommand("run").is_some());
/// ```
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// What the command line asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// What is to be done.
    pub request: Request,
    /// When text for people has colours.
    pub color: Color,
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
/// let request = rseqctl::cli::parse(["rseqctl", "explain", "hidden-definer"])?.request;
/// assert!(matches!(request, Request::Explain(it) if it.word.as_deref() == Some("hidden-definer")));
/// # Ok::<(), rseqctl::Error>(())
/// ```
pub fn parse<A>(arguments: impl IntoIterator<Item = A>) -> Result<Invocation, Error>
where
    A: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let is_run = arguments.get(1).is_some_and(|word| word == "run");
    let color = asked_color(&arguments);
    let cli = Cli::try_parse_from(arguments).map_err(|error| {
        // the complaint, or the help, is in the colours that were asked for
        color.choose();
        let error = without_controls(error);
        Error::Usage { error, is_run }
    })?;
    let request = match cli.command {
        Command::Audit(args) => Request::Audit(args.into()),
        Command::Doctor(args) => Request::Doctor(args.into()),
        Command::Ps(args) => match args.complaint() {
            Some(complaint) => {
                color.choose();
                let error = usage_error("ps", complaint);
                return Err(Error::Usage { error, is_run });
            }
            None => Request::Ps(args.into()),
        },
        Command::Run(args) => Request::Run(args.into()),
        Command::Enable(args) => Request::Enable(args.into()),
        Command::Disable(args) => Request::Disable(args.into()),
        Command::Status(args) => Request::Status(args.into()),
        Command::Explain(args) => Request::Explain(args.into()),
        Command::Demo(args) => Request::Demo(args.into()),
        Command::DemoProgram(args) => Request::DemoProgram(args.into()),
    };
    Ok(Invocation {
        request,
        color: cli.color,
    })
}

/// Returns what a command line says of colours, where it is not understood as a whole.
fn asked_color(arguments: &[OsString]) -> Color {
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    let ours = words.split(|word| word == "--").next().unwrap_or_default();
    let behind = ours.windows(2).filter(|pair| pair[0] == "--color");
    let behind = behind.map(|pair| &*pair[1]);
    let joined = ours.iter().filter_map(|word| word.strip_prefix("--color="));
    let mut asked = joined.chain(behind);
    let color = asked.find_map(|value| Color::from_str(value, false).ok());
    color.unwrap_or_default()
}

/// Returns an error in which no word of the command line moves a terminal's cursor.
fn without_controls(mut error: clap::Error) -> clap::Error {
    let escaped = |(kind, value): (ContextKind, &ContextValue)| match value {
        ContextValue::String(text) if text.contains(char::is_control) => {
            Some((kind, ContextValue::String(text::without_controls(text))))
        }
        _ => None,
    };
    let escaped: Vec<_> = error.context().filter_map(escaped).collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
    error
}

/// Returns an error about the arguments of a subcommand together.
fn usage_error(name: &str, complaint: &str) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let subcommand = command.find_subcommand_mut(name);
    let kind = ErrorKind::MissingRequiredArgument;
    match subcommand {
        Some(subcommand) => subcommand.error(kind, complaint),
        None => command.error(kind, complaint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_help_has_examples_and_says_what_the_status_means() {
        for subcommand in command().get_subcommands().filter(|it| !it.is_hide_set()) {
            let help = subcommand.get_after_help();
            let help = help.map(ToString::to_string).unwrap_or_default();
            for part in ["Examples:", "Exit status:"] {
                assert!(help.contains(part), "{}: no {part}", subcommand.get_name());
            }
        }
    }

    #[test]
    fn the_long_version_says_what_was_built() {
        let version = command().render_long_version();
        for part in ["commit:", "architecture:", "libraries:"] {
            assert!(version.contains(part), "{version}");
        }
    }
}
