//! Areas of our own, to be registered by a process that is made for it.
//!
//! # Safety
//!
//! The area is a live allocation of the size and alignment that the kernel asks
//! for, and outlives its registration.
#![allow(unsafe_code, reason = "see Safety above")]

use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering};

use tls_model::rseq::{CPU_ID_UNINITIALIZED, Rseq, arch};

use super::rseq::{self, Errno};

/// Bytes of a [`Page`].
const SIZE: usize = 4096;

/// What a thread registers, word by word: aligned for every kernel, with room
/// behind the fields that we know. The kernel writes to it as another thread
/// would. It is never freed.
#[repr(C, align(4096))]
#[derive(Debug)]
struct Page([AtomicU32; SIZE / 4]);

/// An area that lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub struct Area(&'static Page);

/// What stands in a field until the kernel writes to it.
pub const UNTOUCHED: u32 = 0xaaaa_aaaa;

const CPU_ID_START: usize = offset_of!(Rseq, cpu_id_start) / 4;
const CPU_ID: usize = offset_of!(Rseq, cpu_id) / 4;
const NODE_ID: usize = offset_of!(Rseq, node_id) / 4;
const MM_CID: usize = offset_of!(Rseq, mm_cid) / 4;

impl Area {
    /// Returns a fresh one. `node_id` and `mm_cid` hold [`UNTOUCHED`].
    #[must_use]
    pub fn new() -> Self {
        let page = Page([const { AtomicU32::new(0) }; SIZE / 4]);
        let area = Self(Box::leak(Box::new(page)));
        area.set(CPU_ID, CPU_ID_UNINITIALIZED);
        area.set(NODE_ID, UNTOUCHED);
        area.set(MM_CID, UNTOUCHED);
        area
    }

    /// Returns its address.
    #[must_use]
    pub fn address(self) -> u64 {
        self.0.0.as_ptr().expose_provenance() as u64
    }

    /// Registers it for the calling thread, with the signature of this machine.
    ///
    /// # Errors
    ///
    /// The kernel's errno; EINVAL as well for a length that is longer than the
    /// area.
    pub fn register(self, length: u32) -> Result<(), Errno> {
        self.register_with(length, arch::native().map_or(0, |arch| arch.signature))
    }

    /// Registers it as [`Self::register`] does, with a signature of the caller's choice.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn register_with(self, length: u32, signature: u32) -> Result<(), Errno> {
        if length as usize > SIZE {
            return Err(libc::EINVAL);
        }
        // SAFETY: never freed, and long enough.
        unsafe { rseq::register(self.address(), length, signature) }
    }

    /// Returns `cpu_id_start` now.
    #[must_use]
    pub fn cpu_id_start(self) -> u32 {
        self.get(CPU_ID_START)
    }

    /// Changes `cpu_id_start`, as TCMalloc does.
    pub fn set_cpu_id_start(self, value: u32) {
        self.set(CPU_ID_START, value);
    }

    /// Returns `cpu_id` now.
    #[must_use]
    pub fn cpu_id(self) -> u32 {
        self.get(CPU_ID)
    }

    /// Returns `node_id` and `mm_cid` now.
    #[must_use]
    pub fn node_id_and_mm_cid(self) -> (u32, u32) {
        (self.get(NODE_ID), self.get(MM_CID))
    }

    fn get(self, word: usize) -> u32 {
        self.0.0[word].load(Ordering::SeqCst)
    }

    fn set(self, word: usize, value: u32) {
        self.0.0[word].store(value, Ordering::SeqCst);
    }
}

impl Default for Area {
    fn default() -> Self {
        Self::new()
    }
}
