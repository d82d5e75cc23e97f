//! Where experiments are made: children, each with an area of its own.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use tls_model::rseq::ORIGINAL_LENGTH;

use super::seen::{NotSeen, Refusal};
use crate::sys::area::Area;
use crate::sys::child::{self, Told};
use crate::sys::ending::Ending;
use crate::sys::thread;

/// Where experiments are made.
pub(super) struct Bench {
    pub(super) started: Instant,
    limit: Duration,
    /// How long an experiment waits for what is to happen.
    pub(super) wait: Duration,
    pub(super) not_seen: Vec<NotSeen>,
}

impl Bench {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            started: Instant::now(),
            limit,
            wait: limit / 6,
            not_seen: Vec::new(),
        }
    }

    /// Runs `body` in a child that has no registration, with an area of its own.
    pub(super) fn child(&self, body: impl FnOnce(Area, &mut Notes<'_>)) -> Option<Told> {
        let rest = self.limit.saturating_sub(self.started.elapsed());
        if rest.is_zero() {
            return None;
        }
        child::ask(rest.min(self.wait * 3), |out| {
            thread::release();
            body(Area::new(), &mut Notes(out));
        })
        .ok()
    }

    pub(super) fn first_refusal(&self) -> Option<Refusal> {
        let told = self.child(|area, notes| {
            let errno = area.register(ORIGINAL_LENGTH).err().unwrap_or(0);
            notes.say("errno", errno);
        });
        let Some(told) = told else {
            return Some(Refusal::NoAnswer);
        };
        match (number(&told, "errno"), told.ending) {
            (Some(0), _) => None,
            (Some(libc::ENOSYS), _) => Some(Refusal::NoSystemCall),
            (Some(libc::EPERM), _) => Some(Refusal::Denied),
            (Some(libc::EINVAL | libc::EBUSY), _) => Some(Refusal::Occupied),
            (Some(errno), _) => Some(Refusal::Other(errno)),
            (None, Some(Ending::Killed(libc::SIGSYS))) => Some(Refusal::Killed),
            (None, _) => Some(Refusal::NoAnswer),
        }
    }

    pub(super) fn not_seen(&mut self, length: u32, what: &str, why: impl Into<String>) {
        self.not_seen.push(NotSeen {
            length,
            what: what.to_owned(),
            why: why.into(),
        });
    }
}

/// Returns why a child did not tell what it should have told.
pub(super) fn why(told: Option<&Told>) -> String {
    match told.map(|told| told.ending) {
        None | Some(None) => "its time was over".to_owned(),
        Some(Some(Ending::Killed(signal))) => format!("it was killed by signal {signal}"),
        Some(Some(Ending::Exited(_))) => "what was meant to happen did not".to_owned(),
    }
}

/// What a child writes: a line `NAME VALUE` per step.
pub(super) struct Notes<'a>(&'a mut File);

impl Notes<'_> {
    pub(super) fn say(&mut self, name: &str, value: impl fmt::Display) {
        // a parent that does not listen any more will not miss it
        let _ = self.0.write_all(format!("{name} {value}\n").as_bytes());
    }
}

/// Returns the value of the last line of that name.
pub(super) fn value<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
    std::str::from_utf8(&told.text)
        .ok()?
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next_back()
}

pub(super) fn number(told: &Told, name: &str) -> Option<i32> {
    value(told, name)?.parse().ok()
}
