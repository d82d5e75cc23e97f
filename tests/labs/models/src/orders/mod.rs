//! Threads that run one at a time, each up to its next step, in every order.
//!
//! A scene is played again and again. Before each step of an atomic another thread
//! may go on in its place; how often that may be in one play is bounded. Where a
//! thread waits or ends, every other one goes on in its turn. So every order with that
//! number of interruptions is tried, as on a processor whose stores are seen by all
//! others at once.

mod atomics;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64 as Counter, Ordering as StdOrdering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

pub use atomics::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::choices::Choices;

/// Number of the play; starts at 1, so that zeroed memory belongs to none.
static PLAY: Counter = Counter::new(0);

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// The calling thread, as one of a play.
#[derive(Clone)]
struct Here {
    stage: Arc<Stage>,
    number: usize,
}

struct Stage {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    threads: Vec<Thread>,
    /// Which of them runs.
    running: usize,
    interruptions: usize,
    choices: Choices,
    /// A thread has panicked: nothing is tried any more.
    failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    Ready,
    WaitsFor(usize),
    Ended,
}

/// Plays `scene` in every order in which threads are interrupted at most
/// `interruptions` times, and prints how many orders that were.
///
/// # Panics
///
/// A check in `scene` fails in one of the orders.
pub fn every_order(interruptions: usize, scene: impl Fn()) {
    // the statics of what is tried are those of one play at a time
    static ONE: Mutex<()> = Mutex::new(());
    // what Miri tries in minutes is less
    let interruptions = if cfg!(miri) { 1 } else { interruptions };
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut choices = Choices::default();
    let mut plays = 0_u64;
    loop {
        PLAY.fetch_add(1, StdOrdering::Relaxed);
        let stage = Arc::new(Stage {
            state: Mutex::new(State {
                threads: vec![Thread::Ready],
                running: 0,
                interruptions,
                choices,
                failed: false,
            }),
            changed: Condvar::new(),
        });
        let here = Here {
            stage: Arc::clone(&stage),
            number: 0,
        };
        here.play(&scene)
            .unwrap_or_else(|panic| resume_unwind(panic));
        plays += 1;
        choices = std::mem::take(&mut stage.lock().choices);
        if !choices.advance() {
            break;
        }
    }
    println!("{plays} orders");
}

/// A thread of the play.
pub struct Handle<T> {
    number: usize,
    thread: thread::JoinHandle<Option<T>>,
}

/// Starts a thread in the play that the caller is in.
///
/// # Panics
///
/// The caller is in none.
pub fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Handle<T> {
    let mut here = current().expect("inside a play");
    {
        let mut state = here.stage.lock();
        here.number = state.threads.len();
        state.threads.push(Thread::Ready);
    }
    let number = here.number;
    let thread = thread::spawn(move || {
        here.stage.wait_for(number);
        here.play(run).ok()
    });
    Handle { number, thread }
}

impl<T> Handle<T> {
    /// Waits for the thread, and returns what it has returned.
    ///
    /// # Panics
    ///
    /// It has panicked.
    #[expect(clippy::must_use_candidate, reason = "as the one of std")]
    pub fn join(self) -> T {
        let here = current().expect("inside a play");
        here.stage.go_on(here.number, |state, me| {
            if state.threads.get(self.number) != Some(&Thread::Ended) {
                state.set(me, Thread::WaitsFor(self.number));
            }
        });
        let result = self.thread.join().ok().flatten();
        result.expect("a thread of the play has panicked")
    }
}

/// A step of the calling thread: others may come before it.
pub fn step() {
    if let Some(here) = current() {
        here.stage.go_on(here.number, |_, _| {});
    }
}

/// Number of the play that is going on, or was.
pub fn play() -> u64 {
    PLAY.load(StdOrdering::Relaxed)
}

fn current() -> Option<Here> {
    HERE.with_borrow(Clone::clone)
}

