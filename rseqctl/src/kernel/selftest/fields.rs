//! `cpu_id_start`, changed by user space: does the kernel write it again?
//!
//! TCMalloc before its fix keeps half of a pointer there and relies on the
//! kernel to overwrite it whenever the thread may have been interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::bench::{Bench, Notes, value, why};
use super::obstacle::Obstacle;
use super::seen::{Extent, Field, Fields};
use crate::sys::area::Area;
use crate::sys::cpu::{self, Switches};
use crate::sys::ending::Ending;
use crate::sys::section::Handshake;
use crate::sys::trigger;

/// What a thread writes over `cpu_id_start`: no processor has this number.
const MARK: u32 = 0x8000_5eed;

pub(super) fn watch(bench: &mut Bench, length: u32, extent: Extent) -> Fields {
    Fields {
        sleep: one(bench, length, "sleep", sleep),
        signal: one(bench, length, "signal", signal),
        preemption: match extent {
            Extent::Whole => one(bench, length, "preemption", preemption),
            Extent::Quick => Field::Unknown,
        },
        migration: match extent {
            Extent::Whole => one(bench, length, "migration", migration),
            Extent::Quick => Field::Unknown,
        },
    }
}

/// Marks the area, lets something happen to the thread, within a time, and
/// looks: nothing where it has not happened, or why it cannot.
type Experiment = fn(Area, Duration) -> Result<Option<u32>, Obstacle>;

fn one(bench: &mut Bench, length: u32, name: &str, experiment: Experiment) -> Field {
    let wait = bench.wait;
    let told = bench.child(|area, notes| {
        mark_and(area, length, notes, |area| experiment(area, wait));
    });
    let what = format!("cpu_id_start after {name}");
    let Some(told) = told else {
        bench.not_seen(length, &what, why(None));
        return Field::Unknown;
    };
    match (value(&told, "seen"), told.ending) {
        (Some("kept"), _) => Field::Kept,
        (Some("rewritten"), _) => Field::Rewritten,
        (None, Some(Ending::Killed(libc::SIGSEGV))) if value(&told, "marked").is_some() => {
            Field::Killed
        }
        (_, _) => {
            let reason = value(&told, "cannot").map_or_else(|| why(Some(&told)), str::to_owned);
            bench.not_seen(length, &what, reason);
            Field::Unknown
        }
    }
}

fn mark_and(
    area: Area,
    length: u32,
    notes: &mut Notes<'_>,
    experiment: impl FnOnce(Area) -> Result<Option<u32>, Obstacle>,
) {
    if let Err(errno) = area.register(length) {
        notes.say("cannot", Obstacle::Registration(errno));
        return;
    }
    // before the mark: to say it may put the thread to sleep
    notes.say("marked", 1);
    match experiment(area) {
        Ok(Some(MARK)) => notes.say("seen", "kept"),
        Ok(Some(_)) => notes.say("seen", "rewritten"),
        Ok(None) => {}
        Err(why) => notes.say("cannot", why),
    }
}

/// Stays on this processor, so that nothing but what is meant happens.
fn stay() -> Result<usize, Obstacle> {
    let here = cpu::current().ok_or(Obstacle::NoProcessorNumber)?;
    cpu::pin(0, here).map_err(|error| Obstacle::Call("cannot stay on one processor", error))?;
    Ok(here)
}

fn sleep(area: Area, _: Duration) -> Result<Option<u32>, Obstacle> {
    stay()?;
    // counted only after the mark: nothing earlier can have rewritten it
    area.set_cpu_id_start(MARK);
    let before = Switches::now();
    std::thread::sleep(Duration::from_millis(1));
    let after = Switches::now();
    let found = area.cpu_id_start();
    Ok((after.voluntary > before.voluntary).then_some(found))
}

fn signal(area: Area, wait: Duration) -> Result<Option<u32>, Obstacle> {
    stay()?;
    trigger::count_signals(Box::leak(Box::new(Handshake::default())));
    let mut last = None;
    let deadline = Instant::now() + wait;
    while Instant::now() < deadline {
        let (before, (came, _)) = (Switches::now(), trigger::signals());
        area.set_cpu_id_start(MARK);
        trigger::raise();
        let found = area.cpu_id_start();
        if trigger::signals().0 > came {
            last = Some(found);
            // nothing else has happened to the thread meanwhile
            if found == MARK || Switches::now() == before {
                break;
            }
        }
    }
    Ok(last)
}

fn preemption(area: Area, wait: Duration) -> Result<Option<u32>, Obstacle> {
    let here = stay()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let other = Arc::clone(&is_over);
    // starts on the processor of the thread that starts it
    let competitor = std::thread::Builder::new().spawn(move || {
        while !other.load(Ordering::Relaxed) {
            trigger::yield_processor();
        }
    });
    if let Err(error) = competitor {
        return Err(Obstacle::Processor("cannot start a thread on", here, error));
    }
    // counted only after the mark: nothing earlier can have rewritten it
    area.set_cpu_id_start(MARK);
    let before = Switches::now();
    let deadline = Instant::now() + wait;
    let mut seen = None;
    while Instant::now() < deadline {
        if Switches::now().preemptions > before.preemptions {
            seen = Some(area.cpu_id_start());
            break;
        }
    }
    is_over.store(true, Ordering::Relaxed);
    Ok(seen)
}

fn migration(area: Area, _: Duration) -> Result<Option<u32>, Obstacle> {
    let allowed = cpu::allowed();
    let here = stay()?;
    let there = allowed
        .into_iter()
        .find(|&cpu| cpu != here)
        .ok_or(Obstacle::OneProcessor)?;
    area.set_cpu_id_start(MARK);
    cpu::pin(0, there).map_err(|error| Obstacle::Processor("cannot move to", there, error))?;
    let found = area.cpu_id_start();
    Ok((cpu::current() == Some(there)).then_some(found))
}
