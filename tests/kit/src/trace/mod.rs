//! Every `sys_rseq` of every thread of a program, as the kernel answered it.
//!
//! A seccomp filter stops the program at this one system call only, so that a
//! big server runs at nearly full speed. (The filter needs `no_new_privs`: a
//! set-user-id program traced here keeps the caller's rights.)

mod call;
pub mod count;
pub mod flow;
mod follow;
mod instruction;
mod machine;
pub mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tls_model::rseq::PtraceConfiguration;

pub use call::Call;

use crate::child::{Captured, Finished, Program};

use crate::patience::stretched;
use crate::sys::{self, ptrace};

/// What a traced program did.
#[derive(Debug)]
pub struct Trace {
    /// How it ended.
    pub finished: Finished,
    /// Its calls, in the order in which they ended.
    pub calls: Vec<Call>,
    /// Every thread that was seen, with its process.
    pub threads: BTreeMap<i32, i32>,
}

impl Trace {
    /// Returns the threads that were granted a registration.
    #[must_use]
    pub fn registered(&self) -> BTreeSet<i32> {
        let calls = self.calls.iter();
        calls
            .filter(|call| call.registers() && call.result == 0)
            .map(|call| call.thread)
            .collect()
    }

    /// Returns what the command did that `rseqctl run` became: run asks the kernel with
    /// no area, and lets children of its own try it, before it execs.
    ///
    /// # Errors
    ///
    /// There was no call.
    pub fn of_command(mut self) -> Result<Self, String> {
        let run = self.calls.first().ok_or("no sys_rseq was seen")?.process;
        self.calls.retain(|call| call.process == run);
        if let Some(last) = self.calls.iter().rposition(|call| call.area == 0) {
            self.calls.drain(..=last);
        }
        self.threads.retain(|_, process| *process == run);
        Ok(self)
    }

    /// Returns the registrations that were refused.
    #[must_use]
    pub fn refused(&self) -> Vec<Call> {
        let calls = self.calls.iter();
        calls
            .filter(|call| call.registers() && call.result != 0)
            .copied()
            .collect()
    }
}

impl Program {
    /// Starts it with every `sys_rseq` of every thread recorded.
    ///
    /// # Errors
    ///
    /// It cannot be started or traced.
    pub fn trace(self) -> Result<Traced, String> {
        Traced::start(self)
    }
}

/// Returns the registration of a running thread that nobody traces.
///
/// # Errors
///
/// The thread is gone, may not be traced, or the kernel does not tell.
pub fn registration_of(thread: i32) -> Result<PtraceConfiguration, String> {
    let say = |what: &'static str| move |error| format!("{what} {thread}: {error}");
    ptrace::seize_quietly(thread).map_err(say("seize"))?;
    ptrace::interrupt(thread).map_err(say("interrupt"))?;
    ptrace::wait(thread).map_err(say("wait for"))?;
    let answer = ptrace::registration(thread).map_err(say("registration of"));
    ptrace::detach(thread).map_err(say("let go of"))?;
    answer
}

/// The tasks that have not ended, for whoever has to kill them.
type Live = Arc<Mutex<BTreeSet<i32>>>;

/// A traced program that runs.
#[derive(Debug)]
pub struct Traced {
    name: String,
    root: i32,
    live: Live,
    seen: Receiver<Result<follow::Seen, String>>,
    output: Captured,
    end: Instant,
}

impl Traced {
    pub(crate) fn start(mut program: Program) -> Result<Self, String> {
        let name = program.name();
        let end = Instant::now() + stretched(program.limit);
        let output = Captured::of(&mut program.command)?;
        let live = Live::default();
        let (tell_root, root) = channel();
        let (tell_seen, seen) = channel();
        let tasks = Arc::clone(&live);
        // ptrace knows a tracer by its thread: this one makes all requests
        std::thread::spawn(move || {
            let started = follow::every_call()
                .and_then(|filter| follow::start(program.command, Some(filter)));
            let tracee = started.as_ref().ok().copied();
            // whoever does not listen any more has been dropped
            let _ = tell_root.send(started);
            if let Some(root) = tracee {
                let _ = tell_seen.send(follow::follow(root, &tasks));
            }
        });
        let root = root
            .recv()
            .unwrap_or_else(|_| Err("the tracer died".to_owned()))
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            name,
            root,
            live,
            seen,
            output,
            end,
        })
    }

    /// Returns the process id of the program.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.root
    }

    /// Waits until its standard output holds whatever `found` looks for.
    ///
    /// # Errors
    ///
    /// It runs out of time before.
    pub fn wait_for_output<T>(&self, found: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        self.output
            .wait_for(found, || Instant::now() > self.end)
            .map_err(|error| format!("{}: {error}", self.name))
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        sys::kill(self.root, libc::SIGTERM);
    }

    /// Waits for its end, and for the end of all that it has started.
    ///
    /// # Errors
    ///
    /// It takes too long: then it is killed.
    pub fn finish(self) -> Result<Trace, String> {
        let left = self.end.saturating_duration_since(Instant::now());
        let seen = self.seen.recv_timeout(left).map_err(|_| {
            let text = self.output.texts();
            format!("{}: killed, took too long; output: {text:?}", self.name)
        })??;
        let (out, err) = self.output.texts();
        Ok(Trace {
            finished: Finished {
                status: seen.status,
                out,
                err,
            },
            calls: seen.calls,
            threads: seen.threads,
        })
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        for task in live.iter() {
            sys::kill(*task, libc::SIGKILL);
        }
    }
}
