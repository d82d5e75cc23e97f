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
use tls_model::facts::{Damage, ModelEvidence};
use tls_model::owner::{Mode, Owner, Reason};
use tls_model::protocol::restart::Permission;
use tls_model::report::ObjectReport;
use tls_model::rules::{Rule, host};

use super::scope::{Scope, User};
use crate::kernel::{self, Abort, Behaviour, Field, Keep, NotKnown, Origin};
use crate::program::source::FileSource;
use crate::sys::thread;

/// What is known about this kernel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kernel {
    /// The program has nothing to do with rseq: it was not asked.
    NotAsked,
    /// It has told, now or earlier.
    Known(Behaviour, Origin),
    /// It was not possible to see what it does, and why.
    NotSeen(NotKnown),
    /// `sys_rseq` answers with this errno.
    Refuses(i32),
}

impl Kernel {
    /// Asks it, where somebody other than the libc is to be registered.
    pub(super) fn for_program(scope: &Scope, mode: Mode, keep: Keep) -> Self {
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
        match kernel::probe_kernel(keep, kernel::QUICK) {
            Ok((behaviour, origin)) => Self::Known(behaviour, origin),
            Err(why) => Self::NotSeen(why),
        }
    }

    /// Returns what the shim may do in programs that nobody has looked at.
    pub(super) fn permission_below(&self, keep: Keep) -> Permission {
        let answer = match self {
            Self::Known(behaviour, _) => Some(*behaviour),
            Self::NotAsked => kernel::probe_kernel(keep, kernel::QUICK)
                .ok()
                .map(|(behaviour, _)| behaviour),
            Self::NotSeen(_) | Self::Refuses(_) => None,
        };
        if answer.is_some_and(Behaviour::keeps_its_part) {
            Permission::Safe
        } else {
            Permission::Unsafe
        }
    }

    /// Returns the text for `--dry-run`.
    #[must_use]
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
#[non_exhaustive]
pub struct Hazard {
    /// The object that would do the damage.
    pub object: PathBuf,
    /// It would take the libc's area, if that were registered.
    pub(super) takes_libcs: bool,
    /// What would happen, and why.
    pub what: String,
    /// The verdict that explains it.
    pub verdict: &'static Rule,
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
            self.verdict.name
        )
    }
}

impl Hazard {
    /// Returns what would go wrong if `owner` registered for the program.
    pub(super) fn find(
        kernel: &Kernel,
        scope: &Scope,
        owner: Owner,
        reason: Reason,
    ) -> Option<Self> {
        let Kernel::Known(behaviour, _) = kernel else {
            return None;
        };
        // the shim's own area is no use to who brings one
        let reaches = |user: &User| match owner {
            Owner::Client | Owner::Adopter => true,
            Owner::Shim => !user.is_hidden,
            Owner::Libc => user.uses_libcs || reason == Reason::LibcOwnsSymbol && !user.is_hidden,
            Owner::Unavailable => false,
        };
        let mut users = scope.users.iter().filter(|user| reaches(user));
        if behaviour.sections == Abort::RunsOn {
            let what =
                "uses critical sections, which this kernel does not abort: that corrupts memory";
            let object = users.next()?;
            return Some(Self::new(object, what, &host::NO_ABORT));
        }
        // who found its area by __rseq_offset knows that its fields are the kernel's
        let mut users = users.filter(|user| {
            user.uses_symbol && (owner != Owner::Libc || reason == Reason::LibcOwnsSymbol)
        });
        let (does, verdict) = match behaviour.cpu_id_start {
            Field::Kept => (
                "this kernel does not rewrite it: that corrupts memory",
                &host::CPU_ID_START_KEPT,
            ),
            Field::Killed => ("this kernel kills it for that", &host::CPU_ID_START_KILLS),
            Field::Rewritten | Field::Unknown => return None,
        };
        users.find_map(|user| {
            let writes = Writes::of(&user.path);
            (writes != Writes::No)
                .then(|| Self::new(user, format!("{writes}, and {does}"), verdict))
        })
    }

    fn new(user: &User, what: impl Into<String>, verdict: &'static Rule) -> Self {
        Self {
            object: user.path.clone(),
            takes_libcs: user.uses_libcs,
            what: what.into(),
            verdict,
            advice: "",
        }
    }

