//! The plan that `rseqctl run` hands to the shim.
//!
//! `run` has read the program's files, its symbols and its code; the shim sees
//! memory only, at start-up. So `run` writes down what it has decided, and for
//! what: the program's executable and the settings that it was made from. The
//! shim obeys it in that program, and nowhere else: a child that inherits the
//! environment is another program, or has other settings, and is decided anew.
//! What the shim can see for itself has to agree ([`HandedPlan::follow`]).

use core::fmt;

use crate::owner::{Mode, Owner, Plan, Reason, Situation};
use crate::rseq::ORIGINAL_LENGTH;

use super::variable;

/// The form of the text; the first of its parts.
const VERSION: u64 = 3;

/// The settings from which a plan is made, as one number.
///
/// The variables that decide which libraries a program starts with, and what
/// its libc does. Their order does not matter. Whether the libc is told not to
/// register does not count: the process shows what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings(u64);

impl Settings {
    /// Their names.
    pub const NAMES: [&'static str; 3] = [
        variable::TUNABLES,
        variable::PRELOAD,
        variable::LIBRARY_PATH,
    ];

    /// Takes a variable of the environment (`NAME=VALUE`) into account.
    pub fn add(&mut self, variable: &[u8]) {
        let value = Self::NAMES.iter().find_map(|name| {
            let rest = variable.strip_prefix(name.as_bytes())?;
            Some((name, rest.strip_prefix(b"=")?))
        });
        let Some((name, value)) = value else {
            return;
        };
        let (mut hash, mut is_empty) = (fnv(FNV_BASIS, name.as_bytes()), true);
        for entry in value.split(|&byte| byte == b':') {
            let is_ours = *name == variable::TUNABLES
                && (entry.is_empty() || entry == variable::RSEQ_OFF.as_bytes());
            if !is_ours {
                hash = fnv(fnv(hash, b":"), entry);
                is_empty = false;
            }
        }
        if !is_empty {
            self.0 = self.0.wrapping_add(hash);
        }
    }
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// Returns `hash` with more bytes taken into account (FNV-1a).
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileNumber {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

/// The last component of the name that a program is executed by, as one number.
///
/// It tells most other programs from the one that was planned for without a system
/// call; asking /proc for the file takes some 25 microseconds at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutedName(u64);

impl ExecutedName {
    /// Returns that of a path, as execve(2) is given it and AT_EXECFN has it.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        let last = path.rsplit(|&byte| byte == b'/').next();
        Self(fnv(FNV_BASIS, last.unwrap_or_default()))
    }
}

/// What `rseqctl run` has decided, and for what. Its `Display` is the value of
/// [`variable::PLAN`].
///
/// ```
/// use tls_model::owner::{Mode, Owner, Reason};
/// use tls_model::protocol::{HandedPlan, Settings};
/// use tls_model::protocol::plan::{ExecutedName, FileNumber};
///
/// let plan = HandedPlan {
///     mode: Mode::Auto,
///     owner: Owner::Client,
///     reason: Reason::HiddenDefinition,
///     length: 0,
///     executable: FileNumber { device: 2049, inode: 77 },
///     name: ExecutedName::of(b"/usr/bin/mongod"),
///     settings: Settings::default(),
///     switches_libc_off: true,
/// };
/// let text = "3:auto:client:3:0:2049:77:872767618993342137:0:1";
/// assert_eq!(plan.to_string(), text);
/// assert_eq!(HandedPlan::from_bytes(text.as_bytes()), Some(plan));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandedPlan {
    /// What the user asked for.
    pub mode: Mode,
    /// Who is to own the registration.
    pub owner: Owner,
    /// Why.
    pub reason: Reason,
    /// Length in bytes of the shim's registrations; 0 where it makes none.
    pub length: u32,
    /// The executable that the plan is for.
    pub executable: FileNumber,
    /// What it is executed by.
    pub name: ExecutedName,
    /// The settings that it was made from.
    pub settings: Settings,
    /// The libc's registration is to be switched off for it.
    pub switches_libc_off: bool,
}

