//! `rseqctl enable`, `disable` and `status`.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::error::Error;
use crate::exit::Status;
use crate::install::{self, Done, Scope, State};
use crate::report::StandardOutput;
use crate::report::text::printable;

/// The checked arguments of `enable` and `disable`.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// Which programs are meant.
    pub scope: Scope,
    /// The folder that is their `/`.
    pub root: PathBuf,
}

/// The checked arguments of `status`.
#[derive(Clone, Debug)]
pub struct StatusRequest {
    /// The folder that is the programs' `/`.
    pub root: PathBuf,
}

pub(super) fn enable(request: &InstallRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let done = install::enable(request.scope, &request.root)?;
    tell(&done, out)
        .and_then(|()| advise(&done, out))
        .map_err(Error::Output)?;
    Ok(Status::Clean)
}

pub(super) fn disable(request: &InstallRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let done = install::disable(request.scope, &request.root)?;
    tell(&done, out).map_err(Error::Output)?;
    Ok(Status::Clean)
}

pub(super) fn status(request: &StatusRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let mut states = Vec::new();
    for scope in Scope::ALL {
        match State::of(scope, &request.root) {
            Ok(state) => states.push(state),
            // whose home is not known has no manager
            Err(install::Error::NoHome) if scope == Scope::User => {}
            Err(error) => return Err(error.into()),
        }
    }
    write(&states, out).map_err(Error::Output)?;
    Ok(if states.iter().any(State::is_broken) {
        Status::Findings
    } else {
        Status::Clean
    })
}

fn write(states: &[State], out: &mut StandardOutput) -> io::Result<()> {
    for state in states {
        state.write(out)?;
    }
    let mut left: Vec<_> = states
        .iter()
        .filter_map(|it| it.left_over(states))
        .collect();
    left.dedup();
    for path in left {
        let path = printable(path);
        writeln!(
            out,
            "{path} is left and in no use; rseqctl disable removes it"
        )?;
    }
    Ok(())
}

fn tell(done: &Done, out: &mut StandardOutput) -> io::Result<()> {
    if done.changed.is_empty() {
        return writeln!(out, "{}: nothing to change", done.scope.text());
    }
    for path in &done.changed {
        writeln!(out, "{}: changed {}", done.scope.text(), printable(path))?;
    }
    Ok(())
}

/// Says what follows, and how to see it.
fn advise(done: &Done, out: &mut StandardOutput) -> io::Result<()> {
    if !done.may_restart {
        writeln!(
            out,
            "this kernel was not seen to keep its part (rseqctl doctor): programs that need another \
             owner are not started once more, and say so"
        )?;
    }
    let next = match done.scope {
        Scope::Host => "programs that are started from now on have it",
        Scope::System => {
            "it holds after: systemctl daemon-reexec, and for services when they restart"
        }
        Scope::User => {
            "it holds after: systemctl --user daemon-reexec, and for services when they restart"
        }
    };
    writeln!(out, "{next}; rseqctl status says what is so")
}
