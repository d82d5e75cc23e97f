//! The loading rules: what a program loads later must not break what it has.
//!
//! An object that defines `__rseq_abi` for others, or that holds an area which a
//! client has registered, is not unmapped: the kernel may write to it.
//! `docs/loading.md` has the reasons, and what else can be asked for.
//!
//! | module | concern |
//! |---|---|
//! | [`objects`] | what is loaded, and what a handle holds of it |
//! | [`dynamic`] | what a loaded object says of itself, read in memory |
//! | [`definers`] | those that must stay |
//! | [`clients`] | where clients have registered areas of their own |
//! | [`caller`] | whether dlopen may be called rather than jumped to |
//! | [`mod@policy`] | what is done, and why |
//! | [`words`], [`texts`], [`budget`] | what the log and dlerror say |
//!
//! Everything is decided after the fact, from what is in memory, on the caller's
//! stack. Nothing here reads a file before a load, and only what is held is
//! opened once more: the interposed functions make no system call that the
//! dynamic linker would not make, but for a log that somebody has asked for.
//!
//! The interposed functions are assembly (`arch`): they ask a hook and then
//! jump to the dynamic linker's, which so sees its caller's return address.
//! Hooks run with none of the dynamic linker's locks held.
//!
//! # Safety
//!
//! What this module owes: hooks read what callers of dlopen(3) and its siblings
//! hand over, as those functions would.

#![allow(unsafe_code, reason = "hooks take what callers hand over")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::Ordering;

use tls_model::owner::Mode;

use crate::environment::{Environment, Loading};
use crate::errno::KeepErrno;
use crate::next;
use crate::process::{Process, Program};

mod budget;
mod caller;
mod clients;
mod definers;
mod dynamic;
mod objects;
mod policy;
mod texts;
mod words;

pub use clients::registered as client_registered;
use policy::policy;
pub use policy::{POLICY, Policy};

/// Begins to keep the rules, once the dynamic linker's functions are found. Whoever
/// owns the registration: an unmapped area is as bad for all of them.
pub fn enable(process: &Process, environment: &Environment, program: &Program) {
    let policy = match environment.loading {
        _ if environment.mode == Mode::Off => Policy::Off,
        Loading::Keep => Policy::Keep,
        Loading::Enforce => Policy::Enforce,
        Loading::Warn => Policy::Warn,
        Loading::Off => Policy::Off,
    };
    words::open(environment.log);
    budget::read(process);
    definers::begin(program);
    // only these look at calls of dlopen
    if matches!(policy, Policy::Warn | Policy::Enforce) {
        caller::begin();
    }
    POLICY.store(policy as u32, Ordering::Relaxed);
}

/// A call of dlopen that is looked at, in the frame of the assembly.
#[repr(C)]
pub struct Call {
    file: *const c_char,
    mode: c_int,
    /// How many objects had been loaded before it.
    additions: u64,
}

/// Runs before dlopen, where the policy is to warn or to enforce. Returns whether dlopen
/// is to be called, so that [`after_dlopen`] is reached, rather than jumped to.
///
/// # Safety
///
/// The arguments of dlopen(3).
pub unsafe extern "C" fn before_dlopen(call: &mut Call, return_address: usize) -> bool {
    let policy = policy();
    if policy == Policy::Warn && definers::may_be_due() {
        definers::say_what_is_not_promoted(policy);
    }
    if call.file.is_null() || call.mode & libc::RTLD_NOLOAD != 0 {
        return false;
    }
    // SAFETY: dlopen(3) takes a C string.
    let name = unsafe { CStr::from_ptr(call.file) }.to_bytes();
    call.additions = objects::additions();
    caller::does_not_matter(name, return_address)
}

/// Runs after a dlopen that has succeeded. Not after a failure: what this opens would
/// wipe its error.
pub extern "C" fn after_dlopen(handle: *mut c_void, call: &Call) {
    // an object of a dlopen that is still running may be among what the handle
    // holds only if nothing has come with this one
    if objects::additions() == call.additions || !definers::may_be_due() {
        return;
    }
    let _errno = KeepErrno::new();
    match policy() {
        Policy::Enforce => definers::keep_held(Policy::Enforce, handle),
        policy => definers::say_what_is_not_promoted(policy),
    }
}

/// Runs before dlclose: what must not go is made to stay.
pub extern "C" fn before_dlclose(handle: *mut c_void) {
    if policy::is_on() && definers::may_be_due() {
        keep(handle);
    }
}

#[cold]
#[inline(never)]
fn keep(handle: *mut c_void) {
    let policy = policy();
    let _errno = KeepErrno::new();
    if policy != Policy::Warn {
        definers::keep_held(policy, handle);
    }
    if policy != Policy::Keep && words::are_wanted(policy) {
        definers::say_what_is_not_promoted(policy);
    }
}

/// Serves dlerror(3): the dynamic linker's text, and what would help where there is
/// no room for static TLS.
#[unsafe(no_mangle)]
pub extern "C" fn dlerror() -> *mut c_char {
    let error = next::error();
    let _errno = KeepErrno::new();
    words::error(error)
}
