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
use crate::atomic::{AtomicU64, Ordering};
use crate::state::{self, Action};
use crate::{arch, report};

/// One per thread, in the room that `librseq_abi.so` has for it.
#[repr(C)]
pub struct Nesting {
    /// Who has entered and not left, the thread's birth among them: the lower 32 bits; and
    /// [`FOR_LIFE`], [`BORN`]. One word, so that an ordinary thread begins with one exchange.
    word: AtomicU64,
    rest: [u32; 2],
}

/// The thread holds one for life.
const FOR_LIFE: u64 = 1 << 32;
/// The thread has come through our start routine.
const BORN: u64 = 1 << 33;
/// What a registration for life adds.
const HELD: u64 = FOR_LIFE | 1;

/// Returns who has entered and not left.
const fn count(word: u64) -> u32 {
    word as u32
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
    let Nesting { word, .. } = nesting();
    let held = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
        (word & FOR_LIFE == 0).then(|| word.wrapping_add(HELD))
    });
    let again = held.is_err();
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
        hold_no_more(word);
    }
    answer
}

/// Takes back what a registration for life has added.
fn hold_no_more(word: &AtomicU64) {
    // a client may have come meanwhile, and everything is forgotten
    let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
        (word & FOR_LIFE != 0).then(|| word.wrapping_sub(HELD))
    });
}

/// Takes back what a first start has added as well.
#[cold]
fn not_born(word: &AtomicU64) {
    hold_no_more(word);
    let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
        Some(word & !BORN)
    });
}

/// Does what [`hold`] does, for a thread that has just been born, in which nobody has asked
/// for anything, and whose registration the kernel grants: the ordinary one. Returns false, and
/// has changed nothing, for all others.
#[inline]
pub fn hold_first() -> bool {
    let Nesting { word, .. } = nesting();
    let first = word.compare_exchange(0, BORN | HELD, Ordering::Relaxed, Ordering::Relaxed);
    if first.is_err() {
        return false;
    }
    if !area::is_registered() && area::try_now() {
        return true;
    }
    not_born(word);
    false
}

/// Returns whether the calling thread comes through our start routine for the first time. A
/// library whose `pthread_create` is behind ours may have one of its own in between,
/// and lead here once more.
pub fn is_first_start() -> bool {
    let born = nesting()
        .word
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            (word & BORN == 0).then_some(word | BORN)
        });
    born.is_ok()
}

/// Returns whether the calling thread is registered, or is to be again when nobody else is.
pub fn is_held() -> bool {
    arch::has_room() && count(nesting().word.load(Ordering::Relaxed)) > 0
}

/// Returns whether the calling thread has been registered at its birth.
pub fn is_for_life() -> bool {
    nesting().word.load(Ordering::Relaxed) & FOR_LIFE != 0
}

/// Forgets all registrations of the calling thread: a client has its own now.
pub fn forget() {
    let _ = nesting()
        .word
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            Some(word & BORN)
        });
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
    let Nesting { word, .. } = nesting();
    word.fetch_add(1, Ordering::Relaxed);
    if !state::registers_threads() || area::is_registered() {
        return 0;
    }
    let answer = area::now();
    if answer == Answer::Granted {
        return 0;
    }
    word.fetch_sub(1, Ordering::Relaxed);
    -area::errno_of(answer)
}

/// Gives one registration back; returns 0, or `-EINVAL` where the calling thread has
/// entered no more often than it has left.
pub fn leave() -> i32 {
    if !arch::has_room() {
        return -libc::EINVAL;
    }
    let Nesting { word, .. } = nesting();
    let before = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
        let floor = u32::from(word & FOR_LIFE != 0);
        (count(word) > floor).then(|| word.wrapping_sub(1))
    });
    let Ok(before) = before else {
        return -libc::EINVAL;
    };
    // a handler may enter, or leave again, after each look
    while count(before) == 1 && state::registers_threads() {
        area::unregister();
        if count(word.load(Ordering::Relaxed)) == 0 {
            break;
        }
        area::now();
        if count(word.load(Ordering::Relaxed)) > 0 {
            break;
        }
    }
    0
}
