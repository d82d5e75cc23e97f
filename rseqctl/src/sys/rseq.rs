//! `sys_rseq` itself.
//!
//! # Safety
//!
//! An area that is registered is live, aligned and of the length that is
//! registered until it is unregistered or its thread ends.
#![allow(unsafe_code, reason = "see Safety above")]

use tls_model::rseq::{FLAG_UNREGISTER, arch};

/// The kernel's refusal.
pub type Errno = i32;

/// Registers an area for the calling thread.
///
/// # Errors
///
/// The kernel's errno; ENOSYS on an architecture that we know no number for.
///
/// # Safety
///
/// The kernel writes to the area for as long as the thread lives: it has to
/// live as long, or the registration to be taken back.
pub unsafe fn register(area: u64, length: u32, signature: u32) -> Result<(), Errno> {
    // SAFETY: as the caller promises.
    unsafe { call(area, length, 0, signature) }
}

/// Takes a registration of the calling thread back.
///
/// # Errors
///
/// The kernel's errno: EINVAL where it holds another area or none.
pub fn unregister(area: u64, length: u32, signature: u32) -> Result<(), Errno> {
    // SAFETY: the kernel stops writing to an area that it holds, and only to
    // that.
    unsafe { call(area, length, FLAG_UNREGISTER, signature) }
}

/// Returns what the kernel's result means.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn answer(result: i64) -> Result<(), Errno> {
    match result {
        0 => Ok(()),
        errno => Err(-errno as Errno),
    }
}

/// Makes the system call by the instruction: `syscall(3)` is the shim's to answer.
#[cfg(target_arch = "x86_64")]
unsafe fn call(area: u64, length: u32, flags: u32, signature: u32) -> Result<(), Errno> {
    let native = arch::native().ok_or(libc::ENOSYS)?;
    let result: i64;
    // SAFETY: the kernel's convention for registers; the area is the caller's
    // promise.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") i64::from(native.syscall) => result,
            in("rdi") area,
            in("rsi") u64::from(length),
            in("rdx") u64::from(flags),
            in("r10") u64::from(signature),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer(result)
}

/// Makes the system call by the instruction, as its namesake for x86-64.
#[cfg(target_arch = "aarch64")]
unsafe fn call(area: u64, length: u32, flags: u32, signature: u32) -> Result<(), Errno> {
    let native = arch::native().ok_or(libc::ENOSYS)?;
    let result: i64;
    // SAFETY: the kernel's convention for registers; the area is the caller's
    // promise.
    unsafe {
        std::arch::asm!(
            "svc #0",
            in("x8") u64::from(native.syscall),
            inlateout("x0") area.cast_signed() => result,
            in("x1") u64::from(length),
            in("x2") u64::from(flags),
            in("x3") u64::from(signature),
            options(nostack),
        );
    }
    answer(result)
}

/// Makes the system call by `syscall(3)`.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn call(area: u64, length: u32, flags: u32, signature: u32) -> Result<(), Errno> {
    let native = arch::native().ok_or(libc::ENOSYS)?;
    // SAFETY: the area is the caller's promise.
    let result = unsafe {
        libc::syscall(
            native.syscall as libc::c_long,
            area,
            length,
            flags,
            signature,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EINVAL))
    }
}
