//! A signal at every instruction boundary of a stretch of code.
//!
//! The program runs the same stretch again and again (a *window*, between two
//! breakpoints of its own). In its n-th run the tracer lets it execute n
//! instructions one by one, delivers SIGUSR1 there, and lets it run to the end
//! of the window; when a run ends before its n-th instruction, every boundary has
//! had its signal, and SIGUSR2 asks the program to say what it found.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::channel;
use std::time::Instant;

use std::os::unix::process::ExitStatusExt as _;

use super::flow::{self, Instruction};
use super::follow;
use super::machine::{self, Step, Stop};
use crate::child::{Captured, Finished, Program};
use crate::patience::stretched;
use crate::sys::{self, ptrace};

/// More instructions than any window has: a program that runs in circles under
/// single steps is stopped here.
const TOO_MANY: usize = 5_000;

/// Where a window begins. It ends at the program's next breakpoint.
#[derive(Clone, Debug)]
pub enum Window {
    /// At a breakpoint.
    AtMark,
    /// At a new thread's first instruction in this file, from the program's first
    /// breakpoint on.
    InNewThread(PathBuf),
}

/// What came out.
#[derive(Debug)]
pub struct Stepped {
    /// How the program ended.
    pub finished: Finished,
    /// The instruction at every boundary that had its signal, in order: each is
    /// where the one before it leads, so none was passed over.
    pub boundaries: Vec<Instruction>,
}

/// Runs a program to its end, with a signal at every boundary of its window.
///
/// # Errors
///
/// It cannot be traced, takes too long, or does not go through the same
/// instructions every time.
pub fn every_boundary(mut program: Program, window: Window) -> Result<Stepped, String> {
    let name = program.name();
    let end = Instant::now() + stretched(program.limit);
    let output = Captured::of(&mut program.command)?;
    let (tell_root, root) = channel();
    let (tell_seen, seen) = channel();
    // ptrace knows a tracer by its thread: this one makes all requests
    std::thread::spawn(move || {
        let started = follow::start(program.command, None);
        let tracee = started.as_ref().ok().copied();
        // whoever does not listen any more has been dropped
        let _ = tell_root.send(started);
        if let Some(root) = tracee {
            let mut stepper = Stepper::new(root, window);
            let status = stepper.follow();
            if status.is_err() {
                // PTRACE_O_EXITKILL: the end of this thread is the program's
                sys::kill(root, libc::SIGKILL);
            }
            let _ = tell_seen.send(status.map(|status| (status, stepper.boundaries)));
        }
    });
    let root = root
        .recv()
        .unwrap_or_else(|_| Err("the tracer died".to_owned()))
        .map_err(|error| format!("{name}: {error}"))?;
    let left = end.saturating_duration_since(Instant::now());
    let seen = seen.recv_timeout(left).map_err(|_| {
        sys::kill(root, libc::SIGKILL);
        format!(
            "{name}: killed, took too long; output: {:?}",
            output.texts()
        )
    })?;
    let (status, boundaries) = seen.map_err(|error| format!("{name}: {error}"))?;
    let (out, err) = output.texts();
    flow::check(&boundaries).map_err(|error| format!("{name}: {error}"))?;
    let finished = Finished { status, out, err };
    Ok(Stepped {
        finished,
        boundaries,
    })
}

/// What the traced program is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Outside of the window.
    Outside,
    /// A new thread, on its way to the window.
    Approaching,
    /// Inside, this many instructions after its begin.
    Inside(usize),
    /// Inside, the signal has been delivered.
    Delivered,
    /// Every boundary had its signal.
    Done,
}

struct Stepper {
    root: i32,
    window: Window,
    /// The addresses of the file that [`Window::InNewThread`] names.
    code: Option<std::ops::Range<u64>>,
    phase: Phase,
    /// The program has come to its first breakpoint: threads that were there
    /// before are no window.
    armed: bool,
    boundaries: Vec<Instruction>,
    /// How often the way so far comes by an address.
    visits: BTreeMap<u64, usize>,
}

impl Stepper {
    fn new(root: i32, window: Window) -> Self {
        Self {
            root,
            window,
            code: None,
            phase: Phase::Outside,
            armed: false,
            boundaries: Vec::new(),
            visits: BTreeMap::new(),
        }
    }

    fn follow(&mut self) -> Result<ExitStatus, String> {
        let mut end = None;
        while let Some((task, status)) =
            ptrace::wait(-1).map_err(|error| format!("wait: {error}"))?
        {
            if libc::WIFSTOPPED(status) {
                self.answer(task, status)?;
            } else if task == self.root {
                end = Some(ExitStatus::from_raw(status));
            }
        }
        end.ok_or_else(|| "the program vanished".to_owned())
    }

