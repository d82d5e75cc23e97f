//! What the self-test has seen.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an experiment has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
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
    /// Returns whether one of those that need no other processor came to `seen`.
    #[must_use]
    pub fn any(&self, seen: Field) -> bool {
        [self.sleep, self.preemption, self.signal].contains(&seen)
    }
}

/// A critical section that was interrupted by one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
    /// Returns all of them, by name.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Abort); 4] {
        [
            ("preemption", self.preemption),
            ("signal", self.signal),
            ("migration", self.migration),
            ("membarrier", self.membarrier),
        ]
    }

    /// Returns whether one that tells something about the others has aborted. A signal
    /// does so only where kernels that abort for one abort for everything
    /// ([`SIGNAL_TELLS`]).
    #[must_use]
    pub fn proved(&self, signal_tells: bool) -> bool {
        let others = [self.preemption, self.migration, self.membarrier];
        others.contains(&Abort::Aborts) || signal_tells && self.signal == Abort::Aborts
    }
}

/// Whether a kernel of this architecture that aborts for a signal does so for everything.
/// `AArch64` has kernels that abort for signals and for nothing else (Linux 7.0.13).
pub const SIGNAL_TELLS: bool = !cfg!(target_arch = "aarch64");

/// The kernel's answers, 0 or an errno; null where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Answers {
    /// A registration.
    pub registration: Option<i32>,
    /// The same once more: EBUSY (16).
    pub again: Option<i32>,
    /// With another length: EINVAL (22).
    pub other_length: Option<i32>,
    /// Of another area: EINVAL (22).
    pub other_area: Option<i32>,
    /// With another signature: EPERM (1).
    pub other_signature: Option<i32>,
    /// Taken back with another signature: EPERM (1).
    pub taken_back_wrongly: Option<i32>,
    /// Taken back.
    pub taken_back: Option<i32>,
    /// A length below 32: EINVAL (22).
    pub too_short: Option<i32>,
    /// After the registration `cpu_id` is the number of a processor.
    pub writes_cpu_id: Option<bool>,
    /// The kernel writes `node_id` and `mm_cid` (Linux 6.3).
    pub writes_node_id_and_mm_cid: Option<bool>,
}

impl Answers {
    /// Returns whether a registration of this length is possible.
    #[must_use]
    pub fn granted(&self) -> bool {
        self.registration == Some(0)
    }

    /// Returns each wrong call that was not answered as the manual says: what it was,
    /// the answer, and what it should have been.
    #[must_use]
    pub fn surprises(&self) -> Vec<(&'static str, i32, i32)> {
        [
            ("the same registration again", self.again, libc::EBUSY),
            ("another length", self.other_length, libc::EINVAL),
            ("another area", self.other_area, libc::EINVAL),
            ("another signature", self.other_signature, libc::EPERM),
            (
                "unregistering with another signature",
                self.taken_back_wrongly,
                libc::EPERM,
            ),
            ("unregistering", self.taken_back, 0),
            ("a length below 32", self.too_short, libc::EINVAL),
        ]
        .into_iter()
        .filter_map(|(what, answer, expected)| Some((what, answer?, expected)))
        .filter(|(_, answer, expected)| answer != expected)
        .collect()
    }
}

/// What was seen with registrations of one length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
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
#[non_exhaustive]
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
#[non_exhaustive]
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
pub(super) const ONE_PROCESSOR: &str = "needs two processors";

impl SelfTest {
    /// Returns whether something that this machine could have shown was not seen.
    #[must_use]
    pub fn has_holes(&self) -> bool {
        matches!(self.refused, Some(Refusal::Occupied | Refusal::NoAnswer))
            || self.not_seen.iter().any(|hole| hole.why != ONE_PROCESSOR)
    }

    /// Returns what was seen with registrations of this length.
    #[must_use]
    pub fn of_length(&self, length: u32) -> Option<&Length> {
        self.lengths.iter().find(|found| found.length == length)
    }
}

/// Why nothing can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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

#[cfg(test)]
mod tests {
    use super::{Abort, Aborts};

    #[test]
    fn a_signal_alone_proves_nothing_where_it_tells_nothing() {
        let unknown = Aborts {
            preemption: Abort::Unknown,
            signal: Abort::Unknown,
            migration: Abort::Unknown,
            membarrier: Abort::Unknown,
        };
        assert!(!unknown.proved(true));
        let signal = Aborts {
            signal: Abort::Aborts,
            ..unknown
        };
        assert!(signal.proved(true) && !signal.proved(false));
        let preemption = Aborts {
            preemption: Abort::Aborts,
            ..unknown
        };
        assert!(preemption.proved(true) && preemption.proved(false));
        let runs_on = Aborts {
            migration: Abort::RunsOn,
            ..unknown
        };
        assert!(!runs_on.proved(true));
    }
}
