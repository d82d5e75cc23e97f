//! `__rseq_offset`, `__rseq_size`, `__rseq_flags` (glibc 2.35) and
//! `__rseq_handled` (the 2018 proposal): where the registered area is.
//!
//! The shim exports them, so that a glibc that has none (before 2.35), or whose
//! registration is switched off, gets the modern ABI. They are variables: an
//! executable may hold copies (R_X86_64_COPY), made before any constructor ran,
//! and those are what everybody binds to. So the values are written to wherever
//! the dynamic linker has bound the names.
//!
//! glibc 2.41 and later reads `__rseq_offset` and `__rseq_size` itself, through
//! its own references, to decide whether new threads register, and aborts the
//! process when such a registration fails. Its references are bound back to
//! glibc's own variables: the shim registers, and never fatally. Where that
//! cannot be done, the names say what glibc's own say: that nothing is registered.
//!
//! # Safety
//!
//! What this module owes: the exported variables have the types that glibc's manual
//! gives, and are written to by the constructor, or atomically.

#![allow(
    unsafe_code,
    reason = "names are exported, and variables of others written to"
)]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicIsize, AtomicU32, Ordering};

use tls_model::owner::{Owner, active_size};

use crate::arch::{self, Bound};
use crate::process::{self, Name, Tables};

const OFFSET: Name = Name::new(b"__rseq_offset");
const SIZE: Name = Name::new(b"__rseq_size");
const FLAGS: Name = Name::new(b"__rseq_flags");
const HANDLED: Name = Name::new(b"__rseq_handled");

/// A function that came with glibc 2.41, as the use of `__rseq_offset` by
/// libc.so itself did.
const SINCE_2_41: Name = Name::new(b"sched_setattr");

/// `ptrdiff_t __rseq_offset`: bytes from the thread pointer to the area.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the ABI's")]
pub static __rseq_offset: AtomicIsize = AtomicIsize::new(0);

/// `unsigned int __rseq_size`: bytes of the area that the kernel keeps up to
/// date; 0 where nothing is registered.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the ABI's")]
pub static __rseq_size: AtomicU32 = AtomicU32::new(0);

/// `unsigned int __rseq_flags`: the flags of the registration; 0.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the ABI's")]
pub static __rseq_flags: AtomicU32 = AtomicU32::new(0);

/// `int __rseq_handled`: 1 where somebody registers `__rseq_abi` in every
/// thread, so that libraries need not.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the ABI's")]
pub static __rseq_handled: AtomicI32 = AtomicI32::new(0);

/// What the libc's own variables say, where it has them (glibc 2.35 and later).
#[derive(Clone, Copy, Default)]
pub struct LibcArea {
    /// `__rseq_offset`: bytes from the thread pointer.
    pub offset: isize,
    /// `__rseq_size`: bytes in use; 0 where glibc has not registered.
    pub size: u32,
    /// `__rseq_flags`.
    pub flags: u32,
}

impl LibcArea {
    /// Reads glibc's own variables, which the dynamic linker has set before any
    /// constructor runs.
    pub fn read() -> Option<Self> {
        let [offset, size, flags] = process::of_dynamic_linker([OFFSET, SIZE, FLAGS]);
        let (offset, size) = (offset?, size?);
        Some(Self {
            // SAFETY: `const ptrdiff_t` (glibc manual, "Restartable Sequences").
            offset: unsafe { offset.cast::<isize>().read() },
            // SAFETY: `const unsigned int`, likewise.
            size: unsafe { size.cast::<u32>().read() },
            // SAFETY: `const unsigned int`, likewise, or absent.
            flags: flags.map_or(0, |flags| unsafe { flags.cast::<u32>().read() }),
        })
    }

    /// Returns whether it is the `__rseq_abi` that wins in the global scope: the libc owns
    /// the symbol.
    pub fn is_symbol(self) -> bool {
        self.size != 0
            && arch::thread_pointer().wrapping_add_signed(self.offset) == arch::abi_area().addr()
    }
}

/// Writes the values that hold for this owner.
///
/// `length` is that of the shim's registrations, `feature_size` the kernel's.
pub fn publish(owner: Owner, libc: Option<LibcArea>, length: u32, feature_size: Option<u32>) {
    let ours = matches!(owner, Owner::Shim | Owner::Adopter);
    let handled = ours || owner == Owner::Libc && libc.is_some_and(LibcArea::is_symbol);
    let area = if ours && keep_for_libc() {
        let distance = arch::abi_area().addr().wrapping_sub(arch::thread_pointer());
        LibcArea {
            offset: distance as isize,
            size: active_size(length, feature_size),
            flags: 0,
        }
    } else {
        let libc = libc.unwrap_or_default();
        LibcArea {
            size: if owner == Owner::Libc { libc.size } else { 0 },
            ..libc
        }
    };
    let bound = arch::bound_names();
    let offset = area.offset.to_ne_bytes();
    let size = area.size.to_ne_bytes();
    let flags = area.flags.to_ne_bytes();
    let handled = c_int::from(handled).to_ne_bytes();
    let values: [(*mut c_void, &[u8]); 4] = [
        (bound.offset.cast(), &offset),
        (bound.size.cast(), &size),
        (bound.flags.cast(), &flags),
        (bound.handled.cast(), &handled),
    ];
    let mut writable = true;
    let mut all_ours = true;
    for (bound, value) in values {
        writable &= process::write_protected(bound, value);
        all_ours &= arch::own_zeroes().contains(&bound.addr());
    }
    WRITABLE.store(writable, Ordering::Relaxed);
    if !all_ours {
        publish_behind([&offset, &size, &flags, &handled]);
    }
}

/// Writes the values into our own variables. Where somebody has copies, or comes before
/// us, ours hold the same: they are what dlsym(RTLD_NEXT) of the executable finds.
#[cold]
fn publish_behind(values: [&[u8]; 4]) {
    const NAMES: [Name; 4] = [OFFSET, SIZE, FLAGS, HANDLED];

    let mut own = [None; 4];
    process::each_object(|object| {
        let is_ours = object.is_the_shim();
        if is_ours {
            let tables = Tables::of(object);
            own = NAMES.map(|name| object.address_of(tables.as_ref(), name));
        }
        is_ours
    });
    for (place, value) in own.into_iter().zip(values) {
        if let Some(place) = place {
            process::write_protected(place, value);
        }
    }
}

/// The variables can be written to at any time: no copy of them is read-only.
static WRITABLE: AtomicBool = AtomicBool::new(false);

/// Says that nothing is registered any more, where that can be said without
/// asking the dynamic linker: a client may be calling from anywhere.
pub fn withdraw() {
    if !WRITABLE.load(Ordering::Relaxed) {
        return;
    }
    let Bound { size, handled, .. } = arch::bound_names();
    // SAFETY: the bound variable, found writable.
    unsafe { size.write_volatile(0) };
    // SAFETY: likewise.
    unsafe { handled.write_volatile(0) };
}

/// Binds the libc's own references back to its own variables. Returns whether it
/// has none left to others.
fn keep_for_libc() -> bool {
    if process::next_at_start(SINCE_2_41).is_none() {
        return true;
    }
    let Bound { offset, size, .. } = arch::bound_names();
    let own = process::of_dynamic_linker([OFFSET, SIZE]);
    let [own_offset, own_size] = own.map(|found| found.map_or(0, <*mut c_void>::addr));
    process::rebind_libc([(offset.addr(), own_offset), (size.addr(), own_size)])
}