    fn answer(&mut self, task: i32, status: i32) -> Result<(), String> {
        let signal = libc::WSTOPSIG(status);
        let answered = match status >> 16 {
            ptrace::EVENT_STOP if task != self.root && self.steps_new_threads() => {
                self.phase = Phase::Approaching;
                return self.step(task);
            }
            0 if signal == libc::SIGTRAP => {
                let stop = machine::stop(task).map_err(|error| format!("step: {error}"))?;
                match stop {
                    Stop::EndOfCall => ptrace::single_step(task),
                    stop => return self.trap(task, stop == Stop::Mark),
                }
            }
            0 => ptrace::go_on(task, signal),
            _ => ptrace::go_on(task, 0),
        };
        answered.map_err(|error| format!("go on: {error}"))
    }

    fn steps_new_threads(&self) -> bool {
        matches!(self.window, Window::InNewThread(_)) && self.armed && self.phase != Phase::Done
    }

    fn push(&mut self, place: u64) -> Result<(), String> {
        self.boundaries.push(Instruction::at(self.root, place)?);
        *self.visits.entry(place).or_default() += 1;
        Ok(())
    }

    /// Returns the last boundary that had its signal and that the way comes by only once.
    fn shortcut(&self) -> Option<(usize, u64)> {
        let known = self.boundaries.iter().map(|here| here.address).enumerate();
        let mut backwards = known.rev();
        backwards.find(|(_, address)| self.visits.get(address) == Some(&1))
    }

    fn step(&mut self, task: i32) -> Result<(), String> {
        match machine::step(task).map_err(|error| format!("step: {error}"))? {
            Step::Begun => Ok(()),
            Step::Done(_) => self.trap(task, false),
        }
    }

    fn trap(&mut self, task: i32, is_mark: bool) -> Result<(), String> {
        let say = |error: std::io::Error| format!("step: {error}");
        let mut place = ptrace::next_instruction(task).map_err(say)?;
        self.armed |= is_mark;
        self.phase = match (self.phase, is_mark) {
            (Phase::Outside, true) if matches!(self.window, Window::AtMark) => Phase::Inside(0),
            (Phase::Approaching, false) if self.is_inside(place)? => Phase::Inside(0),
            (Phase::Inside(_), true) => {
                self.push(place)?;
                self.phase = Phase::Done;
                return ptrace::go_on(task, libc::SIGUSR1).map_err(say);
            }
            (Phase::Inside(count), false) => Phase::Inside(count + 1),
            (Phase::Delivered, true) => Phase::Outside,
            (Phase::Done, true) => return ptrace::go_on(task, libc::SIGUSR2).map_err(say),
            (Phase::Approaching, true) => {
                return Err("a new thread met no code of the window".to_owned());
            }
            (phase, _) => phase,
        };
        if is_mark
            && self.phase == Phase::Inside(0)
            && let Some((count, address)) = self.shortcut()
            && count > 0
            && machine::go_to(task, address).map_err(say)?
        {
            self.phase = Phase::Inside(count);
            place = address;
        }
        match self.phase {
            Phase::Inside(count) if count == self.boundaries.len() => {
                self.push(place)?;
                self.phase = Phase::Delivered;
                if count > TOO_MANY {
                    return Err(format!("more than {TOO_MANY} instructions"));
                }
                ptrace::go_on(task, libc::SIGUSR1)
            }
            Phase::Inside(count) if self.boundaries[count].address != place => {
                let before = self.boundaries[count].address;
                return Err(format!(
                    "instruction {count} was at {before:#x}, and is now at {place:#x}"
                ));
            }
            Phase::Inside(_) | Phase::Approaching => return self.step(task),
            Phase::Outside | Phase::Delivered | Phase::Done => ptrace::go_on(task, 0),
        }
        .map_err(say)
    }

    /// Returns whether this is an address in the code of the window's file.
    fn is_inside(&mut self, place: u64) -> Result<bool, String> {
        if let Some(code) = &self.code {
            return Ok(code.contains(&place));
        }
        let Window::InNewThread(file) = &self.window else {
            return Ok(false);
        };
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.root))
            .map_err(|error| format!("maps: {error}"))?;
        let file = file.to_string_lossy();
        let line = maps
            .lines()
            .find(|line| line.contains(" r-xp ") && line.ends_with(&*file))
            .ok_or_else(|| format!("{file} is not mapped"))?;
        let number = |text: &str| u64::from_str_radix(text, 16).map_err(|error| error.to_string());
        let range = line.split(' ').next().unwrap_or_default();
        let (start, end) = range.split_once('-').ok_or_else(|| line.to_owned())?;
        let code = number(start)?..number(end)?;
        let inside = code.contains(&place);
        self.code = Some(code);
        Ok(inside)
    }
}
