//! Critical sections: does the kernel abort them?
//!
//! The thread waits inside a critical section until something happens to it.
//! Whoever makes it happen first sees the thread inside, and lets it leave by
//! the section's end afterwards: a thread that does so was not aborted. An
//! abort counts only where nothing else has happened to the thread.

use std::hint::spin_loop;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::bench::{Bench, Notes, value, why};
use super::obstacle::Obstacle;
use super::seen::{Abort, Aborts, Extent, SIGNAL_TELLS};
use crate::sys::area::Area;
use crate::sys::cpu::{self, Switches};
use crate::sys::section::{self, Handshake, Outcome};
use crate::sys::thread;
use crate::sys::trigger;

/// Rounds of waiting inside, at most: about 50 ms.
const ROUNDS: u64 = 50_000_000;

/// How often a section has to run on before it is said that it never aborts.
const SURE: u32 = 3;

/// Returns that nothing was seen, for a reason that is reported elsewhere.
pub(super) const fn none() -> Aborts {
    Aborts {
        preemption: Abort::Unknown,
        signal: Abort::Unknown,
        migration: Abort::Unknown,
        membarrier: Abort::Unknown,
    }
}

pub(super) fn watch(bench: &mut Bench, length: u32, extent: Extent) -> Aborts {
    if extent == Extent::Quick {
        return quick(bench, length);
    }
    Aborts {
        preemption: one(bench, length, "preemption", preemption),
        signal: one(bench, length, "signal", signal),
        migration: one(bench, length, "migration", migration),
        membarrier: one(bench, length, "membarrier", membarrier),
    }
}

/// Makes the one experiment that tells most: a signal, which is seen soonest, where that
/// tells something. A kernel that aborts for one thing does so for everything there: on a
/// busy machine a preemption, which often comes first, tells as much.
fn quick(bench: &mut Bench, length: u32) -> Aborts {
    if SIGNAL_TELLS {
        Aborts {
            signal: one(bench, length, "signal", signal_or_other),
            ..none()
        }
    } else {
        Aborts {
            preemption: one(bench, length, "preemption", preemption),
            ..none()
        }
    }
}

/// One try: nothing where something else happened than was meant to.
type Try = Option<Outcome>;

fn one(
    bench: &mut Bench,
    length: u32,
    name: &str,
    experiment: fn(Area, Duration) -> Result<Abort, Obstacle>,
) -> Abort {
    let wait = bench.wait;
    let told = bench.child(|area, notes| {
        let seen = match area.register(length) {
            Ok(()) => experiment(area, wait),
            Err(errno) => Err(Obstacle::Registration(errno)),
        };
        tell(seen, notes);
    });
    match told.as_ref().and_then(|told| value(told, "seen")) {
        Some("aborts") => Abort::Aborts,
        Some("runs-on") => Abort::RunsOn,
        _ => {
            let reason = told
                .as_ref()
                .and_then(|told| value(told, "cannot"))
                .map_or_else(|| why(told.as_ref()), str::to_owned);
            bench.not_seen(length, &format!("abort on {name}"), reason);
            Abort::Unknown
        }
    }
}

fn tell(seen: Result<Abort, Obstacle>, notes: &mut Notes<'_>) {
    match seen {
        Ok(Abort::Aborts) => notes.say("seen", "aborts"),
        Ok(Abort::RunsOn) => notes.say("seen", "runs-on"),
        Ok(Abort::Unknown) => {}
        Err(why) => notes.say("cannot", why),
    }
}

/// Tries for `wait` until one abort or [`SURE`] sections without were seen.
fn repeat(
    wait: Duration,
    mut attempt: impl FnMut() -> Result<Try, Obstacle>,
) -> Result<Abort, Obstacle> {
    let deadline = Instant::now() + wait;
    let mut ran_on = 0;
    while Instant::now() < deadline && ran_on < SURE {
        match attempt()? {
            Some(Outcome::Aborted) => return Ok(Abort::Aborts),
            Some(Outcome::WentThrough) => ran_on += 1,
            None => {}
        }
    }
    Ok(if ran_on == SURE {
        Abort::RunsOn
    } else {
        Abort::Unknown
    })
}

fn fresh() -> &'static Handshake {
    Box::leak(Box::new(Handshake::default()))
}

fn stay() -> Result<usize, Obstacle> {
    let here = cpu::current().ok_or(Obstacle::NoProcessorNumber)?;
    cpu::pin(0, here).map_err(|error| Obstacle::Call("cannot stay on one processor", error))?;
    Ok(here)
}

/// Stays on this processor. Returns it, and another one.
fn stay_beside() -> Result<(usize, usize), Obstacle> {
    // asked first: afterwards there is but one
    let allowed = cpu::allowed();
    let here = stay()?;
    let there = allowed.into_iter().find(|&cpu| cpu != here);
    Ok((here, there.ok_or(Obstacle::OneProcessor)?))
}

/// What came of one try with a second thread.
struct Tried {
    outcome: Outcome,
    /// The second thread saw the first one inside and did what it was to do.
    done: bool,
    /// How often the first thread left its processor meanwhile.
    preemptions: i64,
    waits: i64,
}

