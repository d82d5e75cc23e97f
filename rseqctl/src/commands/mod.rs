//! The subcommands: what each does with its checked arguments.

pub mod audit;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod install;
pub mod ps;
pub mod run;

use crate::error::Error;
use crate::exit::Status;
use crate::report::StandardOutput;
use crate::sys::signals;

/// What the command is asked to do: its arguments, checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// `rseqctl audit`.
    Audit(audit::AuditRequest),
    /// `rseqctl doctor`.
    Doctor(doctor::DoctorRequest),
    /// `rseqctl ps`.
    Ps(ps::PsRequest),
    /// `rseqctl run`.
    Run(run::RunRequest),
    /// `rseqctl enable`.
    Enable(install::InstallRequest),
    /// `rseqctl disable`.
    Disable(install::InstallRequest),
    /// `rseqctl status`.
    Status(install::StatusRequest),
    /// `rseqctl explain`.
    Explain(explain::ExplainRequest),
    /// `rseqctl demo`.
    Demo(demo::DemoRequest),
    /// The program that the demo runs.
    DemoProgram(demo::DemoRequest),
}

impl Request {
    /// Does it; returns how the command ends.
    ///
    /// # Errors
    ///
    /// It could not be done.
    pub fn run(self, out: &mut StandardOutput) -> Result<Status, Error> {
        match self {
            Self::Audit(request) => audit::run(&request, out),
            Self::Doctor(request) => doctor::run(&request, out),
            Self::Ps(request) => ps::run(&request, out),
            Self::Run(request) => run::run(&request, out),
            Self::Enable(request) => install::enable(&request, out),
            Self::Disable(request) => install::disable(&request, out),
            Self::Status(request) => install::status(&request, out),
            Self::Explain(request) => explain::run(&request, out),
            Self::Demo(request) => demo::run(request, out),
            Self::DemoProgram(request) => Ok(demo::program(request)),
        }
    }
}

/// Makes a file that RLIMIT_FSIZE forbids an error of its own, not the end of
/// this process.
pub fn prepare_process() {
    signals::outlive_limits();
}
