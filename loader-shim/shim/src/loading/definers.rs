//! Objects that must stay: those that define `__rseq_abi` for others, and those
//! that hold an area which a client has registered.
//!
//! They are opened once more with RTLD_NODELETE (and RTLD_GLOBAL on request), and
//! so stay when what brought them goes. They are looked for under the dynamic
//! linker's lock and opened outside.
//!
//! Only what the handle holds that is about to be closed, or has just been
//! returned: its constructors have been called before dlopen returned it.
//! Opening an object that still waits for them would call them too early, and
//! an object that waits is held by a dlopen that runs, so it cannot be unloaded.
//!
//! # Safety
//!
//! What this module owes: names and headers are read while the dynamic linker's
//! lock is held, or of objects that stay.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tls_model::loading::Breach;

use super::dynamic::Dynamic;
use super::objects::Held;
use super::policy::{Policy, Reason};
use super::words::{self, Line};
use super::{clients, objects};
use crate::process::{
    AREA, Loaded, Program, each_object, is_single_threaded, nothing_later_defines,
};
use crate::{arch, next, process};

/// [`mark`] when everything had been looked at: nothing has come since.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// Objects that have been made to stay, by their program headers: the address is
/// theirs for good. Where it is full they are opened again and again.
static STAYING: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

struct Found {
    object: usize,
    index: usize,
    path: *const c_char,
    reason: Reason,
}

/// Remembers what the program started with.
pub fn begin(program: &Program) {
    objects::begin(program.objects);
    // what may have come since has not been looked at
    if program.objects == process::count_at_start() {
        SEEN.store(mark(program.additions, 0), Ordering::Relaxed);
    }
}

/// Returns what changes with every object that comes, and with every new client.
fn mark(additions: u64, clients: usize) -> u64 {
    additions << 8 | clients as u64
}

/// Returns whether there is an object that must stay and does not yet. Cheap where nothing
/// has come that defines the symbol, and no client has registered; and without a lock
/// where there is one thread.
#[inline]
pub fn may_be_due() -> bool {
    // SAFETY: one thread, which is here, so nobody changes the list.
    let nothing = || is_single_threaded() && unsafe { nothing_later_defines(AREA) };
    !(clients::count() == 0 && nothing()) && has_come()
}

#[inline(never)]
fn has_come() -> bool {
    let seen = SEEN.load(Ordering::Relaxed);
    let clients = clients::count();
    let mut now = seen;
    let mut due = false;
    each_object(|first| {
        now = mark(first.info.dlpi_adds, clients);
        // SAFETY: the list does not change during the visit.
        let nothing = || clients == 0 && unsafe { nothing_later_defines(AREA) };
        due = now != seen && !nothing();
        true
    });
    if due {
        due = is_due(&mut now, clients);
    }
    if !due && now != seen {
        // as in `FoundFunction::set`
        SEEN.swap(now, Ordering::AcqRel);
    }
    due
}

/// Returns the same, found object by object.
#[inline(never)]
fn is_due(now: &mut u64, clients: usize) -> bool {
    let mut due = false;
    objects::each(|_, loaded, at_start| {
        *now = mark(loaded.info.dlpi_adds, clients);
        due = !at_start && must_stay(loaded) && !stays(loaded);
        due
    });
    due
}

/// Makes what `handle` holds stay, where it must.
pub fn keep_held(policy: Policy, handle: *mut c_void) {
    let mut from = 0;
    while let Some(found) = next_held(handle, from) {
        let mut mode = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
        if policy == Policy::Enforce && found.reason == Reason::Defines {
            mode |= libc::RTLD_GLOBAL;
        }
        let stays = reopen(found.path, mode);
        if words::are_wanted(policy) {
            // SAFETY: as in `reopen`.
            let path = unsafe { CStr::from_ptr(found.path) };
            words::kept(path, found.reason, stays);
        }
        // one that could not be opened is not tried again and again
        if !remember(found.object) || !stays {
            from = found.index + 1;
        }
    }
}

