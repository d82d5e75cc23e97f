//! What can keep the command from doing what it was asked to.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::exit::Status;
use crate::report::{Screen, complain, text};
use crate::{install, launch};

/// Why the command failed. Its text and those of its sources, put together with
/// colons, are what [`Error::report`] prints.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The command line was not understood, or asked for help only.
    Usage {
        /// What clap says about it.
        error: clap::Error,
        /// It was a command line of `run`, which keeps 2 for its command.
        is_run: bool,
    },
    /// Standard output could not be written.
    Output(io::Error),
    /// The baseline could not be read.
    Baseline {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A list of paths could not be read.
    PathList {
        /// The list.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder of `--root` does not exist.
    NoSuchRoot(PathBuf),
    /// The processes could not be listed.
    Processes(io::Error),
    /// `explain` does not know the word.
    UnknownWord {
        /// The word.
        word: String,
        /// Words like it that are known, the best first.
        near: Vec<&'static str>,
    },
    /// The demo program could not be run.
    Demo(io::Error),
    /// The demo ran and did not show what it should.
    DemoShows(&'static str),
    /// The command of `run` was not started.
    Launch(launch::Error),
    /// Nothing was switched on or off.
    Install(install::Error),
}

impl Error {
    /// Returns the exit status that goes with it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Usage { error, .. } if !error.use_stderr() => Status::Clean,
            Self::Usage { is_run: true, .. } => Status::RunFailed,
            Self::Launch(error) => error.status(),
            _ => Status::Nothing,
        }
    }

    /// Prints it to standard error; help that was asked for goes to standard
    /// output.
    pub fn report(&self) {
        if let Self::Usage { error, .. } = self {
            // where it cannot be written, the status still tells
            let _ = if error.use_stderr() {
                let text = Screen::standard_error().fitted(&error.render().ansi().to_string());
                anstream::stderr().write_all(text.as_bytes())
            } else {
                error.print()
            };
            return;
        }
        let mut message = text::chain(self);
        if let Some(advice) = self.advice() {
            let _ = write!(message, "; {advice}");
        }
        complain(format_args!("{}", message.trim_end()));
    }

    /// Returns the advice that follows the causes, if there is any.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Output(_) => Some("the report is not complete"),
            Self::Processes(_) => Some("is it mounted?"),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { error, .. } => error.fmt(f),
            Self::Output(_) => f.write_str("standard output"),
            Self::Baseline { path, .. } | Self::PathList { path, .. } => {
                f.write_str(&text::printable(path))
            }
            Self::NoSuchRoot(root) => write!(
                f,
                "--root {}: no such folder; check the path",
                text::printable(root)
            ),
            Self::Processes(_) => f.write_str("/proc"),
            Self::UnknownWord { word, near } => {
                write!(f, "no report has the word {word:?}; ")?;
                if !near.is_empty() {
                    write!(f, "did you mean {}? ", near.join(", "))?;
                }
                f.write_str("rseqctl explain lists all of them")
            }
            Self::Demo(_) => f.write_str("demo"),
            Self::DemoShows(what) => write!(f, "demo: {what}"),
            Self::Launch(error) => error.fmt(f),
            Self::Install(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Output(source)
            | Self::Baseline { source, .. }
            | Self::PathList { source, .. }
            | Self::Processes(source)
            | Self::Demo(source) => Some(source),
            // its text is this one's
            Self::Launch(error) => error.source(),
            Self::Install(error) => error.source(),
            Self::Usage { .. }
            | Self::NoSuchRoot(_)
            | Self::UnknownWord { .. }
            | Self::DemoShows(_) => None,
        }
    }
}

impl From<launch::Error> for Error {
    fn from(error: launch::Error) -> Self {
        Self::Launch(error)
    }
}

impl From<install::Error> for Error {
    fn from(error: install::Error) -> Self {
        Self::Install(error)
    }
}
