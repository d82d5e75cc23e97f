//! Before every constructor: who owns the registration is asked once.
//!
//! # Safety
//!
//! What this module owes: the libc's arguments are passed on as it has given them.

#![allow(unsafe_code, reason = "a function is registered with the libc")]

use core::ffi::{c_char, c_int};

use tls_model::owner::{Mode, Owner, Reason, Situation, active_size, plan};
use tls_model::rseq::ORIGINAL_LENGTH;

use crate::environment::Environment;
use crate::process::{self, Process};
use crate::registration::area as registered;
use crate::state::Action;
use crate::{acting, arch, behind, report, state, weak};

/// Of the program only: linkers refuse a shared library that has one.
// SAFETY: the libc calls it with what `remember` is made for.
#[used]
#[unsafe(link_section = ".preinit_array")]
static AT_START: unsafe extern "C" fn(c_int, *mut *const c_char, *mut *const c_char) = at_start;

unsafe extern "C" fn at_start(
    count: c_int,
    arguments: *mut *const c_char,
    environment: *mut *const c_char,
) {
    // SAFETY: what the libc hands to constructors.
    unsafe { process::arguments::remember(count, arguments, environment) };
    decide_once();
}

/// Decides, the first time it is called after the program was told how it was started.
pub fn decide_once() {
    if process::is_told() && state::begin_deciding() {
        decide();
        state::end_deciding();
    }
}

fn decide() {
    let process = Process::read();
    process.tell_machine();
    let environment = Environment::read(&process);
    // a program that owns itself is nobody's to steer, with privileges least of all
    let mode = if process.is_secure() {
        Mode::Auto
    } else {
        environment.mode
    };
    behind::find();
    let libc = weak::libc_area();
    // what is published may be this very area: a preloaded shim has registered it, or a
    // libc that owns the symbol, and both are shared with
    let is_ours =
        |offset| arch::thread_pointer().wrapping_add_signed(offset) == arch::abi_area().addr();
    let libc_registered = libc.is_some_and(|(offset, size)| {
        registered::is_registered_by_libc(offset, size) && !is_ours(offset)
    });
    if let Some((offset, size)) = libc {
        registered::set_libc_area(offset, size);
    }
    if mode == Mode::Off {
        let owner = if libc_registered {
            Owner::Libc
        } else {
            Owner::Client
        };
        state::set(owner, Action::Nothing, Reason::ToldToStandAside);
        return;
    }
    report::open(environment.log);
    report::thread_started();
    let situation = Situation {
        mode,
        libc_registered,
        // that of this archive, or of the program: 32 bytes of it are registered
        adopter_size: Some(u64::from(ORIGINAL_LENGTH)),
        feature_size: process.feature_size(),
        ..Situation::default()
    };
    let shim_was_first = registered::is_registered();
    acting::act_on(plan(&situation));
    if state::registers_threads() {
        if !shim_was_first {
            // as `rseqctl run` foresees it: nobody else sees the definition
            report::owner(Owner::Client, Reason::HiddenDefinition);
        }
        report::length(registered::length());
        publish(situation.feature_size);
    }
    report::decided();
}

/// Says by glibc's own names what is registered, for libraries that ask there first, as
/// librseq does.
fn publish(feature_size: Option<u32>) {
    // without the dynamic linker's list it is not known what may be written to: some
    // linkers do not look into it for weak references
    if arch::debug_state().is_null() {
        return;
    }
    let Some((offset, size)) = weak::libc_variables_to_write() else {
        return;
    };
    let distance = arch::abi_area().addr().wrapping_sub(arch::thread_pointer());
    let active = active_size(registered::length(), feature_size);
    process::write_protected(offset, &distance.to_ne_bytes());
    process::write_protected(size, &active.to_ne_bytes());
}
