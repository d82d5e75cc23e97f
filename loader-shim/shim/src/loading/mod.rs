//! The loading rules: what a program loads later must not break what it has.
//!
//! An object that defines `__rseq_abi` for others is never unloaded and never
//! local. Where dlopen(3) would have it so it is promoted; where it would use a
//! definition of its own (another namespace, RTLD_DEEPBIND, -Bsymbolic) it is
//! refused (`tls_model::loading`). `docs/loading.md` tells users.
//!
//! | module | concern |
//! |---|---|
//! | [`survey`] | what a load will bring, looked at before it happens |
//! | [`search`], [`directories`], [`cache`] | where the dynamic linker will find it |
//! | [`mod@file`], [`known`], [`trail`] | reading it, or not |
//! | [`stack`], [`memory`] | room for all of this |
//! | [`objects`] | what is loaded |
//! | [`sweep`], [`nest`] | definers that came along with something else |
//! | [`words`], [`budget`] | what dlerror and the log say |
//! | [`next`] | the dynamic linker's own functions |
//!
//! The interposed functions are assembly (`arch`): they ask a hook and then
//! jump to the dynamic linker's, which so sees its caller's return address.
//! Hooks run with none of the dynamic linker's locks held.

use core::cell::LazyCell;
use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tls_model::loading::Load;
use tls_model::owner::Mode;

use crate::environment::{Environment, Loading};
use crate::errno::KeepErrno;
use crate::next::resolve;
use crate::process::Process;

mod budget;
mod cache;
mod directories;
mod file;
mod known;
mod memory;
mod nest;
mod next;
mod objects;
mod search;
mod stack;
mod survey;
mod sweep;
mod trail;
mod words;

use nest::Outermost;
use survey::Found;
use words::Message;

/// What a thread keeps from one call to the next, in the shim's static TLS.
#[repr(C)]
pub struct Thread {
    outermost: Outermost,
    message: Message,
}

// SAFETY: each thread has its own; the static that stands for them is only the
// initial image and never touched.
unsafe impl Sync for Thread {}

impl Thread {
    /// A thread that has called nothing yet.
    pub const fn new() -> Self {
        Self {
            outermost: Outermost::new(),
            message: Message::new(),
        }
    }
}

/// What is done about the rules.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Policy {
    /// Nothing.
    Off = 0,
    /// Say so.
    Warn = 1,
    /// Promote, or refuse.
    Enforce = 2,
}

static POLICY: AtomicU32 = AtomicU32::new(Policy::Off as u32);

fn policy() -> Policy {
    match POLICY.load(Ordering::Relaxed) {
        1 => Policy::Warn,
        2 => Policy::Enforce,
        _ => Policy::Off,
    }
}

/// Finds the dynamic linker's functions, and begins to keep the rules. Whoever
/// owns the registration: an unloaded area is as bad for all of them.
pub fn enable(process: &Process, environment: &Environment) {
    resolve(&next::ALL);
    let policy = match environment.loading {
        _ if environment.mode == Mode::Off => Policy::Off,
        Loading::Enforce => Policy::Enforce,
        Loading::Warn => Policy::Warn,
        Loading::Off => Policy::Off,
    };
    words::open(environment.log);
    budget::read(process);
    sweep::begin();
    POLICY.store(policy as u32, Ordering::Relaxed);
}

/// A call of dlopen or dlmopen, as the hook may change it.
#[repr(C)]
pub struct Call {
    namespace: c_long,
    file: *const c_char,
    mode: c_int,
}

/// Where a call goes on. Answered in two registers.
#[repr(C)]
pub struct Target {
    address: *mut c_void,
    /// Not 0: to be called rather than jumped to, and [`opened`] afterwards.
    returns: usize,
}

/// Before dlopen.
///
/// # Safety
///
/// The arguments of dlopen(3), and where its return address stands.
pub unsafe extern "C" fn before_dlopen(call: &mut Call, caller: &usize) -> Target {
    // SAFETY: the caller's promise.
    let returns = unsafe { before_open(call, caller, false) };
    Target {
        address: next::DLOPEN.address(),
        returns,
    }
}

/// Before dlmopen.
///
/// # Safety
///
/// The arguments of dlmopen(3), and where its return address stands.
pub unsafe extern "C" fn before_dlmopen(call: &mut Call, caller: &usize) -> Target {
    // SAFETY: the caller's promise.
    let returns = unsafe { before_open(call, caller, true) };
    Target {
        address: next::DLMOPEN.address(),
        returns,
    }
}

