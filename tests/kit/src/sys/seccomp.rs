//! Seccomp filters that see one system call and let all others pass.
//!
//! # Safety
//!
//! [`Filter::install`] runs between fork and exec: it may only make system
//! calls on memory that was prepared before the fork.

use std::io;

use libc::{sock_filter, sock_fprog};
use tls_model::rseq::arch::Arch;

/// What the kernel does with a `sys_rseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop for the tracer.
    Trace,
    /// Answer with this `errno` and do nothing.
    Errno(i32),
    /// Kill the process (SIGSYS).
    Kill,
}

/// A filter for one architecture's `sys_rseq`.
#[derive(Clone, Copy)]
pub struct Filter([sock_filter; 6]);

/// Returns `AUDIT_ARCH_*`: the machine number with the flags for 64 bits and little
/// endian.
const fn audit_arch(arch: Arch) -> u32 {
    let wide = if arch.bits == 64 { 0x8000_0000 } else { 0 };
    arch.machine as u32 | wide | 0x4000_0000
}

impl Filter {
    /// Returns a filter that does `action` to `sys_rseq` on `arch`.
    #[must_use]
    pub fn new(arch: Arch, action: Action) -> Self {
        const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        // offsets in struct seccomp_data
        const NUMBER: u32 = 0;
        const ARCH: u32 = 4;

        let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
        let verdict = match action {
            Action::Trace => libc::SECCOMP_RET_TRACE,
            Action::Kill => libc::SECCOMP_RET_KILL_PROCESS,
            Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
        };
        Self([
            step(LOAD, 0, 0, ARCH),
            step(JUMP_IF_EQUAL, 0, 3, audit_arch(arch)),
            step(LOAD, 0, 0, NUMBER),
            step(JUMP_IF_EQUAL, 0, 1, arch.syscall),
            step(RETURN, 0, 0, verdict),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        ])
    }

    /// Installs the filter in the calling thread, for good.
    pub(super) fn install(&self) -> io::Result<()> {
        let program = sock_fprog {
            len: self.0.len() as u16,
            filter: self.0.as_ptr().cast_mut(),
        };
        no_new_privileges()?;
        // SAFETY: `program` points to `len` instructions that live in `self`;
        // the kernel copies them and writes nothing.
        let answer = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            )
        };
        if answer == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Gives up, for good, the right to gain privileges: the condition for a
/// seccomp filter.
fn no_new_privileges() -> io::Result<()> {
    // SAFETY: takes no pointers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
