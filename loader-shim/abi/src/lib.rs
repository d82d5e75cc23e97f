//! `librseq_abi.so`: the `__rseq_abi` TLS symbol of last resort, and the room that
//! the shim needs per thread.
//!
//! The 2017 model lets a thin library exist for the sole purpose of providing
//! the symbol. The preloaded shim only refers to `__rseq_abi` and lists this
//! library as DT_NEEDED, so that in the dynamic linker's breadth-first scope
//! the definition of the executable, or of a library it is linked with, comes
//! first. The library is marked DF_1_NODELETE: a definer is never unloaded.
//!
//! It may also be linked by programs that want the symbol without the shim.
//!
//! # Safety
//!
//! Two variables get the names and sections that others rely on; nothing else in a
//! process has these names and another meaning.

#![no_std]
#![deny(unsafe_code)]

use core::panic::PanicInfo;

/// Bytes of the area: the 33 that Linux 7.0 fills, and room to grow.
const AREA: usize = 128;

/// Alignment in bytes: what Linux 7.0 asks for (`AT_RSEQ_ALIGN`), and the most
/// that glibc's static TLS has to offer when a plugin brings this library by
/// dlopen.
const ALIGN: usize = 64;

/// `struct rseq` with room to grow: `cpu_id_start`, `cpu_id`, then zeroes.
#[repr(C, align(64))]
pub struct RseqArea([u32; AREA / size_of::<u32>()]);

const _: () = assert!(size_of::<RseqArea>() == AREA && align_of::<RseqArea>() == ALIGN);

/// Before anybody registers it: `cpu_id_start` 0, which is a valid index, and
/// `cpu_id` -1 (RSEQ_CPU_ID_UNINITIALIZED), which sends every user of rseq to
/// its slow path.
const UNREGISTERED: RseqArea = {
    let mut words = [0; AREA / size_of::<u32>()];
    words[1] = u32::MAX;
    RseqArea(words)
};

/// One area per thread.
///
/// Rust sees a plain static; the section's name makes it thread-local
/// (STT_TLS). No Rust code may touch it: its address as Rust computes it is
/// not the address of any thread's copy.
// SAFETY: the section `.tdata.*` holds the initial image of thread-local
// variables, which is what this static is; the name is the one that the ABI
// prescribes, and libraries are meant to interpose it.
#[allow(unsafe_code, reason = "a name and a section that others rely on")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".tdata.rseq")]
#[allow(non_upper_case_globals, reason = "the name is the ABI's")]
pub static __rseq_abi: RseqArea = UNREGISTERED;

/// What the shim counts per thread, beside the area: one library with thread-local
/// storage costs every new thread less than two.
// SAFETY: as `__rseq_abi`.
#[allow(unsafe_code, reason = "a name and a section that others rely on")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".tbss.rseq_shim")]
#[allow(non_upper_case_globals, reason = "a name of the C interface")]
pub static rseq_shim_thread: RseqShimThread = RseqShimThread([0; 4]);

/// The shim's words. Only the shim knows what is in them.
#[repr(C, align(8))]
pub struct RseqShimThread([u32; 4]);

/// Stops. There is no code that could panic; the compiler asks for a handler all the
/// same.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
