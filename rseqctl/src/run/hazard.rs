//! What a program must not be granted on this kernel.
//!
//! Two things that kernels do corrupt memory: not rewriting `cpu_id_start`,
//! which TCMalloc before its fix counts on, and not aborting critical sections.
//! Both are harmless to a program whose own registration is refused, because it
//! then stays on its slow path.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use rseq_code::read as read_code;
use tls_model::critical::Violation;
use tls_model::elf::Object;
use tls_model::owner::{Mode, Owner, Reason};

use super::scope::{Scope, User};
use crate::doctor::{self, Abort, Behaviour, Field, Origin};
use crate::source::FileSource;
use crate::sys::thread;

/// What is known about this kernel.
#[derive(Clone, Debug)]
pub enum Kernel {
    /// The program has nothing to do with rseq: it was not asked.
    NotAsked,
    /// It has told, now or earlier.
    Known(Behaviour, Origin),
    /// It was not possible to see what it does, and why.
    NotSeen(String),
    /// `sys_rseq` answers with this errno.
    Refuses(i32),
}

impl Kernel {
    /// Asks it, where somebody else than the libc is to be registered.
    pub fn for_program(scope: &Scope, mode: Mode) -> Self {
        let is_ours = matches!(mode, Mode::Own | Mode::Takeover);
        if mode == Mode::Off || scope.users.is_empty() && !is_ours {
            return Self::NotAsked;
        }
        if let Some(errno) = thread::refusal() {
            return Self::Refuses(errno);
        }
        if scope.users.is_empty() {
            return Self::NotAsked;
        }
        match doctor::answer() {
            Ok((behaviour, origin)) => Self::Known(behaviour, origin),
            Err(why) => Self::NotSeen(why),
        }
    }

    /// For `--dry-run`.
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Self::NotAsked => return None,
            Self::Refuses(errno) => format!("refuses sys_rseq (errno {errno})"),
            Self::NotSeen(why) => format!("what it does could not be seen: {why}"),
            Self::Known(behaviour, origin) => {
                let fields = match behaviour.cpu_id_start {
                    Field::Rewritten => "rewrites cpu_id_start",
                    Field::Kept => "does not rewrite cpu_id_start",
                    Field::Killed => "kills who changes cpu_id_start",
                    Field::Unknown => "does with cpu_id_start what could not be seen",
                };
                let sections = match behaviour.sections {
                    Abort::Aborts => ", aborts critical sections",
                    Abort::RunsOn => ", does not abort critical sections",
                    Abort::Unknown => "",
                };
                let origin = match origin {
                    Origin::Tested => "tested just now",
                    Origin::Remembered => "as tested earlier in this boot",
                };
                format!("{fields}{sections} ({origin})")
            }
        })
    }
}

/// A combination that must not be started.
#[derive(Clone, Debug)]
pub struct Hazard {
    /// The object that would do the damage.
    pub object: PathBuf,
    /// What would happen, and why.
    pub what: &'static str,
    /// The verdict that explains it.
    pub verdict: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}; {} (--force starts it all the same; rseqctl explain {})",
            self.object.display(),
            self.what,
            self.advice,
            self.verdict
        )
    }
}

impl Hazard {
    /// What would go wrong if `owner` registered for the program.
    pub fn find(kernel: &Kernel, scope: &Scope, owner: Owner, reason: Reason) -> Option<Self> {
        let Kernel::Known(behaviour, _) = kernel else {
            return None;
        };
        // the shim's own area is no use to who brings one
        let reaches = |user: &&User| match owner {
            Owner::Client | Owner::Adopter => true,
            Owner::Shim => !user.is_hidden,
            Owner::Libc => reason == Reason::LibcOwnsSymbol && !user.is_hidden,
            Owner::Unavailable => false,
        };
        let mut users = scope.users.iter().filter(reaches);
        let (what, verdict) = match behaviour {
            Behaviour {
                sections: Abort::RunsOn,
                ..
            } => (
                "uses critical sections, which this kernel does not abort: that corrupts memory",
                &doctor::verdict::NO_ABORT,
            ),
            Behaviour {
                cpu_id_start: Field::Kept,
                ..
            } => (
                "keeps a value of its own in cpu_id_start, as TCMalloc before its fix does, and \
                 this kernel does not rewrite it: that corrupts memory",
                &doctor::verdict::CPU_ID_START_KEPT,
            ),
            Behaviour {
                cpu_id_start: Field::Killed,
                ..
            } => (
                "keeps a value of its own in cpu_id_start, as TCMalloc before its fix does, and \
                 this kernel kills it for that",
                &doctor::verdict::CPU_ID_START_KILLS,
            ),
            _ => return None,
        };
        let object = if behaviour.sections == Abort::RunsOn {
            users.next()
        } else {
            users.find(|user| writes_cpu_id_start(&user.path))
        };
        object.map(|object| Self {
            object: object.path.clone(),
            what,
            verdict: verdict.name,
            advice: "",
        })
    }

    /// With what to do about it.
    pub fn with_advice(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }
}

/// Whether the object's code writes to fields that belong to the kernel. Where
/// that cannot be told, because the symbol is stripped or the code cannot be
/// read, it is taken for one that does: no memory is worth the guess.
fn writes_cpu_id_start(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return true;
    };
    let Ok(object) = Object::open(FileSource::new(file)) else {
        return true;
    };
    let Some(critical) = read_code(&object).critical else {
        return true;
    };
    critical.uses + critical.uses_inside == 0
        || critical.offence(Violation::ReadOnlyStore).is_some()
        || critical.offence(Violation::StrayStore).is_some()
}
