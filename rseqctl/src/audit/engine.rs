//! The audit over several threads: one walks and cuts the walk into pieces,
//! others look at them, and what comes of them is put back into the order of
//! the walk.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tls_model::elf::Source;

use super::container;
use super::event::{Event, UnusedInput};
use super::found::{Found, FoundKind};
use super::inspect::Inspector;
use super::options::Options;
use super::outcome::Outcome;
use super::tally::Tally;
use super::walk::Walk;

/// Files per piece: enough to make handing over cheap, few enough to share.
const PIECE: usize = 64;

/// How many pieces may be under way before the first of them is done: what
/// bounds the memory behind one large package.
const UNDER_WAY: u64 = 64;

/// Outcomes that are reported together: waking a thread costs as much as some
/// files do.
const TOGETHER: usize = 8;

/// How often the caller is told that something is going on, and how long an
/// outcome waits for others at most.
const TICK: Duration = Duration::from_millis(100);

/// Audits `paths`; `sink` gets everything in the order of names.
pub(super) fn run(paths: &[PathBuf], options: &Options, sink: &mut dyn FnMut(Event<'_>)) -> Tally {
    let mut walk = Walk::new(paths, options.pick.clone());
    let mut report = Reporter {
        options,
        tally: Tally::default(),
        sink,
    };
    let threads = options.threads.get();
    if threads == 1 {
        let inspector = Inspector::new(options);
        while let Some(piece) = take(&mut walk) {
            report.add(inspect(&inspector, piece));
        }
        report.tally.links = walk.links();
        return report.tally;
    }
    let queue = Queue::default();
    thread::scope(|scope| {
        let walking = scope.spawn(|| {
            let _alarm = Alarm(&queue);
            while let Some(piece) = take(&mut walk) {
                queue.hand_out(piece);
            }
            queue.close();
            walk.links()
        });
        for _ in 0..threads {
            scope.spawn(|| {
                let _alarm = Alarm(&queue);
                let inspector = Inspector::new(options);
                while let Some((number, piece)) = queue.next_piece() {
                    queue.hand_in(number, inspect(&inspector, piece));
                }
            });
        }
        loop {
            match queue.next_outcome() {
                Next::Outcome(outcome) => report.add(outcome),
                Next::NotYet => (report.sink)(Event::Progress(&report.tally)),
                Next::End => break,
            }
        }
        // where it has panicked, so will the scope
        report.tally.links = walking.join().unwrap_or_default();
    });
    report.tally
}

/// Audits a source that can be read at any offset.
pub(super) fn run_source(
    path: &Path,
    source: &dyn Source,
    len: u64,
    options: &Options,
    sink: &mut dyn FnMut(Event<'_>),
) -> Tally {
    let mut report = Reporter {
        options,
        tally: Tally::default(),
        sink,
    };
    let mut outcome = Outcome::default();
    Inspector::new(options).inspect_source(path, source, len, &mut outcome);
    report.add(outcome);
    report.tally
}

/// Takes the next piece of the walk.
fn take(walk: &mut Walk) -> Option<Vec<Found>> {
    let mut piece = Vec::with_capacity(PIECE);
    while piece.len() < PIECE
        && let Some(found) = walk.next()
    {
        // a package may take as long as a thousand files
        let is_long =
            matches!(found.kind, FoundKind::Image) || container::looks_packed(found.name());
        piece.push(found);
        if is_long {
            break;
        }
    }
    (!piece.is_empty()).then_some(piece)
}

fn inspect(inspector: &Inspector<'_>, piece: Vec<Found>) -> Outcome {
    let mut outcome = Outcome::default();
    for found in piece {
        inspector.inspect(found, &mut outcome);
    }
    outcome
}

/// Where pieces and what comes of them lie.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    /// The walk may go on.
    room: Condvar,
    /// There is a piece, or there will be none.
    pieces: Condvar,
    /// The next outcome is there, or there will be none.
    outcomes: Condvar,
}

#[derive(Default)]
struct QueueState {
    pieces: VecDeque<(u64, Vec<Found>)>,
    /// Pieces that were handed out.
    out: u64,
    /// No more will be.
    closed: bool,
    /// Threads that wait for one.
    idle: usize,
    /// Outcomes that came before an earlier one.
    outcomes: BTreeMap<u64, Outcome>,
    /// Outcomes that were reported.
    done: u64,
    /// A thread panicked: no other may wait for it.
    broken: bool,
}

impl QueueState {
    fn is_at_end(&self) -> bool {
        self.broken || self.closed && self.done == self.out
    }
}

/// Ends all waiting when its thread panics.
struct Alarm<'a>(&'a Queue);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state().broken = true;
            self.0.room.notify_all();
            self.0.close();
        }
    }
}

enum Next {
    Outcome(Outcome),
    NotYet,
    End,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(&self, piece: Vec<Found>) {
        let state = self.state();
        let mut state = self
            .room
            .wait_while(state, |state| {
                state.out - state.done >= UNDER_WAY && !state.broken
            })
            .unwrap_or_else(PoisonError::into_inner);
        let number = state.out;
        state.out += 1;
        state.pieces.push_back((number, piece));
        let is_awaited = state.idle != 0;
        drop(state);
        if is_awaited {
            self.pieces.notify_one();
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.pieces.notify_all();
        self.outcomes.notify_all();
    }

    fn next_piece(&self) -> Option<(u64, Vec<Found>)> {
        let mut state = self.state();
        state.idle += 1;
        let mut state = self
            .pieces
            .wait_while(state, |state| state.pieces.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.pieces.pop_front()
    }

    fn hand_in(&self, number: u64, outcome: Outcome) {
        let mut state = self.state();
        state.outcomes.insert(number, outcome);
        let there = state.outcomes.len();
        let is_last = state.closed && there as u64 == state.out - state.done;
        let is_worth_it = there >= TOGETHER && state.outcomes.contains_key(&state.done);
        drop(state);
        if is_last || is_worth_it {
            self.outcomes.notify_one();
        }
    }

    fn next_outcome(&self) -> Next {
        let state = self.state();
        let is_early = |state: &mut QueueState| {
            !state.outcomes.contains_key(&state.done) && !state.is_at_end()
        };
        let (mut state, _) = self
            .outcomes
            .wait_timeout_while(state, TICK, is_early)
            .unwrap_or_else(PoisonError::into_inner);
        let done = state.done;
        if let Some(outcome) = state.outcomes.remove(&done) {
            state.done += 1;
            // some at a time, so that the walk does not stop for each of them
            let wants_more = state.out - state.done == UNDER_WAY / 2;
            drop(state);
            if wants_more {
                self.room.notify_one();
            }
            return Next::Outcome(outcome);
        }
        if state.is_at_end() {
            Next::End
        } else {
            Next::NotYet
        }
    }
}

/// What the caller is sent.
struct Reporter<'a> {
    options: &'a Options,
    tally: Tally,
    sink: &'a mut dyn FnMut(Event<'_>),
}

impl Reporter<'_> {
    fn add(&mut self, outcome: Outcome) {
        self.tally.add(&outcome.counts);
        for file in outcome.files {
            for mut row in file.rows {
                row.filter(&self.options.filter);
                self.tally.count_row(&row);
                (self.sink)(Event::Row(&row));
            }
            for (path, problem) in file.problems {
                self.tally.problems += 1;
                (self.sink)(Event::Problem(UnusedInput {
                    path: &path,
                    problem: &problem,
                }));
            }
        }
        (self.sink)(Event::Progress(&self.tally));
    }
}