impl HandedPlan {
    /// Returns the plan that the text stands for, if it is one.
    #[must_use]
    pub fn from_bytes(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|&byte| byte == b':');
        let mut next = || parts.next();
        if number(next()?)? != VERSION {
            return None;
        }
        let mode = Mode::from_name(next()?)?;
        let owner = next()?;
        let plan = Self {
            mode,
            owner: Owner::ALL
                .into_iter()
                .find(|it| it.name().as_bytes() == owner)?,
            reason: Reason::from_number(u32::try_from(number(next()?)?).ok()?)?,
            length: u32::try_from(number(next()?)?).ok()?,
            executable: FileNumber {
                device: number(next()?)?,
                inode: number(next()?)?,
            },
            name: ExecutedName(number(next()?)?),
            settings: Settings(number(next()?)?),
            switches_libc_off: match next()? {
                b"0" => false,
                b"1" => true,
                _ => return None,
            },
        };
        next().is_none().then_some(plan)
    }

    /// Returns whether the plan was made for this program: what it was executed by
    /// (nothing where that is not known), the settings it was started with, and its
    /// executable. Each is asked for only where those before it fit.
    #[must_use]
    pub fn is_for(
        &self,
        name: Option<ExecutedName>,
        settings: impl FnOnce() -> Settings,
        is_executable: impl FnOnce(FileNumber) -> bool,
    ) -> bool {
        name.is_none_or(|name| name == self.name)
            && settings() == self.settings
            && is_executable(self.executable)
    }

    /// Returns what to do, where the plan fits what the process shows.
    ///
    /// Whether the libc has registered, and whose definition wins, is certain in
    /// the process: a plan that assumes something else does not hold. What is
    /// not asked is what only files show: [`Situation::hidden_definition`].
    #[must_use]
    pub fn follow(&self, situation: &Situation) -> Option<Plan> {
        let (owner, reason) = (self.owner, self.reason);
        if self.mode != situation.mode {
            return None;
        }
        let replaces_libc = reason == Reason::TakenOver;
        let fits = match (owner, situation.adopter_size) {
            (Owner::Libc, _) => situation.libc_registered,
            (Owner::Client, _) => !situation.libc_registered,
            (Owner::Adopter, Some(size)) => {
                situation.libc_registered == replaces_libc && size >= u64::from(self.length)
            }
            (Owner::Shim, None) => situation.libc_registered == replaces_libc,
            // the kernel may have changed its mind: it is asked as always
            (Owner::Unavailable | Owner::Adopter | Owner::Shim, _) => false,
        };
        let registers = matches!(owner, Owner::Adopter | Owner::Shim);
        if !fits || registers && self.length < ORIGINAL_LENGTH {
            return None;
        }
        Some(if registers {
            Plan::Register {
                owner,
                length: self.length,
                replace_libc: replaces_libc,
                reason,
            }
        } else {
            Plan::StandAside { owner, reason }
        })
    }
}

impl fmt::Display for HandedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileNumber { device, inode } = self.executable;
        write!(
            f,
            "{VERSION}:{}:{}:{}:{}:{device}:{inode}:{}:{}:{}",
            self.mode.name(),
            self.owner.name(),
            self.reason as u32,
            self.length,
            self.name.0,
            self.settings.0,
            u8::from(self.switches_libc_off)
        )
    }
}

