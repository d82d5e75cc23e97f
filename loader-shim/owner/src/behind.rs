//! What is behind the program's own `pthread_create`.
//!
//! # Safety
//!
//! What this module owes: what is remembered is a function of this type.

#![allow(unsafe_code, reason = "an address is remembered")]

use crate::function::{FoundFunction, Function as _};
use crate::next::names::PthreadCreate;
use crate::weak;

/// What creates threads, once it is known.
static BEHIND: FoundFunction<PthreadCreate> = FoundFunction::none();

/// Finds it. Called at the start, because dlsym(3) may be of no use inside an
/// allocator.
pub fn find() -> Option<PthreadCreate> {
    if let Some(known) = BEHIND.get() {
        return Some(known);
    }
    let found = weak::create_of_static_libc().or_else(weak::next_create)?;
    // SAFETY: of this type.
    unsafe { BEHIND.set(found.address()) };
    Some(found)
}
