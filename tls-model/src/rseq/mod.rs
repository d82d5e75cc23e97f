//! The rseq ABI: layouts, constants and what differs per architecture.
//!
//! Sources: `include/uapi/linux/rseq.h`, `auxvec.h`, `membarrier.h`, `prctl.h`
//! and `ptrace.h` of Linux (4.18 for the system call; later additions say so).

pub mod arch;

/// The symbol that libraries share: one initial-exec TLS variable per thread
/// that holds the [`Rseq`] area.
pub const ABI_SYMBOL: &str = "__rseq_abi";

/// The area that a thread registers with the kernel (`struct rseq`).
///
/// Offsets and sizes in bytes. The first 32 are the layout of Linux 4.18, which
/// every kernel accepts; what follows belongs to later kernels.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug)]
pub struct Rseq {
    /// Offset 0. The CPU number, always a valid index; 0 before registration.
    pub cpu_id_start: u32,
    /// Offset 4. The CPU number, or [`CPU_ID_UNINITIALIZED`], or
    /// [`CPU_ID_REGISTRATION_FAILED`].
    pub cpu_id: u32,
    /// Offset 8. Address of the active [`RseqCs`], or 0.
    pub rseq_cs: u64,
    /// Offset 16. `RSEQ_CS_FLAG_*`; from Linux 7.0 on also slice extension bits.
    pub flags: u32,
    /// Offset 20. NUMA node (Linux 6.3).
    pub node_id: u32,
    /// Offset 24. Per-process concurrency id (Linux 6.3).
    pub mm_cid: u32,
    /// Offset 28. Time-slice extension: request, granted, reserved (Linux 7.0).
    pub slice_ctrl: u32,
}

/// Describes one critical section to the kernel (`struct rseq_cs`, 32 bytes,
/// 32-byte aligned). The four bytes before `abort_ip` hold the signature.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug)]
pub struct RseqCs {
    /// Offset 0. Always 0.
    pub version: u32,
    /// Offset 4. `RSEQ_CS_FLAG_NO_RESTART_*`; 0 in code for Linux 6.1 and later.
    pub flags: u32,
    /// Offset 8. Address of the first instruction.
    pub start_ip: u64,
    /// Offset 16. Bytes from `start_ip` to the end of the committing instruction.
    pub post_commit_offset: u64,
    /// Offset 24. Where the kernel sends the thread when the section aborts.
    pub abort_ip: u64,
}

/// Length in bytes that every kernel accepts for a registration, and the
/// smallest one: the layout of Linux 4.18.
///
/// From Linux 7.0.10 on it also selects the legacy mode, in which the kernel
/// rewrites `cpu_id_start` as it did before 6.19.
pub const ORIGINAL_LENGTH: u32 = 32;

/// Alignment in bytes that every kernel demands of an area of
/// [`ORIGINAL_LENGTH`].
pub const ORIGINAL_ALIGN: u32 = 32;

/// `cpu_id` of an area that no kernel has seen (-1).
pub const CPU_ID_UNINITIALIZED: u32 = u32::MAX;

/// `cpu_id` of an area whose registration was refused (-2).
pub const CPU_ID_REGISTRATION_FAILED: u32 = u32::MAX - 1;

/// `sys_rseq` flag: unregister.
pub const FLAG_UNREGISTER: u32 = 1;

/// `sys_rseq` flag: slice extension on from the start (Linux 7.0).
pub const FLAG_SLICE_EXT_DEFAULT_ON: u32 = 2;

/// Auxiliary vector: bytes of `struct rseq` that the kernel fills (Linux 6.3).
pub const AT_RSEQ_FEATURE_SIZE: u64 = 27;

/// Auxiliary vector: alignment in bytes the kernel demands of an area longer
/// than [`ORIGINAL_LENGTH`] (Linux 6.3).
pub const AT_RSEQ_ALIGN: u64 = 28;

/// `ptrace` request: a thread's registration, as [`PtraceConfiguration`]
/// (Linux 5.13).
pub const PTRACE_GET_RSEQ_CONFIGURATION: u32 = 0x420f;

/// What [`PTRACE_GET_RSEQ_CONFIGURATION`] returns (24 bytes). An unregistered
/// thread has address 0; Linux 6.1 then still reports a size of 32.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PtraceConfiguration {
    /// Address of the registered area, or 0.
    pub rseq_abi_pointer: u64,
    /// Length of the registration in bytes.
    pub rseq_abi_size: u32,
    /// Signature given at registration.
    pub signature: u32,
    /// Always 0 so far.
    pub flags: u32,
    /// Padding, 0.
    pub pad: u32,
}

const _: () = {
    assert!(size_of::<Rseq>() == ORIGINAL_LENGTH as usize);
    assert!(core::mem::offset_of!(Rseq, rseq_cs) == 8);
    assert!(core::mem::offset_of!(Rseq, slice_ctrl) == 28);
    assert!(size_of::<RseqCs>() == 32);
    assert!(core::mem::offset_of!(RseqCs, abort_ip) == 24);
    assert!(size_of::<PtraceConfiguration>() == 24);
};
