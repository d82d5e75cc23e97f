//! The calling thread's area: where it is, and what it says.
//!
//! # Safety
//!
//! What this module owes: an area is that of the calling thread, and is not kept.

#![allow(unsafe_code, reason = "thread-local memory is read")]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::{arch, kernel};

/// `struct rseq` of Linux 4.18: what the kernel reads and writes, 32 bytes.
#[repr(C, align(32))]
pub(crate) struct Layout {
    pub cpu_id_start: AtomicU32,
    pub cpu_id: AtomicU32,
    pub rseq_cs: AtomicU64,
    pub flags: AtomicU32,
    pub node_id: AtomicU32,
    pub mm_cid: AtomicU32,
    pub slice_ctrl: AtomicU32,
}

const _: () = assert!(size_of::<Layout>() == 32);

/// The area that the kernel keeps up to date for the calling thread.
#[derive(Clone, Copy)]
pub struct Area {
    place: NonNull<Layout>,
    /// Of one thread only.
    thread: PhantomData<*const c_void>,
}

impl Area {
    fn at(address: usize) -> Option<Self> {
        let place = NonNull::new(core::ptr::with_exposed_provenance_mut(address))?;
        Some(Self {
            place,
            thread: PhantomData,
        })
    }

    /// Returns the calling thread's `__rseq_abi`, registered or not; `None` where nobody defines
    /// it.
    #[must_use]
    pub fn of_symbol() -> Option<Self> {
        let offset = arch::symbol_offset()?;
        Self::at(arch::thread_pointer().wrapping_add(offset))
    }

    /// Returns the area that is registered for the calling thread: `__rseq_abi`, else the one
    /// of the libc.
    ///
    /// It is what the areas say. In a task that clone(2) has made, the libc's area may be
    /// zero, which says CPU 0, although nobody has registered it: such a task calls
    /// [`register_current_thread`](crate::register_current_thread) first.
    #[must_use]
    #[inline]
    pub fn registered() -> Option<Self> {
        if let Some(area) = Self::of_symbol()
            && area.cpu().is_some()
        {
            return Some(area);
        }
        let (area, _) = Self::of_libc()?;
        area.cpu().map(|_| area)
    }

    /// Returns the calling thread's area of the libc, or of whoever publishes in its place,
    /// and the length in bytes that it registers: `None` where it registers nothing.
    #[inline]
    pub(crate) fn of_libc() -> Option<(Self, usize)> {
        let (offset, size) = arch::libc_variables();
        let (offset, size) = (NonNull::new(offset)?, NonNull::new(size)?);
        // SAFETY: `const unsigned int` (glibc manual, "Restartable Sequences").
        let size = unsafe { size.read() };
        if size == 0 {
            return None;
        }
        // SAFETY: `const ptrdiff_t`, likewise.
        let offset = unsafe { offset.read() };
        let area = Self::at(arch::thread_pointer().wrapping_add_signed(offset))?;
        Some((area, kernel::LENGTH.max(size as usize)))
    }

    /// Returns whether nobody may ever have written to it. An area that is registered on the
    /// first CPU may look the same.
    pub(crate) fn is_zero(self) -> bool {
        let Layout {
            cpu_id_start,
            cpu_id,
            rseq_cs,
            ..
        } = self.layout();
        cpu_id_start.load(Ordering::Relaxed) == 0
            && cpu_id.load(Ordering::Relaxed) == 0
            && rseq_cs.load(Ordering::Relaxed) == 0
    }

    /// Returns its address.
    #[must_use]
    pub fn address(self) -> usize {
        self.place.as_ptr().expose_provenance()
    }

    pub(crate) fn layout(&self) -> &Layout {
        // SAFETY: the calling thread's static TLS or control block, which holds such an
        // area and lives as long as the thread; `Area` does not leave it.
        unsafe { self.place.as_ref() }
    }

    /// Returns the CPU number in it, if the kernel has written one.
    #[inline]
    pub(crate) fn cpu(self) -> Option<u32> {
        let cpu = self.layout().cpu_id.load(Ordering::Relaxed);
        (cpu.cast_signed() >= 0).then_some(cpu)
    }
}

/// Returns whether the kernel keeps an area of the calling thread up to date.
#[must_use]
#[inline]
pub fn is_registered() -> bool {
    Area::registered().is_some()
}

/// Returns the CPU that the calling thread runs on, from its area, else from getcpu(2). None
/// where the kernel does not tell.
#[must_use]
#[inline]
pub fn current_cpu() -> Option<u32> {
    Area::registered()
        .and_then(Area::cpu)
        .or_else(|| kernel::getcpu().map(|(cpu, _)| cpu))
}

/// Returns the NUMA node that the calling thread runs on: from its area, where the kernel
/// writes it (Linux 6.3), else from getcpu(2).
#[must_use]
pub fn current_node() -> Option<u32> {
    match Area::registered() {
        Some(area) if kernel::feature_size() >= 24 => {
            Some(area.layout().node_id.load(Ordering::Relaxed))
        }
        _ => kernel::getcpu().map(|(_, node)| node),
    }
}

/// Returns the calling thread's concurrency id: below the number of threads of the process, and
/// below that of its CPUs. None where the thread is not registered, or before Linux 6.3.
#[must_use]
#[inline]
pub fn mm_cid() -> Option<u32> {
    let area = Area::registered()?;
    (kernel::feature_size() >= 28).then(|| area.layout().mm_cid.load(Ordering::Relaxed))
}