    /// Adds what to do about it.
    pub(super) fn with_advice(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }
}

/// Whether an object's code keeps a value of its own in `cpu_id_start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    /// It uses the area, wherever that was followed, and does not write to the
    /// kernel's fields.
    No,
    /// It was seen to.
    Yes,
    /// Its area's address goes where it is not followed, first here.
    Perhaps(u64),
    /// It was not seen how it uses the area: the symbol is stripped, or the code
    /// cannot be read.
    NotSeen,
}

impl Writes {
    /// Finds that out for the object at `path`. Where it cannot be told, the object is
    /// taken for one that does: no memory is worth the guess.
    fn of(path: &Path) -> Self {
        let opened = File::open(path).ok();
        let object = opened.and_then(|file| Object::open(FileSource::new(file)).ok());
        object.map_or(Self::NotSeen, |object| Self::from(&read_code(&object)))
    }

    fn from(report: &ObjectReport) -> Self {
        let access = report.access();
        // a definer whose accesses would need relocations, and has none
        if access.model.is_none() && access.evidence == Some(ModelEvidence::Proved) {
            return Self::No;
        }
        let Some(critical) = report.code.critical else {
            return Self::NotSeen;
        };
        let stores = [Violation::ReadOnlyStore, Violation::StrayStore];
        if stores
            .into_iter()
            .any(|store| critical.offence(store).is_some())
        {
            Self::Yes
        } else if let Some(place) = critical.first_escape {
            Self::Perhaps(place.address)
        } else if critical.uses == 0 || !critical.followed || report.damage().contains(Damage::CODE)
        {
            Self::NotSeen
        } else {
            Self::No
        }
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("keeps nothing in cpu_id_start"),
            Self::Yes => f.write_str(
                "keeps a value of its own in cpu_id_start, as TCMalloc before its fix does",
            ),
            Self::Perhaps(address) => write!(
                f,
                "gives the address of its __rseq_abi away ({address:#x}) to code that is not \
                 followed: that it keeps a value of its own in cpu_id_start cannot be excluded"
            ),
            Self::NotSeen => f.write_str(
                "uses an __rseq_abi in a way that its code does not show: that it keeps a value \
                 of its own in cpu_id_start, as TCMalloc before its fix does, cannot be excluded",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(is_hidden: bool, uses_symbol: bool, uses_libcs: bool) -> Scope {
        Scope {
            users: vec![User {
                path: "/no/such/object".into(),
                is_hidden,
                uses_symbol,
                uses_libcs,
            }],
            ..Scope::default()
        }
    }

    /// The verdict on a kernel of this kind.
    fn found(
        (cpu_id_start, sections): (Field, Abort),
        scope: &Scope,
        owner: Owner,
    ) -> Option<&'static str> {
        let behaviour = Behaviour {
            cpu_id_start,
            sections,
        };
        let reason = match owner {
            Owner::Libc => Reason::LibcRegistered,
            _ => Reason::NobodyElse,
        };
        let kernel = Kernel::Known(behaviour, Origin::Tested);
        Hazard::find(&kernel, scope, owner, reason).map(|hazard| hazard.verdict.name)
    }

    const RUNS_ON: (Field, Abort) = (Field::Rewritten, Abort::RunsOn);
    const KEPT: (Field, Abort) = (Field::Kept, Abort::Aborts);

    #[test]
    fn sections_on_the_libcs_area_run_on_whoever_registers() {
        let takes_libcs = scope(false, false, true);
        for owner in [Owner::Libc, Owner::Shim, Owner::Adopter] {
            let verdict = found(RUNS_ON, &takes_libcs, owner);
            assert_eq!(verdict, Some(host::NO_ABORT.name), "{owner:?}");
            // its own values are not in the kernel's fields
            assert_eq!(found(KEPT, &takes_libcs, owner), None, "{owner:?}");
        }
        assert_eq!(found(RUNS_ON, &takes_libcs, Owner::Unavailable), None);
    }

    #[test]
    fn an_area_of_its_own_is_refused_where_the_libc_registers() {
        let client = scope(true, true, false);
        for kernel in [RUNS_ON, KEPT] {
            assert_eq!(found(kernel, &client, Owner::Libc), None);
            assert!(found(kernel, &client, Owner::Client).is_some());
        }
    }
}
