//! `rseqctl run`.

use std::ffi::OsString;

use crate::error::Error;
use crate::exit::Status;
use crate::launch::{Manner, Settings, Start};
use crate::report::choices::DocumentFormat;
use crate::report::{Screen, StandardOutput};

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The command, as it was called.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// What the user asks for.
    pub settings: Settings,
    /// What is to be done once it is decided.
    pub then: Then,
}

/// What is done once it is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Say what would be done, and start nothing.
    Tell(DocumentFormat),
    /// Start the command.
    Start(Manner),
}

pub(super) fn run(request: &RunRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let start = Start::decide(&request.program, &request.arguments, &request.settings)?;
    match &request.then {
        Then::Start(manner) => Ok(start.run(manner)?),
        Then::Tell(format) => {
            let plan = start.plan()?;
            plan.write(*format, Screen::standard_output(), out)
                .map_err(Error::Output)?;
            Ok(Status::Clean)
        }
    }
}
