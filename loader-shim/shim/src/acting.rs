//! Acts upon a plan: registers the main thread where the plan says so, and settles
//! what new threads do.

use tls_model::owner::{Owner, Plan, settle};

use crate::registration::{area as registered, birth};
use crate::report;
use crate::state::{self, Action};

/// Does what the plan says; returns who owns the registration after the kernel has
/// been asked.
pub fn act_on(plan: Plan) -> Owner {
    match plan {
        Plan::StandAside { owner, reason } => {
            let action = if owner == Owner::Libc {
                Action::WatchLibc
            } else {
                Action::Watch
            };
            if owner == Owner::Libc {
                report::registered();
            }
            state::set(owner, action, reason);
            owner
        }
        Plan::Register {
            owner,
            length,
            replace_libc,
            reason,
        } => {
            registered::set_length(length);
            let (owner, reason) = settle(owner, reason, birth::first(replace_libc));
            let action = match owner {
                Owner::Unavailable => Action::MarkFailed,
                Owner::Libc => Action::WatchLibc,
                Owner::Client => Action::Watch,
                Owner::Adopter | Owner::Shim if replace_libc => Action::TakeOver,
                Owner::Adopter | Owner::Shim => Action::Register,
            };
            state::set(owner, action, reason);
            owner
        }
    }
}
