//! Starting a program once more, in its place, with its libc told otherwise.
//!
//! glibc registers before any library can keep it from that, so only the
//! environment of an exec can. `rseqctl run` sees the program that it becomes; a
//! program that is started further below shows only in its own process whether it
//! needs the libc to stand back. The shim executes its file again there, with
//! `glibc.pthread.rseq=0` added, or taken out where nobody needs it.
//!
//! [`Handed`] is the value of [`variable::RESTART`](super::variable::RESTART):
//! whether that may be done, and what has been done to this very image. The shim
//! takes the second part out again before anybody can inherit it.

use core::fmt;

use crate::owner::{Mode, Situation};
use crate::rseq::ORIGINAL_LENGTH;

/// Whether the shim may start a program once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Wherever it helps: this kernel keeps its part with everybody.
    Safe,
    /// Only where `run` has looked at the program: on this kernel, critical
    /// sections or what is kept in `cpu_id_start` corrupt memory.
    Unsafe,
    /// Never.
    Off,
}

impl Permission {
    const ALL: [Self; 3] = [Self::Safe, Self::Unsafe, Self::Off];

    /// Returns the word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Off => "off",
        }
    }
}

/// What is handed to the shim.
///
/// ```
/// use tls_model::protocol::restart::{Handed, Permission};
///
/// let handed = Handed { is_tuned: true, ..Handed::new(Permission::Safe) };
/// assert_eq!(handed.to_string(), "safe:tuned");
/// assert_eq!(Handed::from_bytes(b"safe:tuned"), Some(handed));
/// let again = Handed::from_bytes(b"safe:tuned:again=77").unwrap();
/// assert_eq!(again.again, Some(77));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Whether it may be done.
    pub permission: Permission,
    /// `glibc.pthread.rseq=0` is in `GLIBC_TUNABLES` for the sake of this image
    /// alone, and nobody but us has put it there.
    pub is_tuned: bool,
    /// This image has been started once more, in the process of this id.
    pub again: Option<u32>,
}

impl Handed {
    /// What separates the words.
    pub const SEPARATOR: u8 = b':';
    /// The word of [`Self::is_tuned`].
    pub const TUNED: &'static [u8] = b"tuned";
    /// What the word of [`Self::again`] begins with.
    pub const AGAIN: &'static [u8] = b"again=";
    /// What the name that the thread had begins with.
    pub const NAME: &'static [u8] = b"name=";

    /// Returns what is handed to an image that was left as it is.
    #[must_use]
    pub const fn new(permission: Permission) -> Self {
        Self {
            permission,
            is_tuned: false,
            again: None,
        }
    }

    /// Returns what the text says, if it says something. Words of other releases
    /// are passed over.
    #[must_use]
    pub fn from_bytes(text: &[u8]) -> Option<Self> {
        let mut words = text.split(|&byte| byte == Self::SEPARATOR);
        let first = words.next()?;
        let permission = Permission::ALL
            .into_iter()
            .find(|it| it.name().as_bytes() == first)?;
        let mut handed = Self::new(permission);
        for word in words {
            if word == Self::TUNED {
                handed.is_tuned = true;
            } else if let Some(digits) = word.strip_prefix(Self::AGAIN) {
                handed.again = super::plan::number(digits).and_then(|it| u32::try_from(it).ok());
            }
        }
        Some(handed)
    }
}

impl fmt::Display for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.permission.name())?;
        if self.is_tuned {
            f.write_str(":tuned")?;
        }
        self.again.map_or(Ok(()), |pid| write!(f, ":again={pid}"))
    }
}

/// What the libc has to be told instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Not to register: somebody else is to be granted it.
    SwitchOff,
    /// To register: it was told not to for another program's sake.
    SwitchOn,
}

impl Change {
    /// Returns what would put this process right, if anything would.
    ///
    /// `planned` says of a program that was planned for whether the libc was to be
    /// switched off in it; what `situation` shows is asked where there was no plan.
    /// `has_libc` says that the libc would register by itself.
    #[must_use]
    pub fn of(
        situation: &Situation,
        planned: Option<bool>,
        is_tuned: bool,
        has_libc: bool,
    ) -> Option<Self> {
        let needs = planned.unwrap_or_else(|| {
            let is_adopter = situation
                .adopter_size
                .is_some_and(|size| size >= u64::from(ORIGINAL_LENGTH));
            situation.mode == Mode::Auto
                && (situation.hidden_definition || is_adopter && !situation.libc_owns_symbol)
        });
        match (situation.libc_registered, needs) {
            (true, true) => Some(Self::SwitchOff),
            (false, false) if is_tuned && has_libc && situation.mode == Mode::Auto => {
                Some(Self::SwitchOn)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn what_is_handed_is_read_as_it_was_written() {
        for permission in Permission::ALL {
            for is_tuned in [false, true] {
                for again in [None, Some(0), Some(u32::MAX)] {
                    let handed = Handed {
                        permission,
                        is_tuned,
                        again,
                    };
                    let text = handed.to_string();
                    assert_eq!(Handed::from_bytes(text.as_bytes()), Some(handed), "{text}");
                }
            }
        }
        for text in ["", "on", "SAFE", "safe "] {
            assert_eq!(Handed::from_bytes(text.as_bytes()), None, "{text:?}");
        }
        let later = Handed::from_bytes(b"off:later:again=x");
        assert_eq!(later, Some(Handed::new(Permission::Off)));
    }

    #[test]
    fn what_would_put_a_process_right() {
        let nobody = Situation::default();
        let libc = Situation {
            libc_registered: true,
            ..nobody
        };
        let hides = |situation| Situation {
            hidden_definition: true,
            ..situation
        };
        let exports = |size, situation| Situation {
            adopter_size: Some(size),
            ..situation
        };
        let shared = Situation {
            libc_owns_symbol: true,
            ..libc
        };
        let own = Situation {
            mode: Mode::Own,
            ..libc
        };
        let (off, on) = (Some(Change::SwitchOff), Some(Change::SwitchOn));
        for (situation, planned, is_tuned, expected) in [
            (libc, None, false, None),
            (hides(libc), None, false, off),
            (exports(32, libc), None, false, off),
            (exports(31, libc), None, false, None),
            (exports(32, shared), None, false, None),
            (hides(shared), None, false, off),
            (hides(own), None, false, None),
            // what was planned for is known better than it shows
            (libc, Some(true), false, off),
            (own, Some(true), false, off),
            (hides(libc), Some(false), false, None),
            (nobody, None, true, on),
            (nobody, None, false, None),
            (nobody, Some(true), true, None),
            (hides(nobody), None, true, None),
            (exports(32, nobody), None, true, None),
            (exports(31, nobody), None, true, on),
        ] {
            let change = Change::of(&situation, planned, is_tuned, true);
            assert_eq!(change, expected, "{situation:?} {planned:?} {is_tuned}");
        }
        assert_eq!(Change::of(&nobody, None, true, false), None);
    }
}
