//! Atomics before each step of which a signal handler may run, and one on top of it.
//!
//! A scene is played again and again, until every choice was made at every step:
//! no handler, or one of them.
//! The atomics have the size and layout of the real ones.

use std::cell::RefCell;

pub use std::sync::atomic::Ordering;

use crate::choices::Choices;

thread_local! {
    static PLAY: RefCell<Option<Play>> = const { RefCell::new(None) };
}

/// What a handler does.
pub type Handler = fn();

struct Play {
    handlers: &'static [Handler],
    /// How many handlers may run in one play.
    budget: usize,
    choices: Choices,
}

/// Plays `scene` with every choice of `handlers` before every step of it, at most
/// `at_most` of them in one play. Returns how many plays that were.
pub fn every_signal(handlers: &'static [Handler], at_most: usize, scene: impl Fn()) -> u64 {
    // what Miri tries in minutes is less
    let at_most = if cfg!(miri) { 1 } else { at_most };
    let mut choices = Choices::default();
    let mut plays = 0;
    loop {
        PLAY.set(Some(Play {
            handlers,
            budget: at_most,
            choices,
        }));
        scene();
        plays += 1;
        choices = PLAY.take().map(|play| play.choices).unwrap_or_default();
        if !choices.advance() {
            return plays;
        }
    }
}

/// No handler runs in what is left of this play.
pub fn no_more() {
    PLAY.with_borrow_mut(|play| {
        if let Some(play) = play {
            play.budget = 0;
        }
    });
}

/// A step: a handler may run before it.
pub fn step() {
    let handler = PLAY.with_borrow_mut(|play| {
        let play = play.as_mut().filter(|play| play.budget > 0)?;
        let chosen = play.choices.choose(play.handlers.len() + 1);
        let handler = play.handlers.get(chosen.checked_sub(1)?)?;
        play.budget -= 1;
        Some(*handler)
    });
    if let Some(handler) = handler {
        handler();
    }
}

/// As the one of `core`, with a step before each operation.
#[repr(transparent)]
pub struct AtomicU64(std::sync::atomic::AtomicU64);

impl AtomicU64 {
    /// With this value.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(value))
    }

    /// As the one of `core`.
    pub fn load(&self, order: Ordering) -> u64 {
        step();
        self.0.load(order)
    }

    /// As the one of `core`.
    ///
    /// # Errors
    ///
    /// The value that was found, where it is another.
    pub fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        step();
        self.0.compare_exchange(old, new, success, failure)
    }

    /// As the one of `core`.
    pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_add(value, order)
    }

    /// As the one of `core`.
    pub fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        step();
        self.0.fetch_sub(value, order)
    }

    /// As the one of `core`: two steps, a load and an exchange, until one holds.
    ///
    /// # Errors
    ///
    /// The value for which `update` had nothing.
    pub fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        mut update: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        loop {
            let found = self.load(failure);
            let new = update(found).ok_or(found)?;
            if self.compare_exchange(found, new, success, failure).is_ok() {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static RAN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn every_step_is_interrupted_by_every_handler() {
        const HANDLERS: [Handler; 2] = [
            || RAN.with_borrow_mut(|ran| ran.push("a")),
            || RAN.with_borrow_mut(|ran| ran.push("b")),
        ];
        let plays = every_signal(&HANDLERS, 1, || {
            for _ in 0..3 {
                step();
            }
        });
        // none, or one of two before one of three steps
        assert_eq!(plays, 1 + 2 * 3);
        assert_eq!(RAN.with_borrow(Vec::len), 6);
    }
}