/// Returns the number that decimal digits stand for.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    const PLAN: HandedPlan = HandedPlan {
        mode: Mode::Auto,
        owner: Owner::Client,
        reason: Reason::HiddenDefinition,
        length: 0,
        executable: FileNumber {
            device: u64::MAX,
            inode: 1,
        },
        name: ExecutedName(u64::MAX),
        settings: Settings(u64::MAX),
        switches_libc_off: true,
    };

    #[test]
    #[cfg_attr(miri, ignore = "writes more than Miri can in minutes")]
    fn every_plan_is_read_as_it_was_written() {
        for mode in Mode::ALL {
            for owner in Owner::ALL {
                for reason in Reason::ALL {
                    for length in [0, 32, u32::MAX] {
                        let plan = HandedPlan {
                            mode,
                            owner,
                            reason,
                            length,
                            ..PLAN
                        };
                        let text = plan.to_string();
                        assert_eq!(
                            HandedPlan::from_bytes(text.as_bytes()),
                            Some(plan),
                            "{text}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_plan() {
        for text in [
            "",
            "3",
            "2:auto:client:3:0:1:1:0:0",
            "4:auto:client:3:0:1:1:1:0:0",
            "3:never:client:3:0:1:1:1:0:0",
            "3:auto:nobody:3:0:1:1:1:0:0",
            "3:auto:client:99:0:1:1:1:0:0",
            "3:auto:client:3:4294967296:1:1:1:0:0",
            "3:auto:client:3:0:1:1:1:0",
            "3:auto:client:3:0:1:1:1:0:0:0",
            "3:auto:client:3:0:1:1:1:0:2",
            "3:auto:client:3:0:1:1:1:18446744073709551616:0",
            "3:auto:client:3:0:1:1:+1:0:0",
            "3:auto:client::0:1:1:1:0:0",
        ] {
            assert_eq!(HandedPlan::from_bytes(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn settings_are_those_variables_in_any_order() {
        let of = |variables: &[&str]| {
            let mut settings = Settings::default();
            for variable in variables {
                settings.add(variable.as_bytes());
            }
            settings
        };
        let both = of(&["LD_PRELOAD=/a.so", "GLIBC_TUNABLES=x=1"]);
        assert_eq!(
            both,
            of(&[
                "HOME=/",
                "GLIBC_TUNABLES=x=1",
                "LD_PRELOAD=/a.so",
                "LD_PRELOAD_X=1"
            ])
        );
        assert_ne!(both, of(&["LD_PRELOAD=/a.so"]));
        assert_ne!(both, of(&["LD_PRELOAD=/b.so", "GLIBC_TUNABLES=x=1"]));
        assert_eq!(of(&["HOME=/"]), Settings::default());
        // what the libc has registered shows in the process
        for text in [
            "GLIBC_TUNABLES=x=1:glibc.pthread.rseq=0",
            "GLIBC_TUNABLES=glibc.pthread.rseq=0:x=1",
        ] {
            assert_eq!(of(&[text]), of(&["GLIBC_TUNABLES=x=1"]), "{text}");
        }
        for text in ["", "glibc.pthread.rseq=0"] {
            let text = std::format!("GLIBC_TUNABLES={text}");
            assert_eq!(of(&[&text]), Settings::default(), "{text}");
        }
        let entries = ["GLIBC_TUNABLES=x=1:y=2", "GLIBC_TUNABLES=x=1y=2"];
        assert_ne!(of(&entries[..1]), of(&entries[1..]));
    }

    #[test]
    fn a_plan_is_for_one_executable_its_name_and_its_settings() {
        let is_it = |file| file == PLAN.executable;
        let same = || PLAN.settings;
        assert!(PLAN.is_for(Some(PLAN.name), same, is_it));
        assert!(PLAN.is_for(None, same, is_it));
        assert!(!PLAN.is_for(None, same, |_| false));
        let never = |_| unreachable!("asked though it cannot be");
        assert!(!PLAN.is_for(None, Settings::default, never));
        let other = ExecutedName::of(b"sh");
        assert!(!PLAN.is_for(Some(other), || unreachable!("likewise"), never));
    }

    #[test]
    fn a_name_is_the_last_component() {
        let of = ExecutedName::of;
        assert_eq!(of(b"/usr/bin/env"), of(b"env"));
        assert_eq!(of(b"./env"), of(b"env"));
        assert_ne!(of(b"/usr/bin/env"), of(b"/usr/bin/en"));
        assert_ne!(of(b"env/"), of(b"env"));
    }

    #[test]
    fn what_the_process_shows_has_to_agree() {
        let nobody = Situation::default();
        let libc = Situation {
            libc_registered: true,
            ..nobody
        };
        let adopter = Situation {
            adopter_size: Some(64),
            ..nobody
        };
        let own = Situation {
            mode: Mode::Own,
            ..nobody
        };
        let plan = |owner, reason, length| HandedPlan {
            owner,
            reason,
            length,
            ..PLAN
        };
        let aside = |owner, reason| Some(Plan::StandAside { owner, reason });
        let register = |owner, reason, length| {
            Some(Plan::Register {
                owner,
                length,
                replace_libc: reason == Reason::TakenOver,
                reason,
            })
        };
        let (hidden, exported) = (Reason::HiddenDefinition, Reason::ExportedDefinition);
        let (first, taken) = (Reason::LibcRegistered, Reason::TakenOver);
        let alone = Reason::NobodyElse;
        for (handed, situation, expected) in [
            // the process cannot see the definition: the plan knows of it
            (PLAN, nobody, aside(Owner::Client, hidden)),
            (PLAN, libc, None),
            (PLAN, own, None),
            (plan(Owner::Libc, first, 0), libc, aside(Owner::Libc, first)),
            (plan(Owner::Libc, first, 0), nobody, None),
            (
                plan(Owner::Shim, alone, 32),
                nobody,
                register(Owner::Shim, alone, 32),
            ),
            (plan(Owner::Shim, alone, 32), adopter, None),
            (plan(Owner::Shim, alone, 32), libc, None),
            (plan(Owner::Shim, alone, 0), nobody, None),
            (
                plan(Owner::Shim, taken, 32),
                libc,
                register(Owner::Shim, taken, 32),
            ),
            (plan(Owner::Shim, taken, 32), nobody, None),
            (
                plan(Owner::Adopter, exported, 64),
                adopter,
                register(Owner::Adopter, exported, 64),
            ),
            (plan(Owner::Adopter, exported, 65), adopter, None),
            (plan(Owner::Adopter, exported, 64), nobody, None),
            (plan(Owner::Unavailable, Reason::Denied, 0), nobody, None),
        ] {
            assert_eq!(
                handed.follow(&situation),
                expected,
                "{handed:?} {situation:?}"
            );
        }
    }
}
