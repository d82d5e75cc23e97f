//! Decides who owns the registration before the command starts,
//! while `GLIBC_TUNABLES` can still be set, and starts it that way.
//!
//! Without `--report` it execs: nothing stays between the caller and the
//! command. Where the decision changes something, a process that is nobody's
//! child looks for a moment whether it holds ([`verify`]). With it, it stays as the parent, passes signals on, and tells at
//! the end what the shim has counted.

mod decision;
mod environment;
mod hazard;
mod launcher;
mod plan;
mod report;
mod scope;
mod supervisor;
pub(crate) mod surplus;
mod target;
pub(crate) mod verify;

use std::io;
use std::path::Path;

use crate::exit::{RUN_CANNOT_EXECUTE, RUN_NOT_FOUND};
use crate::report::RunRow;

pub(crate) use decision::Decision;
pub(crate) use environment::Environment;
pub(crate) use hazard::Kernel;
pub use plan::Plan;
pub(crate) use supervisor::supervise;
pub(crate) use target::{Kind, Target};

/// What would become of a program that is started now, for the audit.
pub(crate) fn foresee(program: &Path) -> Option<RunRow> {
    let path = std::path::absolute(program).ok()?;
    let target = Target::find(path.as_os_str(), &[]).ok()?;
    let environment = Environment::of_this_process();
    // what the program is, and not where it runs
    let decision = Decision::make(environment.mode(), &target, &environment, Kernel::NotAsked);
    Some(RunRow {
        owner: decision.owner.name(),
        because: decision.reason.text(),
        switches_libc_off: decision.switch_libc_off,
        preloads: decision.preload,
        warnings: decision.warnings,
    })
}

/// Why the command did not start.
pub(crate) struct Failure {
    pub(crate) status: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

/// Why a command that was found could not be executed.
pub(crate) fn cannot_execute(path: &Path, error: &io::Error) -> Failure {
    let status = if error.kind() == io::ErrorKind::NotFound {
        RUN_NOT_FOUND
    } else {
        RUN_CANNOT_EXECUTE
    };
    Failure::new(status, format!("{}: {error}", path.display()))
}
