//! The audit over several threads: the walk is shared and handed out in small
//! pieces, what comes of them is put back into the order of the walk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::inspect::{Inspector, Outcome};
use super::walk::{Found, FoundKind, Walk};
use super::{Event, Options, Tally, container};

/// Files per piece: enough to make the lock cheap, few enough to share.
const PIECE: usize = 32;

/// How many pieces may be done before an earlier one is: what bounds the
/// memory behind one large package.
const AHEAD: u64 = 64;

/// How often the caller hears that something is going on.
const TICK: Duration = Duration::from_millis(100);

/// Audits `paths`; `sink` hears of everything in the order of names.
pub(super) fn run(paths: &[PathBuf], options: &Options, sink: &mut dyn FnMut(Event<'_>)) -> Tally {
    let inspector = Inspector::new(options);
    let pieces = Mutex::new(Pieces {
        walk: Walk::new(paths),
        taken: 0,
    });
    let mut collector = Collector {
        options,
        tally: Tally::default(),
        sink,
    };
    let threads = options.threads.get();
    if threads == 1 {
        while let Some((_, piece)) = take(&pieces) {
            collector.add(inspect(&inspector, piece));
        }
        return collector.tally;
    }
    let gate = Gate::default();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(threads);
        for _ in 0..threads {
            let sender = sender.clone();
            let (pieces, gate, inspector) = (&pieces, &gate, &inspector);
            scope.spawn(move || work(pieces, gate, inspector, &sender));
        }
        drop(sender);
        collector.collect(&receiver, &gate);
    });
    collector.tally
}

/// The walk, cut into pieces.
struct Pieces {
    walk: Walk,
    taken: u64,
}

fn take(pieces: &Mutex<Pieces>) -> Option<(u64, Vec<Found>)> {
    let mut pieces = lock(pieces);
    let mut piece = Vec::with_capacity(PIECE);
    while piece.len() < PIECE
        && let Some(found) = pieces.walk.next()
    {
        // a package may take as long as a thousand files
        let is_long =
            matches!(found.kind, FoundKind::Image) || container::looks_packed(&found.path);
        piece.push(found);
        if is_long {
            break;
        }
    }
    let number = pieces.taken;
    pieces.taken += 1;
    (!piece.is_empty()).then_some((number, piece))
}

fn inspect(inspector: &Inspector<'_>, piece: Vec<Found>) -> Outcome {
    let mut outcome = Outcome::default();
    for found in piece {
        inspector.look(found, &mut outcome);
    }
    outcome
}

fn work(
    pieces: &Mutex<Pieces>,
    gate: &Gate,
    inspector: &Inspector<'_>,
    sender: &SyncSender<(u64, Outcome)>,
) {
    loop {
        gate.wait(pieces);
        let Some((number, piece)) = take(pieces) else {
            return;
        };
        if sender.send((number, inspect(inspector, piece))).is_err() {
            return;
        }
    }
}

/// How far the report is.
#[derive(Default)]
struct Gate {
    done: Mutex<u64>,
    moved: Condvar,
}

impl Gate {
    /// Waits until the next piece is not too far ahead. The piece that the
    /// report waits for has been taken already, so somebody is at work on it.
    fn wait(&self, pieces: &Mutex<Pieces>) {
        let taken = lock(pieces).taken;
        let done = lock(&self.done);
        drop(
            self.moved
                .wait_while(done, |done| taken.saturating_sub(*done) > AHEAD)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn set(&self, done: u64) {
        *lock(&self.done) = done;
        self.moved.notify_all();
    }
}

struct Collector<'a> {
    options: &'a Options,
    tally: Tally,
    sink: &'a mut dyn FnMut(Event<'_>),
}

impl Collector<'_> {
    fn collect(&mut self, receiver: &Receiver<(u64, Outcome)>, gate: &Gate) {
        let mut early = BTreeMap::new();
        let mut next = 0;
        loop {
            match receiver.recv_timeout(TICK) {
                Ok((number, outcome)) => {
                    early.insert(number, outcome);
                }
                Err(RecvTimeoutError::Timeout) => (self.sink)(Event::Progress(&self.tally)),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Some(outcome) = early.remove(&next) {
                self.add(outcome);
                next += 1;
            }
            gate.set(next);
        }
    }

    fn add(&mut self, outcome: Outcome) {
        self.tally.add(&outcome.counts);
        for file in outcome.files {
            for mut row in file.rows {
                row.mark_known(&self.options.baseline);
                self.tally.count_row(&row);
                (self.sink)(Event::Object(&row));
            }
            for (path, problem) in file.problems {
                self.tally.problems += 1;
                (self.sink)(Event::Problem {
                    path: &path,
                    problem: &problem,
                });
            }
        }
        (self.sink)(Event::Progress(&self.tally));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
