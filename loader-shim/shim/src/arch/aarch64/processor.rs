//! What the kernel says of the processor, and what follows from it: functions that are
//! compiled twice, and resolvers of indirect functions.
//!
//! For each atomic change of memory the compiler calls a function of its own that chooses
//! between the instructions of every processor and those of ARMv8.1: six instructions, and
//! whatever the caller has to keep meanwhile. Where it may assume ARMv8.1, it puts down one
//! instruction, as on x86_64.
//!
//! # Safety
//!
//! What this module owes: code for ARMv8.1 runs where the kernel has said that the
//! processor executes it; a resolver is called as glibc calls it (sys/ifunc.h).

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::function::Function as _;

/// `HWCAP_ATOMICS` (asm/hwcap.h).
const ATOMICS: usize = 1 << 8;

/// `_IFUNC_ARG_HWCAP` (sys/ifunc.h): there is a second argument.
const HAS_SECOND: u64 = 1 << 62;

/// AT_HWCAP and AT_HWCAP2, once the kernel has said so.
static CAPABILITIES: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// Remembers what the kernel says at the start (AT_HWCAP, AT_HWCAP2).
pub fn set_capabilities(capabilities: [usize; 2]) {
    for (place, found) in CAPABILITIES.iter().zip(capabilities) {
        place.store(found, Ordering::Relaxed);
    }
}

/// Returns whether the processor changes memory in one instruction.
pub fn has_atomics() -> bool {
    let [first, _] = &CAPABILITIES;
    first.load(Ordering::Relaxed) & ATOMICS != 0
}

/// Defines a function that does what another does, with the instructions of the processor.
/// The other one is to be inlined.
macro_rules! by_atomics {
    (
        $(#[$attribute:meta])*
        pub unsafe extern "C" fn $name:ident(
            $($argument:ident: $type:ty),* $(,)?
        ) -> $result:ty = $inner:path;
    ) => {
        $(#[$attribute])*
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            #[target_feature(enable = "lse")]
            unsafe extern "C" fn in_one_instruction($($argument: $type),*) -> $result {
                // SAFETY: the caller's promise.
                unsafe { $inner($($argument),*) }
            }
            // not here, where its frame would be made for both
            #[inline(never)]
            unsafe extern "C" fn by_calls($($argument: $type),*) -> $result {
                // SAFETY: the caller's promise.
                unsafe { $inner($($argument),*) }
            }
            if $crate::arch::has_atomics() {
                // SAFETY: the caller's promise, and the kernel has said that the processor has
                // these instructions.
                unsafe { in_one_instruction($($argument),*) }
            } else {
                // SAFETY: the caller's promise.
                unsafe { by_calls($($argument),*) }
            }
        }
    };
}

pub(crate) use by_atomics;

/// What a resolver is told (`__ifunc_arg_t`).
#[repr(C)]
struct Told {
    bytes: u64,
    capabilities: [u64; 2],
}

/// Returns where an indirect function leads, as dlsym(3) does.
///
/// # Safety
///
/// `resolver` is one of a loaded and relocated object.
pub unsafe fn resolve(resolver: *mut c_void) -> Option<*mut c_void> {
    type Resolver = unsafe extern "C" fn(u64, *const Told) -> *mut c_void;

    let capabilities = [0, 1].map(|number: usize| {
        let place = CAPABILITIES.get(number);
        place.map_or(0, |place| place.load(Ordering::Relaxed)) as u64
    });
    let told = Told {
        bytes: size_of::<Told>() as u64,
        capabilities,
    };
    let [first, _] = capabilities;
    // SAFETY: of this type (sys/ifunc.h).
    let resolver = unsafe { Resolver::at(NonNull::new(resolver)?) };
    // SAFETY: the caller's promise.
    Some(unsafe { resolver(first | HAS_SECOND, &raw const told) })
}
