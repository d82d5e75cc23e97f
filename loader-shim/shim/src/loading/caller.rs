//! Whether dlopen may be called by the shim for its caller.
//!
//! To regain control after dlopen the shim must call it, and then it is the shim whose
//! DT_RUNPATH, DT_RPATH, `$ORIGIN` and namespace the dynamic linker takes. That is
//! right where the caller would have added nothing to the search.

use core::sync::atomic::{AtomicBool, Ordering};

use super::dynamic::Dynamic;
use super::objects;

/// A library that the program started with has a DT_RPATH. What others load may
/// inherit it, by a chain of loaders that cannot be seen from outside.
static INHERITS: AtomicBool = AtomicBool::new(false);

/// Looks through what the program started with.
pub fn begin() {
    let mut inherits = false;
    objects::each(|index, loaded, _| {
        // the executable's counts for everybody, the shim included
        inherits = index != 0 && Dynamic::of(loaded).is_some_and(|dynamic| dynamic.has_rpath());
        inherits
    });
    INHERITS.store(inherits, Ordering::Relaxed);
}

/// Returns whether what is loaded by this name does not depend on who asks.
pub fn does_not_matter(name: &[u8], return_address: usize) -> bool {
    if INHERITS.load(Ordering::Relaxed) || name.contains(&b'$') {
        return false;
    }
    let is_path = name.contains(&b'/');
    let mut answer = false;
    objects::each(|_, loaded, at_start| {
        if at_start && !loaded.contains(return_address) {
            return false;
        }
        answer = at_start
            && Dynamic::of(loaded).is_some_and(|dynamic| {
                is_path || !dynamic.has_runpath() && !dynamic.has_no_default_directories()
            });
        true
    });
    answer
}