impl Here {
    /// Runs what the thread is to do, and lets the others go on afterwards.
    fn play<T>(self, run: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
        HERE.set(Some(self.clone()));
        let result = catch_unwind(AssertUnwindSafe(run));
        HERE.set(None);
        self.stage.end(self.number, result.is_err());
        result
    }
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what the running thread `me` is at, and goes on with it or another.
    fn go_on(&self, me: usize, set: impl FnOnce(&mut State, usize)) {
        let mut state = self.lock();
        set(&mut state, me);
        state.choose_next(me);
        drop(state);
        self.changed.notify_all();
        self.wait_for(me);
    }

    fn end(&self, me: usize, failed: bool) {
        let mut state = self.lock();
        state.failed |= failed;
        state.set(me, Thread::Ended);
        for thread in &mut state.threads {
            if *thread == Thread::WaitsFor(me) {
                *thread = Thread::Ready;
            }
        }
        state.choose_next(me);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until it is the turn of `me`.
    fn wait_for(&self, me: usize) {
        let mut state = self.lock();
        while state.running != me && !state.failed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let failed = state.failed;
        drop(state);
        // not while unwinding, which would end the whole process
        assert!(
            !failed || thread::panicking(),
            "another thread of the play has panicked"
        );
    }
}

impl State {
    fn set(&mut self, thread: usize, to: Thread) {
        if let Some(thread) = self.threads.get_mut(thread) {
            *thread = to;
        }
    }

    /// The running thread `me` first, so that going on is the first choice.
    fn choose_next(&mut self, me: usize) {
        let is_ready = |number: &usize| self.threads.get(*number) == Some(&Thread::Ready);
        let can_go_on = is_ready(&me);
        let others = (0..self.threads.len()).filter(|number| *number != me);
        let mut ready: Vec<usize> = [me].into_iter().chain(others).filter(is_ready).collect();
        if can_go_on && self.interruptions == 0 {
            ready.truncate(1);
        }
        let Some(next) = ready.get(self.choices.choose(ready.len())) else {
            let waiting = self.threads.iter().any(|thread| *thread != Thread::Ended);
            assert!(!waiting || self.failed, "every thread waits for another");
            return;
        };
        if can_go_on && *next != me {
            self.interruptions -= 1;
        }
        self.running = *next;
    }
}

/// The value of an atomic in the play that is going on: the first one again in each.
struct Value<V> {
    play: Cell<u64>,
    now: Cell<V>,
}

impl<V: Copy> Value<V> {
    const fn new(first: V) -> Self {
        Self {
            play: Cell::new(0),
            now: Cell::new(first),
        }
    }

    /// Changes the value, as one step.
    fn update(&self, first: V, to: impl FnOnce(V) -> V) -> V {
        step();
        if self.play.replace(play()) != play() {
            self.now.set(first);
        }
        let found = self.now.get();
        self.now.set(to(found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two threads that load and then store lose one of two counts, in some orders.
    #[test]
    fn what_is_lost_in_one_order_is_found() {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = || {
            let found = COUNT.load(Ordering::Relaxed);
            COUNT.swap(found + 1, Ordering::Relaxed);
        };
        let results = Arc::new(Mutex::new(std::collections::BTreeMap::new()));
        let seen = Arc::clone(&results);
        every_order(1, move || {
            let other = spawn(count);
            count();
            other.join();
            let found = COUNT.load(Ordering::Relaxed);
            *seen.lock().unwrap().entry(found).or_insert(0) += 1;
        });
        let results = results.lock().unwrap();
        assert!(
            results.contains_key(&1) && results.contains_key(&2),
            "{results:?}"
        );
    }

    #[test]
    fn a_check_that_fails_ends_the_play() {
        let failed = catch_unwind(|| {
            every_order(1, || {
                let other = spawn(|| assert_eq!(1, 2, "as it should"));
                step();
                other.join();
            });
        });
        assert!(failed.is_err());
    }
}
