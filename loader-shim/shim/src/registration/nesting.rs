//! Registrations nest, per thread: several libraries may ask for one, also in a
//! signal handler that interrupts such a request.
//!
//! The kernel is called when the first one comes and when the last one goes.
//! Nothing is blocked meanwhile; each step leaves a state that a handler may
//! find:
//!
//! - *enter* counts first and registers then, so that a handler which enters and
//!   leaves in between does not take the last one away; whether to register is
//!   read off `cpu_id`, which the kernel writes, not off the count.
//! - *leave* counts down, unregisters if it was the last, and then looks whether
//!   a handler has entered in between and stayed: if so it registers again, and looks
//!   whether another one has left meanwhile.
//!
//! A thread that the shim has registered at its birth holds one for life.
//!
//! # Safety
//!
//! What this module owes: a thread's words are used by that thread and its signal
//! handlers only.

#![allow(unsafe_code, reason = "thread-local words are read")]

use tls_model::owner::Answer;

use super::area;
use crate::atomic::{AtomicU32, Ordering};
use crate::state::{self, Action};
use crate::{arch, report};

/// One per thread, in the room that `librseq_abi.so` has for it.
#[repr(C)]
pub struct Nesting {
    /// Who has entered and not left, the thread's birth among them.
    count: AtomicU32,
    /// 1 where the thread holds one for life.
    for_life: AtomicU32,
    /// 1 where the thread has come through our start routine.
    born: AtomicU32,
    rest: AtomicU32,
}

const _: () = assert!(size_of::<Nesting>() == 16 && align_of::<Nesting>() <= 8);

/// Returns the calling thread's. Called only where [`arch::has_room`] says so.
fn nesting() -> &'static Nesting {
    // SAFETY: this thread's words, which are zero at first; the reference is used by
    // the calling thread (and its signal handlers) only, which does not outlive it.
    unsafe { &*arch::room().cast() }
}

/// Registers the calling thread for life; returns what the kernel said. Again,
/// as by a signal handler before the thread's own turn, it counts once.
pub fn hold() -> Answer {
    let nesting = nesting();
    nesting.count.fetch_add(1, Ordering::Relaxed);
    let again = nesting.for_life.swap(1, Ordering::Relaxed) == 1;
    if again {
        nesting.count.fetch_sub(1, Ordering::Relaxed);
    }
    let answer = if area::is_registered() {
        Answer::Granted
    } else {
        area::now()
    };
    if again {
        return answer;
    }
    if answer == Answer::Granted {
        report::registered();
    } else {
        nesting.for_life.store(0, Ordering::Relaxed);
        nesting.count.fetch_sub(1, Ordering::Relaxed);
    }
    answer
}

/// Does what [`hold`] does, for a thread in which nobody has asked for anything and whose
/// registration the kernel grants: the ordinary one. Returns false, and has changed
/// nothing, for all others.
#[inline]
pub fn hold_first() -> bool {
    let nesting = nesting();
    nesting.count.fetch_add(1, Ordering::Relaxed);
    let again = nesting.for_life.swap(1, Ordering::Relaxed) == 1;
    if !again && !area::is_registered() && area::try_now() {
        return true;
    }
    if !again {
        nesting.for_life.store(0, Ordering::Relaxed);
    }
    nesting.count.fetch_sub(1, Ordering::Relaxed);
    false
}

/// Returns whether the calling thread comes through our start routine for the first time. A
/// library whose `pthread_create` is behind ours may have one of its own in between,
/// and lead here once more.
#[inline]
pub fn is_first_start() -> bool {
    nesting().born.swap(1, Ordering::Relaxed) == 0
}

/// Returns whether the calling thread is registered, or is to be again when nobody else is.
pub fn is_held() -> bool {
    arch::has_room() && nesting().count.load(Ordering::Relaxed) > 0
}

/// Returns whether the calling thread has been registered at its birth.
pub fn is_for_life() -> bool {
    nesting().for_life.load(Ordering::Relaxed) != 0
}

/// Forgets all registrations of the calling thread: a client has its own now.
pub fn forget() {
    let Nesting {
        count, for_life, ..
    } = nesting();
    for_life.store(0, Ordering::Relaxed);
    count.store(0, Ordering::Relaxed);
}

/// Registers the calling thread if it is not registered; returns 0 or a negative errno.
pub fn enter() -> i32 {
    match state::action() {
        Action::Register | Action::TakeOver => {}
        Action::WatchLibc if area::is_kept_for_libc() => {}
        Action::WatchLibc | Action::Watch => return -libc::EINVAL,
        Action::MarkFailed => return -report::last_errno(),
        Action::Nothing => return -libc::EOPNOTSUPP,
    }
    let count = &nesting().count;
    count.fetch_add(1, Ordering::Relaxed);
    if !state::registers_threads() || area::is_registered() {
        return 0;
    }
    let answer = area::now();
    if answer == Answer::Granted {
        return 0;
    }
    count.fetch_sub(1, Ordering::Relaxed);
    -area::errno_of(answer)
}

/// Gives one registration back; returns 0, or `-EINVAL` where the calling thread has
/// entered no more often than it has left.
pub fn leave() -> i32 {
    if !arch::has_room() {
        return -libc::EINVAL;
    }
    let Nesting {
        count, for_life, ..
    } = nesting();
    let floor = for_life.load(Ordering::Relaxed);
    let before = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
        (count > floor).then(|| count.wrapping_sub(1))
    });
    let Ok(before) = before else {
        return -libc::EINVAL;
    };
    // a handler may enter, or leave again, after each look
    while before == 1 && state::registers_threads() {
        area::unregister();
        if count.load(Ordering::Relaxed) == 0 {
            break;
        }
        area::now();
        if count.load(Ordering::Relaxed) > 0 {
            break;
        }
    }
    0
}
