//! Areas of our own, to be registered by a process that is made for it.

use std::ptr::{read_volatile, write_volatile};

use tls_model::rseq::{CPU_ID_UNINITIALIZED, Rseq, arch};

use super::rseq::{self, Errno};

/// What a thread registers, aligned for every kernel, with room behind the
/// fields that we know. It is never freed: the kernel may write to it.
#[repr(C, align(4096))]
struct Page {
    rseq: Rseq,
    rest: [u8; 4096 - size_of::<Rseq>()],
}

/// An area that lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub struct Area(*mut Rseq);

/// What stands in a field until the kernel writes to it.
pub const UNTOUCHED: u32 = 0xaaaa_aaaa;

impl Area {
    /// A fresh one. `node_id` and `mm_cid` hold [`UNTOUCHED`].
    #[must_use]
    pub fn new() -> Self {
        let page = Box::leak(Box::new(Page {
            rseq: Rseq {
                cpu_id_start: 0,
                cpu_id: CPU_ID_UNINITIALIZED,
                rseq_cs: 0,
                flags: 0,
                node_id: UNTOUCHED,
                mm_cid: UNTOUCHED,
                slice_ctrl: 0,
            },
            rest: [0; 4096 - size_of::<Rseq>()],
        }));
        Self((&raw mut *page).cast())
    }

    /// Its address.
    #[must_use]
    pub fn address(self) -> u64 {
        self.0.expose_provenance() as u64
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

    /// As [`Self::register`], with a signature of the caller's choice.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn register_with(self, length: u32, signature: u32) -> Result<(), Errno> {
        if length as usize > size_of::<Page>() {
            return Err(libc::EINVAL);
        }
        // SAFETY: never freed, and long enough.
        unsafe { rseq::register(self.address(), length, signature) }
    }

    /// `cpu_id_start` now.
    #[must_use]
    pub fn cpu_id_start(self) -> u32 {
        // SAFETY: a field of a live area, which the kernel may change.
        unsafe { read_volatile(&raw const (*self.0).cpu_id_start) }
    }

    /// Changes `cpu_id_start`, as TCMalloc does.
    pub fn set_cpu_id_start(self, value: u32) {
        // SAFETY: a field of a live area.
        unsafe { write_volatile(&raw mut (*self.0).cpu_id_start, value) };
    }

    /// `cpu_id` now.
    #[must_use]
    pub fn cpu_id(self) -> u32 {
        // SAFETY: a field of a live area, which the kernel may change.
        unsafe { read_volatile(&raw const (*self.0).cpu_id) }
    }

    /// `node_id` and `mm_cid` now.
    #[must_use]
    pub fn node_id_and_mm_cid(self) -> (u32, u32) {
        // SAFETY: fields of a live area, which the kernel may change.
        let node = unsafe { read_volatile(&raw const (*self.0).node_id) };
        // SAFETY: likewise.
        (node, unsafe { read_volatile(&raw const (*self.0).mm_cid) })
    }

    /// The area itself, for the assembly.
    pub(super) fn pointer(self) -> *mut Rseq {
        self.0
    }
}

impl Default for Area {
    fn default() -> Self {
        Self::new()
    }
}
