//! What the shim has counted, compared with what was decided.

use std::fmt;

use tls_model::owner::{Owner, Reason};
use tls_model::protocol::ledger::Record;

/// What the ledger says about the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerVerdict {
    /// The shim has not said enough yet.
    NotYet,
    /// It is as planned; how many threads are registered.
    Holds(u64),
    /// It is as planned, and yet registrations were refused: how many, the errno of the
    /// last, and how many were granted.
    Partly(u64, u32, u64),
    /// Another program took the place of the one that was looked at, and decided by itself:
    /// its owner, and how many threads are registered.
    Replaced(Owner, u64),
    /// Somebody else owns the registration, for that reason.
    OtherOwner(Owner, Option<Reason>),
    /// The registrations of the planned owner were refused with that errno.
    Refused(u32),
}

impl LedgerVerdict {
    /// Compares the planned owner with what the shim has counted.
    pub fn of(planned: Owner, record: &Record) -> Self {
        let Some(owner) = record.owner.filter(|_| record.starts > 0) else {
            return Self::NotYet;
        };
        if owner != planned && record.starts > 1 && record.executable.is_none() {
            return match Self::of(owner, record) {
                Self::Holds(registered) => Self::Replaced(owner, registered),
                other => other,
            };
        }
        if owner != planned {
            return Self::OtherOwner(owner, record.reason);
        }
        match planned {
            Owner::Libc | Owner::Unavailable => Self::Holds(record.registered),
            // where the shim owns it, others are refused as they should be
            Owner::Client if record.registered > 0 && record.refused > 0 => {
                Self::Partly(record.refused, record.last_errno, record.registered)
            }
            _ if record.registered > 0 => Self::Holds(record.registered),
            _ if record.refused > 0 => Self::Refused(record.last_errno),
            _ => Self::NotYet,
        }
    }
}

impl LedgerVerdict {
    /// Returns whether it is not as planned.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::NotYet | Self::Holds(_) | Self::Replaced(..) => false,
            Self::Partly(..) | Self::OtherOwner(..) | Self::Refused(_) => true,
        }
    }
}

impl fmt::Display for LedgerVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("nothing was registered yet"),
            Self::Holds(0) => f.write_str("it is so"),
            Self::Holds(threads) => write!(f, "it is so ({threads} registered so far)"),
            Self::Partly(refused, errno, registered) => write!(
                f,
                "it is so, but the kernel has refused {refused} registrations (errno {errno}; \
                 {registered} registered so far)"
            ),
            Self::Replaced(owner, registered) => write!(
                f,
                "another program took its place, and the owner there is {} ({registered} \
                 registered so far)",
                owner.name()
            ),
            Self::OtherOwner(owner, reason) => {
                write!(f, "it is {}", owner.name())?;
                reason.map_or(Ok(()), |reason| write!(f, ": {}", reason.text()))
            }
            Self::Refused(errno) => {
                write!(f, "the kernel refuses its registrations (errno {errno})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_ledger_says() {
        let nothing = Record {
            pid: 1,
            starts: 0,
            owner: Some(Owner::Unavailable),
            reason: None,
            length: 0,
            last_errno: 0,
            started: 0,
            registered: 0,
            refused: 0,
            executable: None,
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &nothing),
            LedgerVerdict::NotYet
        );
        let client = Record {
            starts: 1,
            owner: Some(Owner::Client),
            ..nothing
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &client),
            LedgerVerdict::NotYet
        );
        let granted = Record {
            registered: 3,
            ..client
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &granted),
            LedgerVerdict::Holds(3)
        );
        let refused = Record {
            refused: 1,
            last_errno: 22,
            ..client
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &refused),
            LedgerVerdict::Refused(22)
        );
        let both = Record {
            refused: 2,
            last_errno: 22,
            ..granted
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &both),
            LedgerVerdict::Partly(2, 22, 3)
        );
        let libc = Record {
            owner: Some(Owner::Libc),
            reason: Some(Reason::LibcRegistered),
            ..granted
        };
        assert_eq!(
            LedgerVerdict::of(Owner::Client, &libc),
            LedgerVerdict::OtherOwner(Owner::Libc, Some(Reason::LibcRegistered))
        );
        // a launcher, planned for, and the program that it became
        let became = Record {
            starts: 3,
            ..granted
        };
        let verdict = LedgerVerdict::of(Owner::Libc, &became);
        assert_eq!(verdict, LedgerVerdict::Replaced(Owner::Client, 3));
        assert!(!verdict.is_bad());
        let refused = Record {
            refused: 1,
            last_errno: 22,
            ..became
        };
        assert!(LedgerVerdict::of(Owner::Libc, &refused).is_bad());
        // a ledger that is for one executable knows of no other
        let told_apart = Record {
            executable: Some((1, 2)),
            ..became
        };
        assert!(LedgerVerdict::of(Owner::Libc, &told_apart).is_bad());
    }
}
