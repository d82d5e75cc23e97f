//! What a tracer has to know of the machine: where an instruction leads, what a
//! breakpoint of the program's looks like, and how one instruction is executed.

use std::io;

use crate::sys::ptrace;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{go_to, lead, step};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{go_to, lead, step};

/// Where an instruction leads.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(
        dead_code,
        reason = "no instruction there repeats itself, or ends the way"
    )
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Behind itself.
    After,
    /// Behind itself, or to itself once more.
    AfterOrAgain,
    Jump(u64),
    /// There, or behind itself.
    Branch(u64),
    Anywhere,
    /// To a function, if it is known which.
    Call(Option<u64>),
    Return,
    Nowhere,
}

/// How a task has been made to go on.
#[cfg_attr(
    target_arch = "x86_64",
    expect(
        dead_code,
        reason = "every instruction can be executed by itself there"
    )
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It stops again behind one instruction.
    Begun,
    /// It has stopped again already, behind so many: what cannot be executed one by one.
    Done(u64),
}

/// Why a task stopped with SIGTRAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At a breakpoint instruction of the program's own; it goes on behind that.
    Mark,
    /// Behind a step.
    Step,
    /// At the end of a system call that a step has made. On AArch64 the step itself stops
    /// once more, at the same place.
    EndOfCall,
}

/// Returns why a task stopped with SIGTRAP.
pub(super) fn stop(task: i32) -> io::Result<Stop> {
    let code = ptrace::signal_code(task)?;
    if code == ptrace::BREAKPOINT {
        ptrace::pass_breakpoint(task)?;
        return Ok(Stop::Mark);
    }
    if cfg!(target_arch = "aarch64") && code == libc::SI_USER {
        return Ok(Stop::EndOfCall);
    }
    Ok(Stop::Step)
}
