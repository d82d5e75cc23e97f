//! Counts the instructions that a program executes in user space, in all of its
//! threads: one trap of the processor for each. Slow, and the same on a busy
//! machine as on an idle one.
//!
//! A repeated string instruction counts once for each repetition, and a system
//! call once, whatever the kernel does.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use super::follow;
use super::machine::{self, Step, Stop};
use crate::sys::processor::OnOneProcessor;
use crate::sys::ptrace;

/// Which instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// All, from exec to exit: the dynamic linker's are among them.
    Whole,
    /// Those between two breakpoints of the program's own.
    BetweenMarks,
}

/// Runs a program to its end and counts.
///
/// # Errors
///
/// It cannot be traced, does not succeed, or makes no marks where they are asked
/// for.
pub fn instructions(command: Command, stretch: Stretch) -> Result<u64, String> {
    // the counter and the program take turns
    let _turns = OnOneProcessor::new();
    let root = follow::start(command, None)?;
    let mut counter = Counter {
        counts: false,
        marks: 0,
        count: 0,
        stretch,
    };
    let mut end = None;
    let say = |error: std::io::Error| format!("count: {error}");
    while let Some((task, status)) = ptrace::wait(-1).map_err(say)? {
        if libc::WIFSTOPPED(status) {
            counter.answer(task, status).map_err(say)?;
        } else if task == root {
            end = Some(ExitStatus::from_raw(status));
        }
    }
    let end = end.ok_or("the program vanished")?;
    if !end.success() {
        return Err(format!("the program failed: {end}"));
    }
    match (stretch, counter.marks) {
        (Stretch::Whole, 0) | (Stretch::BetweenMarks, 2) => Ok(counter.count),
        (_, marks) => Err(format!("the program made {marks} marks")),
    }
}

struct Counter {
    counts: bool,
    marks: u32,
    count: u64,
    stretch: Stretch,
}

impl Counter {
    fn answer(&mut self, task: i32, status: i32) -> std::io::Result<()> {
        let signal = libc::WSTOPSIG(status);
        let event = status >> 16;
        let mut deliver = 0;
        if event == libc::PTRACE_EVENT_EXEC && self.stretch == Stretch::Whole {
            self.counts = true;
        } else if event == 0 && signal == libc::SIGTRAP {
            match machine::stop(task)? {
                Stop::Mark => {
                    self.marks += 1;
                    self.counts = self.marks == 1;
                }
                Stop::Step if self.counts => self.count += 1,
                Stop::Step | Stop::EndOfCall => {}
            }
        } else if event == 0 {
            deliver = signal;
        }
        if !self.counts || deliver != 0 {
            return ptrace::go_on(task, deliver);
        }
        while let Step::Done(count) = machine::step(task)? {
            self.count += count;
        }
        Ok(())
    }
}