/// Opens what is there once more. It is never closed: one more reason for it to stay.
fn reopen(path: *const c_char, mode: c_int) -> bool {
    // SAFETY: the path that the dynamic linker keeps for an object which stays
    // loaded, because the handle that holds it is not closed yet.
    let path = unsafe { CStr::from_ptr(path) };
    let opened = !next::open(path, mode).is_null();
    if !opened {
        // an error that the program has not made
        next::error();
    }
    opened
}

fn next_held(handle: *mut c_void, from: usize) -> Option<Found> {
    objects::in_one_look(|| {
        let held = Held::by(handle)?;
        let mut found = None;
        objects::each(|index, loaded, at_start| {
            if at_start || index < from || !held.contains(index) || stays(loaded) {
                return false;
            }
            found = reason(loaded).map(|reason| Found {
                object: loaded.info.dlpi_phdr.addr(),
                index,
                path: loaded.info.dlpi_name,
                reason,
            });
            found.is_some()
        });
        found
    })?
}

/// Says which definers are not global or can be unloaded, and which use an area
/// of their own.
#[cold]
#[inline(never)]
pub fn say_what_is_not_promoted(policy: Policy) {
    let mut line = Line::new();
    let mut from = 0;
    while let Some((index, reason)) = next_loose(from, &mut line) {
        words::not_promoted(policy, &mut line, reason);
        from = index + 1;
    }
}

/// Begins the line about the next one: its path may be gone when nobody looks.
fn next_loose(from: usize, line: &mut Line) -> Option<(usize, Reason)> {
    let mut found = None;
    objects::each(|index, loaded, _| {
        if objects::was_at_start(index) || index < from || stays(loaded) {
            return false;
        }
        let reason = reason(loaded).filter(|reason| *reason != Reason::HoldsArea);
        if let Some(reason) = reason {
            words::begin(line, loaded.path().to_bytes());
            found = Some((index, reason));
        }
        found.is_some()
    });
    found
}

fn must_stay(loaded: &Loaded<'_>) -> bool {
    // most objects have no thread-local storage: nothing to read
    let Some(tls) = objects::tls(loaded) else {
        return false;
    };
    let Some(dynamic) = Dynamic::of(loaded) else {
        return false;
    };
    dynamic.area().is_some() || holds_area(loaded, &dynamic, tls.p_memsz)
}

fn reason(loaded: &Loaded<'_>) -> Option<Reason> {
    let tls = objects::tls(loaded)?;
    let dynamic = Dynamic::of(loaded)?;
    let Some(area) = dynamic.area() else {
        return holds_area(loaded, &dynamic, tls.p_memsz).then_some(Reason::HoldsArea);
    };
    let winner = arch::abi_area().addr().wrapping_sub(arch::thread_pointer());
    Some(if dynamic.binds_to_itself(area) {
        Reason::UsesItsOwn(Breach::BindsToItself)
    } else if dynamic.uses_another_area_than(winner as isize) {
        Reason::UsesItsOwn(Breach::DeepBind)
    } else {
        Reason::Defines
    })
}

/// Returns whether a client has registered an area in these bytes of thread-local storage.
fn holds_area(loaded: &Loaded<'_>, dynamic: &Dynamic<'_>, length: u64) -> bool {
    if clients::count() == 0 {
        return false;
    }
    let block = loaded.info.dlpi_tls_data.addr();
    if block != 0 {
        let offset = block.wrapping_sub(arch::thread_pointer());
        return clients::any_in(offset as isize, length);
    }
    let mut holds = false;
    dynamic.each_possible_block(|offset| {
        holds = clients::any_in(offset, length);
        holds
    });
    holds
}

fn stays(loaded: &Loaded<'_>) -> bool {
    let object = loaded.info.dlpi_phdr.addr();
    let mut places = STAYING.iter();
    places.any(|place| place.load(Ordering::Relaxed) == object)
}

fn remember(object: usize) -> bool {
    STAYING.iter().any(|place| {
        let taken = place.compare_exchange(0, object, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok() || taken == Err(object)
    })
}
