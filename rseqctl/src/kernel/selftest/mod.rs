//! The self-test: what this kernel does with rseq, seen and not looked up.
//!
//! Every experiment runs in a child of its own, for a bounded time, because
//! some kernels kill what they find wrong. The child takes back the
//! registration that it has inherited from us and makes its own.

mod answers;
mod fields;
mod obstacle;
mod sections;

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tls_model::rseq::ORIGINAL_LENGTH;

use crate::sys::area::Area;
use crate::sys::child::{self, Told};
use crate::sys::process::Ending;
use crate::sys::{machine, section, thread};

pub use answers::Answers;

/// What an experiment has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The kernel has written its own value over ours.
    Rewritten,
    /// Our value was still there.
    Kept,
    /// The kernel has killed the process.
    Killed,
    /// Not seen; `not_seen` says why.
    Unknown,
}

/// What a critical section did when something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Abort {
    /// The kernel sent the thread to the abort handler.
    Aborts,
    /// The thread went through the section to its end.
    RunsOn,
    /// Not seen; `not_seen` says why.
    Unknown,
}

/// `cpu_id_start`, changed by the thread itself, after one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fields {
    /// The thread has slept.
    pub sleep: Field,
    /// Another task was to run on its processor.
    pub preemption: Field,
    /// It has handled a signal.
    pub signal: Field,
    /// It was moved to another processor.
    pub migration: Field,
}

impl Fields {
    /// One of those that need no other processor.
    #[must_use]
    pub fn any(&self, seen: Field) -> bool {
        [self.sleep, self.preemption, self.signal].contains(&seen)
    }
}

/// A critical section that was interrupted by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Aborts {
    /// Another task was to run on its processor.
    pub preemption: Abort,
    /// A signal with a handler.
    pub signal: Abort,
    /// It was moved to another processor.
    pub migration: Abort,
    /// membarrier(2), `MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ`.
    pub membarrier: Abort,
}

impl Aborts {
    /// All of them, by name.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Abort); 4] {
        [
            ("preemption", self.preemption),
            ("signal", self.signal),
            ("migration", self.migration),
            ("membarrier", self.membarrier),
        ]
    }
}

/// What was seen with registrations of one length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Length {
    /// Bytes.
    pub length: u32,
    /// How the kernel answered right and wrong calls.
    pub answers: Answers,
    /// Whether the kernel writes `cpu_id_start` again.
    pub cpu_id_start: Fields,
    /// Whether critical sections abort.
    pub aborts: Aborts,
}

/// What was not seen, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotSeen {
    /// Length of the registration in bytes.
    pub length: u32,
    /// The experiment.
    pub what: String,
    /// Why it came to nothing.
    pub why: String,
}

/// The self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// Why there are no lengths: rseq is missing or denied, or somebody else
    /// has the registration.
    pub refused: Option<Refusal>,
    /// 32 bytes, and the feature size where that is more.
    pub lengths: Vec<Length>,
    /// What was not seen.
    pub not_seen: Vec<NotSeen>,
    /// How long it took.
    pub milliseconds: u32,
}

/// Why something is not seen on a machine that has nothing to show.
const ONE_PROCESSOR: &str = "needs two processors";

impl SelfTest {
    /// Something that this machine could have shown was not seen.
    #[must_use]
    pub fn has_holes(&self) -> bool {
        matches!(self.refused, Some(Refusal::Occupied | Refusal::NoAnswer))
            || self.not_seen.iter().any(|hole| hole.why != ONE_PROCESSOR)
    }

    /// What was seen with registrations of this length.
    #[must_use]
    pub fn of_length(&self, length: u32) -> Option<&Length> {
        self.lengths.iter().find(|found| found.length == length)
    }
}

