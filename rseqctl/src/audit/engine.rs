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

/// How often the caller hears that something is going on, and how long an
/// outcome waits for others at most.
const TICK: Duration = Duration::from_millis(100);

/// Audits `paths`; `sink` hears of everything in the order of names.
pub(super) fn run(paths: &[PathBuf], options: &Options, sink: &mut dyn FnMut(Event<'_>)) -> Tally {
    let mut walk = Walk::new(paths);
    let mut report = Report {
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
        return report.tally;
    }
    let desk = Desk::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _alarm = Alarm(&desk);
            while let Some(piece) = take(&mut walk) {
                desk.hand_out(piece);
            }
            desk.close();
        });
        for _ in 0..threads {
            scope.spawn(|| {
                let _alarm = Alarm(&desk);
                let inspector = Inspector::new(options);
                while let Some((number, piece)) = desk.next_piece() {
                    desk.hand_in(number, inspect(&inspector, piece));
                }
            });
        }
        loop {
            match desk.next_outcome() {
                Next::Outcome(outcome) => report.add(outcome),
                Next::NotYet => (report.sink)(Event::Progress(&report.tally)),
                Next::End => break,
            }
        }
    });
    report.tally
}

/// Audits what can be read at any offset.
pub(super) fn run_source(
    path: &Path,
    source: &dyn Source,
    len: u64,
    options: &Options,
    sink: &mut dyn FnMut(Event<'_>),
) -> Tally {
    let mut report = Report {
        options,
        tally: Tally::default(),
        sink,
    };
    let mut outcome = Outcome::default();
    Inspector::new(options).look_at_source(path, source, len, &mut outcome);
    report.add(outcome);
    report.tally
}

/// The next piece of the walk.
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
        inspector.look(found, &mut outcome);
    }
    outcome
}

/// Where pieces and what comes of them lie.
#[derive(Default)]
struct Desk {
    papers: Mutex<Papers>,
    /// The walk may go on.
    room: Condvar,
    /// There is a piece, or there will be none.
    pieces: Condvar,
    /// The next outcome is there, or there will be none.
    outcomes: Condvar,
}

#[derive(Default)]
struct Papers {
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
    /// A thread panicked: nobody is to wait for it.
    broken: bool,
}

impl Papers {
    fn is_at_end(&self) -> bool {
        self.broken || self.closed && self.done == self.out
    }
}

/// Ends all waiting when its thread panics.
struct Alarm<'a>(&'a Desk);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.papers().broken = true;
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

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(&self, piece: Vec<Found>) {
        let papers = self.papers();
        let mut papers = self
            .room
            .wait_while(papers, |papers| {
                papers.out - papers.done >= UNDER_WAY && !papers.broken
            })
            .unwrap_or_else(PoisonError::into_inner);
        let number = papers.out;
        papers.out += 1;
        papers.pieces.push_back((number, piece));
        let is_awaited = papers.idle != 0;
        drop(papers);
        if is_awaited {
            self.pieces.notify_one();
        }
    }

    fn close(&self) {
        self.papers().closed = true;
        self.pieces.notify_all();
        self.outcomes.notify_all();
    }

    fn next_piece(&self) -> Option<(u64, Vec<Found>)> {
        let mut papers = self.papers();
        papers.idle += 1;
        let mut papers = self
            .pieces
            .wait_while(papers, |papers| papers.pieces.is_empty() && !papers.closed)
            .unwrap_or_else(PoisonError::into_inner);
        papers.idle -= 1;
        papers.pieces.pop_front()
    }

    fn hand_in(&self, number: u64, outcome: Outcome) {
        let mut papers = self.papers();
        papers.outcomes.insert(number, outcome);
        let there = papers.outcomes.len();
        let is_last = papers.closed && there as u64 == papers.out - papers.done;
        let is_worth_it = there >= TOGETHER && papers.outcomes.contains_key(&papers.done);
        drop(papers);
        if is_last || is_worth_it {
            self.outcomes.notify_one();
        }
    }

    fn next_outcome(&self) -> Next {
        let papers = self.papers();
        let is_early = |papers: &mut Papers| {
            !papers.outcomes.contains_key(&papers.done) && !papers.is_at_end()
        };
        let (mut papers, _) = self
            .outcomes
            .wait_timeout_while(papers, TICK, is_early)
            .unwrap_or_else(PoisonError::into_inner);
        let done = papers.done;
        if let Some(outcome) = papers.outcomes.remove(&done) {
            papers.done += 1;
            // some at a time, so that the walk does not stop for each of them
            let wants_more = papers.out - papers.done == UNDER_WAY / 2;
            drop(papers);
            if wants_more {
                self.room.notify_one();
            }
            return Next::Outcome(outcome);
        }
        if papers.is_at_end() {
            Next::End
        } else {
            Next::NotYet
        }
    }
}

/// What the caller hears.
struct Report<'a> {
    options: &'a Options,
    tally: Tally,
    sink: &'a mut dyn FnMut(Event<'_>),
}

impl Report<'_> {
    fn add(&mut self, outcome: Outcome) {
        self.tally.add(&outcome.counts);
        for file in outcome.files {
            for mut row in file.rows {
                row.mark_known(&self.options.baseline);
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
