//! Instructions of one thread of a running server, counted by single steps.
//!
//! Unlike a processor's counter this needs no hardware, and unlike an emulator it
//! leaves the thread registered with the kernel that it runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rseq_kit::sys::ptrace;

/// The longest that a request may take where each of its instructions is a stop.
const PATIENCE: Duration = Duration::from_secs(300);

/// A thread that is being counted.
pub struct Counter {
    thread: i32,
    shared: Arc<Shared>,
    tracer: Option<JoinHandle<Result<(), String>>>,
}

#[derive(Default)]
struct Shared {
    attached: AtomicBool,
    count: AtomicU64,
    over: AtomicBool,
}

impl Counter {
    /// Counts the thread with this id from now on. Nobody may wait for its process
    /// meanwhile: that would take the counter's stops.
    pub fn of(thread: i32) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let tracers = Arc::clone(&shared);
        // ptrace knows a tracer by its thread: this one makes all requests
        let tracer = std::thread::spawn(move || trace(thread, &tracers));
        let counter = Self {
            thread,
            shared,
            tracer: Some(tracer),
        };
        let end = Instant::now() + PATIENCE;
        while !counter.shared.attached.load(Ordering::Relaxed) {
            counter.check(end)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(counter)
    }

    fn check(&self, end: Instant) -> Result<(), String> {
        let ended = self.tracer.as_ref().is_none_or(JoinHandle::is_finished);
        if ended || Instant::now() > end {
            Err(format!("thread {} cannot be counted", self.thread))
        } else {
            Ok(())
        }
    }

    /// The instructions so far, once the thread waits for something and has
    /// executed nothing for a while.
    pub fn when_idle(&self) -> Result<u64, String> {
        let end = Instant::now() + PATIENCE;
        let mut quiet = 0;
        let mut last = u64::MAX;
        while quiet < 5 {
            std::thread::sleep(Duration::from_millis(1));
            let count = self.shared.count.load(Ordering::Relaxed);
            let still = count == last && is_waiting(self.thread);
            quiet = if still { quiet + 1 } else { 0 };
            last = count;
            self.check(end)?;
        }
        Ok(last)
    }

    /// Lets go of the thread at its next instruction. It is idle, so `wake` has to
    /// give it one.
    pub fn finish(mut self, wake: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.shared.over.store(true, Ordering::Relaxed);
        let woken = wake();
        let tracer = self.tracer.take().map(JoinHandle::join);
        woken?;
        match tracer {
            Some(Ok(done)) => done,
            _ => Err("the tracer panicked".to_owned()),
        }
    }
}

/// Steps until the thread ends or the count is over.
fn trace(thread: i32, shared: &Shared) -> Result<(), String> {
    let say = |error| format!("cannot count thread {thread}: {error}");
    ptrace::seize_quietly(thread).map_err(say)?;
    ptrace::interrupt(thread).map_err(say)?;
    while let Some((_, status)) = ptrace::wait(thread).map_err(say)? {
        if !libc::WIFSTOPPED(status) {
            return Ok(());
        }
        if shared.over.load(Ordering::Relaxed) {
            return ptrace::detach(thread).map_err(say);
        }
        match (libc::WSTOPSIG(status), status >> 16) {
            (libc::SIGTRAP, 0) => {
                shared.count.fetch_add(1, Ordering::Relaxed);
                ptrace::single_step(thread)
            }
            (signal, 0) => ptrace::single_step_with(thread, signal),
            _ => ptrace::single_step(thread),
        }
        .map_err(say)?;
        shared.attached.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether the kernel has put the thread to sleep (and not the tracer).
fn is_waiting(thread: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{thread}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|it| it.1.starts_with('S'))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Stdio;

    use rseq_kit::child::Program;

    use super::*;

    #[test]
    fn the_same_work_is_the_same_count_and_twice_the_work_is_more() {
        // a child's child: whoever waits for a child takes its stops from the counter
        let work =
            "echo $$; while read n; do while [ $n -gt 0 ]; do n=$((n - 1)); done; echo .; done";
        let program = Program::new("sh").args(["-c", "sh -c \"$1\"; true", "sh", work]);
        let mut running = program.input(Stdio::piped()).start().unwrap();
        let mut input = running.take_input().unwrap();
        let first = |out: &str| out.strip_suffix('\n')?.parse().ok();
        let id = running.wait_for_output(first).unwrap();
        let mut dots = 1;
        let mut ask = |line: &str| {
            input.write_all(line.as_bytes()).unwrap();
            dots += 1;
            let enough = |out: &str| (out.lines().count() >= dots).then_some(());
            running.wait_for_output(enough).unwrap();
        };
        let counter = Counter::of(id).unwrap();
        ask("1\n");
        let mut count = |line: &str| {
            let before = counter.when_idle().unwrap();
            ask(line);
            counter.when_idle().unwrap() - before
        };
        let (once, again, twice) = (count("1\n"), count("1\n"), count("2\n"));
        // the shell may do a little more for itself now and then
        assert!(once.abs_diff(again) <= once / 100, "{once} {again}");
        assert!(twice > once && once > 100, "{once} {twice}");
        let wake = || {
            ask("1\n");
            Ok(())
        };
        counter.finish(wake).unwrap();
    }
}