/// Runs a second thread, on the processor `on`, that waits until somebody is in the
/// section, does `what`, and opens the section's end. While it waits it calls
/// `look` again and again: where both have one processor, that has to let the
/// first one run.
fn with_second_thread(
    on: usize,
    area: Area,
    look: fn(),
    what: impl FnOnce() -> bool + Send + 'static,
) -> Result<Tried, Obstacle> {
    let handshake = fresh();
    let second = Builder::new()
        .spawn(move || {
            let mut done = false;
            let is_here = cpu::pin(0, on).is_ok();
            handshake.ready.store(1, Ordering::SeqCst);
            if is_here {
                while handshake.inside.load(Ordering::SeqCst) == 0 {
                    look();
                }
                // otherwise it came out by itself, before or during `what`
                if handshake.inside.load(Ordering::SeqCst) == 1 {
                    done = what() && handshake.inside.load(Ordering::SeqCst) != 2;
                }
            }
            handshake.stop.store(1, Ordering::SeqCst);
            done
        })
        .map_err(|error| Obstacle::Call("cannot start a thread", error))?;
    while handshake.ready.load(Ordering::SeqCst) == 0 {
        trigger::yield_processor();
    }
    let before = Switches::now();
    let outcome = section::wait_inside(area, handshake, ROUNDS);
    let after = Switches::now();
    if outcome == Outcome::Aborted {
        // an aborted section leaves its word: nobody is inside any more
        handshake.inside.store(3, Ordering::SeqCst);
    }
    let done = second.join().unwrap_or(false);
    Ok(Tried {
        outcome,
        done,
        preemptions: after.preemptions - before.preemptions,
        waits: after.voluntary - before.voluntary,
    })
}

/// Tries a preemption. The second thread runs on the same processor: where it sees
/// the first one in the section, that one was preempted.
fn preemption(area: Area, wait: Duration) -> Result<Abort, Obstacle> {
    let here = stay()?;
    repeat(wait, || {
        let tried = with_second_thread(here, area, trigger::yield_processor, || true)?;
        Ok((tried.done && tried.preemptions > 0).then_some(tried.outcome))
    })
}

/// Tries a signal, which comes from the timer's interrupt, and nothing else runs for it.
fn signal(area: Area, wait: Duration) -> Result<Abort, Obstacle> {
    alarm(area, wait, false)
}

/// Does the same, and whatever has aborted the section tells.
fn signal_or_other(area: Area, wait: Duration) -> Result<Abort, Obstacle> {
    alarm(area, wait, true)
}

fn alarm(area: Area, wait: Duration, everything_tells: bool) -> Result<Abort, Obstacle> {
    stay()?;
    let handshake = fresh();
    trigger::count_signals(handshake);
    repeat(wait, || {
        handshake.stop.store(0, Ordering::SeqCst);
        handshake.inside.store(0, Ordering::SeqCst);
        let ((_, inside), before) = (trigger::signals(), Switches::now());
        trigger::alarm_after(Duration::from_millis(1))
            .map_err(|error| Obstacle::Call("cannot set a timer", error))?;
        let outcome = section::wait_inside(area, handshake, ROUNDS);
        if everything_tells && outcome == Outcome::Aborted {
            return Ok(Some(outcome));
        }
        let is_alone = Switches::now() == before;
        handshake.inside.store(3, Ordering::SeqCst);
        if trigger::signals().1 == inside {
            // something else aborted it: let the signal come before the next try
            std::thread::sleep(Duration::from_millis(2));
            return Ok(None);
        }
        Ok((is_alone || outcome == Outcome::WentThrough).then_some(outcome))
    })
}

fn migration(area: Area, wait: Duration) -> Result<Abort, Obstacle> {
    let (here, there) = stay_beside()?;
    let first = thread::id();
    repeat(wait, || {
        cpu::pin(0, here).map_err(|error| Obstacle::Call("cannot move back", error))?;
        let tried = with_second_thread(there, area, spin_loop, move || {
            cpu::pin(first, there).is_ok()
        })?;
        // to be moved it has to leave its processor once
        let is_alone = tried.preemptions <= 1 || tried.outcome == Outcome::WentThrough;
        let is_there = cpu::current() == Some(there);
        Ok((tried.done && is_there && is_alone).then_some(tried.outcome))
    })
}

/// Tries a barrier, which the second thread sends from another processor.
fn membarrier(area: Area, wait: Duration) -> Result<Abort, Obstacle> {
    let (_, there) = stay_beside()?;
    trigger::announce_barriers()
        .map_err(|error| Obstacle::Call("membarrier for rseq is not there", error))?;
    repeat(wait, || {
        let tried = with_second_thread(there, area, spin_loop, || trigger::barrier().is_ok())?;
        let is_alone = tried.preemptions == 0 && tried.waits == 0;
        Ok(
            (tried.done && (is_alone || tried.outcome == Outcome::WentThrough))
                .then_some(tried.outcome),
        )
    })
}