/// Why nothing can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// ENOSYS.
    NoSystemCall,
    /// EPERM.
    Denied,
    /// The process was killed for asking (SIGSYS).
    Killed,
    /// EINVAL: something in this process has registered an area that we do not
    /// know.
    Occupied,
    /// Another errno.
    Other(i32),
    /// The child could not be asked.
    NoAnswer,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSystemCall => f.write_str("sys_rseq answers ENOSYS"),
            Self::Denied => f.write_str("sys_rseq answers EPERM"),
            Self::Killed => f.write_str("a process that calls sys_rseq is killed (SIGSYS)"),
            Self::Occupied => f.write_str(
                "something that was loaded into rseqctl has registered an area of its own",
            ),
            Self::Other(errno) => write!(f, "sys_rseq answers errno {errno}"),
            Self::NoAnswer => f.write_str("a child process for the test could not be had"),
        }
    }
}

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Whole,
    /// What `run` has to know: registration with 32 bytes, and what a sleep and
    /// a signal do.
    Quick,
}

/// Runs the self-test within `limit`; what is not done by then is not seen.
#[must_use]
pub fn run(extent: Extent, limit: Duration) -> SelfTest {
    let mut bench = Bench::new(limit);
    let refused = bench.first_refusal();
    let mut lengths = Vec::new();
    if refused.is_none() {
        let mut tested = vec![ORIGINAL_LENGTH];
        if extent == Extent::Whole {
            tested.extend(machine::rseq_feature_size().filter(|&size| size > ORIGINAL_LENGTH));
        }
        lengths.extend(
            tested
                .into_iter()
                .map(|length| bench.length(length, extent)),
        );
    }
    SelfTest {
        refused,
        lengths,
        not_seen: bench.not_seen,
        milliseconds: u32::try_from(bench.started.elapsed().as_millis()).unwrap_or(u32::MAX),
    }
}

/// Where experiments are made.
struct Bench {
    started: Instant,
    limit: Duration,
    /// How long an experiment waits for what is to happen.
    wait: Duration,
    not_seen: Vec<NotSeen>,
}

impl Bench {
    fn new(limit: Duration) -> Self {
        Self {
            started: Instant::now(),
            limit,
            wait: limit / 6,
            not_seen: Vec::new(),
        }
    }

    /// A child that has no registration, with an area of its own.
    fn child(&self, body: impl FnOnce(Area, &mut Notes<'_>)) -> Option<Told> {
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

    fn first_refusal(&self) -> Option<Refusal> {
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

    fn length(&mut self, length: u32, extent: Extent) -> Length {
        let answers = answers::ask(self, length);
        let cpu_id_start = fields::watch(self, length, extent);
        let aborts = if !answers.granted() {
            sections::none()
        } else if section::IS_WRITTEN {
            sections::watch(self, length, extent)
        } else {
            self.not_seen(length, "aborts", "not written for this architecture");
            sections::none()
        };
        Length {
            length,
            answers,
            cpu_id_start,
            aborts,
        }
    }

    fn not_seen(&mut self, length: u32, what: &str, why: impl Into<String>) {
        self.not_seen.push(NotSeen {
            length,
            what: what.to_owned(),
            why: why.into(),
        });
    }
}

/// Why a child did not tell what it should have told.
fn why(told: Option<&Told>) -> String {
    match told.map(|told| told.ending) {
        None | Some(None) => "its time was over".to_owned(),
        Some(Some(Ending::Killed(signal))) => format!("it was killed by signal {signal}"),
        Some(Some(Ending::Exited(_))) => "what was meant to happen did not".to_owned(),
    }
}

/// What a child writes: a line `NAME VALUE` per step.
struct Notes<'a>(&'a mut File);

impl Notes<'_> {
    fn say(&mut self, name: &str, value: impl fmt::Display) {
        // a parent that does not listen any more will not miss it
        let _ = self.0.write_all(format!("{name} {value}\n").as_bytes());
    }
}

/// The value of the last line of that name.
fn value<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
    std::str::from_utf8(&told.text)
        .ok()?
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next_back()
}

fn number(told: &Told, name: &str) -> Option<i32> {
    value(told, name)?.parse().ok()
}
