//! Registrations that last for life: the main thread's, that of each new thread, and
//! those of threads that nobody has registered so far.

use tls_model::owner::Answer;
use tls_model::rseq::{CPU_ID_UNINITIALIZED, ORIGINAL_LENGTH};

use super::area::{
    cpu_id, length, libc_has_registered, mark_failed, register_libc_again, set_length,
    unregister_libc,
};
use super::nesting;
use crate::report;
use crate::state::{self, Action};

/// Registers the main thread; returns what the kernel said, so that the owner can be
/// settled by it.
pub fn first(replace_libc: bool) -> Answer {
    let replaced = replace_libc && unregister_libc();
    let mut answer = nesting::hold();
    if answer == Answer::Invalid && length() != ORIGINAL_LENGTH {
        // a longer area may lie where this kernel takes only the original
        set_length(ORIGINAL_LENGTH);
        answer = nesting::hold();
    }
    if replaced && answer != Answer::Granted {
        register_libc_again();
    }
    answer
}

/// Registers a new thread, before its user code: the ordinary case, with nothing to call back
/// for. Returns false where [`at_other_birth`] has to look.
#[inline]
pub fn at_birth() -> bool {
    let held = state::action_is(Action::Register) && nesting::hold_first();
    if held {
        report::born();
    }
    held
}

/// Does what is due for a new thread, before its user code, whatever it finds.
#[cold]
pub fn at_other_birth() {
    report::thread_started();
    match state::action() {
        Action::Register => {
            nesting::hold();
        }
        Action::TakeOver => {
            let replaced = unregister_libc();
            if nesting::hold() != Answer::Granted && replaced {
                register_libc_again();
            }
        }
        Action::MarkFailed => {
            mark_failed();
            report::left_unregistered();
        }
        Action::WatchLibc => {
            if libc_has_registered() {
                report::registered();
            }
        }
        Action::Watch | Action::Nothing => {}
    }
}

/// Registers the calling thread for life if nobody has registered it: one that the
/// libc, or the program by raw clone, has started past the shim.
pub fn catch_up() {
    if is_to_catch_up() && state::registers_threads() {
        nesting::hold();
    }
}

/// Returns whether nobody has registered the calling thread, nor tried to.
#[inline]
pub fn is_to_catch_up() -> bool {
    cpu_id() == CPU_ID_UNINITIALIZED
}