/// Looks at what the call will load, and changes it where it must be changed.
unsafe fn before_open(call: &mut Call, place: &usize, names_namespace: bool) -> usize {
    let policy = policy();
    if policy == Policy::Off {
        return 0;
    }
    let is_outermost = nest::enter(place);
    if call.file.is_null() || call.mode & libc::RTLD_NOLOAD != 0 {
        return 0;
    }
    // SAFETY: dlopen(3) takes a C string.
    let name = unsafe { CStr::from_ptr(call.file) };
    if name.is_empty() {
        return 0;
    }
    let load = Load {
        other_namespace: call.namespace != libc::LM_ID_BASE,
        deep_bind: call.mode & libc::RTLD_DEEPBIND != 0,
        global: call.mode & libc::RTLD_GLOBAL != 0,
        nodelete: call.mode & libc::RTLD_NODELETE != 0,
    };
    if is_outermost {
        promote_owed(policy);
    }
    if let Some(thread_local) = survey::if_known(name, *place, load) {
        words::about_to_load(thread_local);
        return 0;
    }
    let _errno = KeepErrno::new();
    let mut returns = false;
    stack::with_room(|room| {
        let caller = LazyCell::new(|| objects::caller(*place));
        let found = survey::of(name, || caller.handle, load, room);
        let is_path = survey::is_path(name.to_bytes());
        if found.harmless && !is_path && caller.at_start {
            trail::remember(name.to_bytes(), *place, &found.trail, found.thread_local);
        }
        if act(policy, &found, call) {
            // what is loaded under a path does not depend on who asks, but for a
            // DT_RPATH that it inherits
            returns = is_outermost && is_path && (names_namespace || !caller.has_rpath);
            OWED.store(!returns, Ordering::Relaxed);
        }
    });
    usize::from(returns)
}

/// Something is to be promoted that comes with a call from which nobody returns.
static OWED: AtomicBool = AtomicBool::new(false);

/// Promotes what has come since, where the caller is inside no dlopen.
fn promote_owed(policy: Policy) {
    if OWED.load(Ordering::Relaxed) && OWED.swap(false, Ordering::Relaxed) && sweep::may_be_due() {
        let _errno = KeepErrno::new();
        stack::with_room(|_| sweep::promote(policy));
    }
}

/// Changes a call to what has to be done about what it would load. Answers
/// whether there is more to do when it has been.
fn act(policy: Policy, found: &Found, call: &mut Call) -> bool {
    words::about_to_load(found.thread_local);
    let enforces = policy == Policy::Enforce;
    if let Some(breach) = found.breach {
        if enforces {
            words::refuse(found, breach);
            call.file = words::REFUSED.as_ptr();
            call.mode = 0;
        } else {
            words::would_refuse(found, breach);
        }
        return false;
    }
    if found.promote {
        words::promoted(policy, found.name.as_bytes());
        if enforces {
            call.mode |= libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        }
    }
    enforces && found.promote_needed
}

/// After a dlopen that has succeeded and brought a definer along with something
/// else. Not after a failure: what this opens would wipe its error.
pub extern "C" fn opened() {
    let _errno = KeepErrno::new();
    stack::with_room(|_| sweep::promote(policy()));
}

/// Before dlclose, whose return address stands at `place`: what it must not
/// unload is made to stay. Answers where the call goes on.
pub extern "C" fn before_dlclose(place: &usize, handle: *mut c_void) -> *mut c_void {
    let policy = policy();
    if policy == Policy::Off || !sweep::may_be_due() {
        return next::DLCLOSE.address();
    }
    let _errno = KeepErrno::new();
    stack::with_room(|_| {
        if !sweep::is_due() {
            return;
        }
        if policy == Policy::Enforce && nest::is_inside(place) {
            sweep::promote_held(policy, handle);
        } else {
            sweep::promote(policy);
        }
    });
    next::DLCLOSE.address()
}

/// dlerror(3): the dynamic linker's answer, with the shim's words for what the
/// shim has refused.
#[unsafe(no_mangle)]
pub extern "C" fn dlerror() -> *mut c_char {
    words::error(next::error())
}
