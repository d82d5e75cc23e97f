//! Definers that are there already: those that came along with something else.
//!
//! They are opened once more, with RTLD_GLOBAL and RTLD_NODELETE, and so stay
//! when what brought them goes. Names are collected under the dynamic linker's
//! lock and acted upon outside.

use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::objects::Held;
use super::{Policy, next, objects, words};

/// `dlpi_adds` when everything had been looked at: nothing has come since.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// Definers that have been promoted, by their program headers. They stay, so
/// the address is theirs for good. Where it is full they are promoted again.
static PROMOTED: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

/// Longest path of an object.
const LONGEST: usize = libc::PATH_MAX as usize;

/// Remembers what the program started with.
pub fn begin() {
    objects::begin();
    SEEN.store(objects::additions(), Ordering::Relaxed);
}

/// Whether something has come that may be a definer: a cheap look.
pub fn may_be_due() -> bool {
    let seen = SEEN.load(Ordering::Relaxed);
    let mut now = seen;
    let mut may_be = false;
    objects::each(|loaded, at_start| {
        now = loaded.info.dlpi_adds;
        may_be =
            !at_start && objects::may_define(loaded) && !is_promoted(loaded.info.dlpi_phdr.addr());
        may_be || now == seen
    });
    if !may_be {
        SEEN.store(now, Ordering::Relaxed);
    }
    may_be
}

/// Whether there is something to promote.
pub fn is_due() -> bool {
    let now = objects::additions();
    if next_definer(&mut [], |_| true).is_some() {
        return true;
    }
    SEEN.store(now, Ordering::Relaxed);
    false
}

/// Promotes what has come since the last time.
pub fn promote(policy: Policy) {
    promote_those(policy, |_| true);
}

/// Promotes what closing `handle` might unload, where the caller may be inside a
/// dlopen. All of that has been initialised: the dlopen that has answered the
/// handle has seen to it. What still waits for its constructors is held by the
/// dlopen that runs, and not unloaded.
pub fn promote_held(policy: Policy, handle: *mut c_void) {
    let held = Held::by(handle);
    promote_those(policy, |object| held.contains(object));
}

fn promote_those(policy: Policy, wanted: impl Fn(usize) -> bool) {
    let mut path = [0; LONGEST];
    while let Some(object) = next_definer(&mut path, &wanted) {
        let Ok(name) = CStr::from_bytes_until_nul(&path) else {
            return;
        };
        words::promoted(policy, name.to_bytes());
        if policy == Policy::Enforce {
            const FLAGS: c_int =
                libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
            // never closed: one more reason for it to stay
            next::open(name, FLAGS);
        }
        if !remember(object) {
            return;
        }
    }
}

/// The next definer of those wanted that is not promoted yet, and its path as a
/// C string as far as there is room.
fn next_definer(path: &mut [u8], wanted: impl Fn(usize) -> bool) -> Option<usize> {
    let mut definer = None;
    objects::each(|loaded, at_start| {
        let object = loaded.info.dlpi_phdr.addr();
        if at_start
            || is_promoted(object)
            || !wanted(object)
            || objects::definition(loaded).is_none()
        {
            return false;
        }
        let name = loaded.path().to_bytes_with_nul();
        for (to, from) in path.iter_mut().zip(name) {
            *to = *from;
        }
        definer = Some(object);
        true
    });
    definer
}

fn is_promoted(object: usize) -> bool {
    let mut places = PROMOTED.iter();
    places.any(|place| place.load(Ordering::Relaxed) == object)
}

fn remember(object: usize) -> bool {
    PROMOTED.iter().any(|place| {
        let taken = place.compare_exchange(0, object, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok() || taken == Err(object)
    })
}
