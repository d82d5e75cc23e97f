//! The tracer's thread: start, seize, and answer every stop until all is over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

use super::call::Call;
use crate::sys;
use crate::sys::before_exec::wait_for_tracer;
use crate::sys::ptrace::{self, CallStop};
use crate::sys::seccomp::{Action, Filter};

/// What the tracer saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: ExitStatus,
    pub(super) calls: Vec<Call>,
    pub(super) threads: BTreeMap<i32, i32>,
}

/// Returns a filter that stops a program at every `sys_rseq`.
pub(super) fn every_call() -> Result<Filter, String> {
    Ok(Filter::new(sys::native()?, Action::Trace))
}

/// Starts the command, seized before its exec, and returns its process id.
pub(super) fn start(mut command: Command, filter: Option<Filter>) -> Result<i32, String> {
    let pipe = || std::io::pipe().map_err(|error| format!("pipe: {error}"));
    let (mut hello, child_hello) = pipe()?;
    let (child_go, mut go) = pipe()?;
    command.process_group(0);
    wait_for_tracer(&mut command, filter, child_hello, child_go);

    // spawn() returns only after the exec, and that waits for us
    let starter = std::thread::spawn(move || command.spawn().map(drop));
    let mut id = [0; 4];
    let seized = hello.read_exact(&mut id).and_then(|()| {
        let id = i32::from_ne_bytes(id);
        ptrace::seize(id)?;
        Ok(id)
    });
    let ready = seized.and_then(|id| go.write_all(&[1]).map(|()| id));
    drop(go);
    let spawned = starter.join().map_err(|_| "the starter panicked")?;
    let id = ready.map_err(|error| format!("cannot trace: {error}"))?;
    if let Err(error) = spawned {
        // reap it: spawn() cannot wait for what this thread traces
        while let Ok(Some(_)) = ptrace::wait(id) {}
        return Err(error.to_string());
    }
    Ok(id)
}

/// Follows a seized program and all it starts until the last of them ends.
pub(super) fn follow(root: i32, live: &Mutex<BTreeSet<i32>>) -> Result<Seen, String> {
    let mut tracer = Tracer {
        live,
        calls: Vec::new(),
        open: BTreeMap::new(),
        threads: BTreeMap::new(),
    };
    tracer.meet(root);
    let mut end = None;
    while let Some((task, status)) = ptrace::wait(-1).map_err(|error| format!("wait: {error}"))? {
        if libc::WIFSTOPPED(status) {
            tracer.answer(task, status);
        } else {
            tracer.part(task);
            if task == root {
                end = Some(ExitStatus::from_raw(status));
            }
        }
    }
    Ok(Seen {
        status: end.ok_or("the program vanished")?,
        calls: tracer.calls,
        threads: tracer.threads,
    })
}

struct Tracer<'a> {
    live: &'a Mutex<BTreeSet<i32>>,
    calls: Vec<Call>,
    /// Calls that have begun and not ended, by thread.
    open: BTreeMap<i32, Call>,
    threads: BTreeMap<i32, i32>,
}

impl Tracer<'_> {
    /// Answers a stop. A task that was killed in between answers ESRCH: its end
    /// is the next thing that the tracer hears of it.
    fn answer(&mut self, task: i32, status: i32) {
        let signal = libc::WSTOPSIG(status);
        let event = status >> 16;
        let answered = match event {
            ptrace::EVENT_STOP if self.is_new(task) => {
                self.meet(task);
                ptrace::go_on(task, 0)
            }
            ptrace::EVENT_STOP if signal != libc::SIGTRAP => ptrace::listen(task),
            libc::PTRACE_EVENT_SECCOMP => self.begin(task),
            0 if signal == libc::SIGTRAP | 0x80 => self.end(task),
            0 => ptrace::go_on(task, signal),
            _ => ptrace::go_on(task, 0),
        };
        // see above
        drop(answered);
    }

    fn begin(&mut self, task: i32) -> std::io::Result<()> {
        let CallStop::Filtered(_, arguments) = ptrace::call_stop(task)? else {
            return ptrace::go_on(task, 0);
        };
        let [area, length, flags, signature, ..] = arguments;
        let call = Call {
            process: self.threads.get(&task).copied().unwrap_or(task),
            thread: task,
            area,
            length: length as u32,
            flags: flags as u32,
            signature: signature as u32,
            result: 0,
        };
        self.open.insert(task, call);
        ptrace::go_on_to_exit_of_call(task)
    }

    fn end(&mut self, task: i32) -> std::io::Result<()> {
        if let CallStop::Exit(result) = ptrace::call_stop(task)?
            && let Some(call) = self.open.remove(&task)
        {
            self.calls.push(Call { result, ..call });
        }
        ptrace::go_on(task, 0)
    }

    fn is_new(&self, task: i32) -> bool {
        !self.threads.contains_key(&task)
    }

    fn meet(&mut self, task: i32) {
        let process = process_of(task).unwrap_or(task);
        self.threads.insert(task, process);
        self.live().insert(task);
    }

    fn part(&mut self, task: i32) {
        self.open.remove(&task);
        self.live().remove(&task);
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeSet<i32>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the process that a thread belongs to.
fn process_of(thread: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}
