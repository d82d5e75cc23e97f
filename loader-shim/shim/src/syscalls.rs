//! `syscall(SYS_rseq, ...)`: clients that register themselves.
//!
//! TCMalloc and librseq go through the libc's `syscall`, so that is where a
//! client can be seen. A client that issues the instruction itself is not.

use core::ffi::{c_int, c_long, c_void};

use tls_model::rseq::{FLAG_UNREGISTER, Rseq};

use crate::next::Next;
use crate::{arch, kernel, owner, register, report};

/// Where `syscall` goes with every other number.
pub static SYSCALL: Next = Next::eager(b"syscall", syscall_by_instruction as *mut c_void);

unsafe extern "C" {
    safe fn __errno_location() -> *mut c_int;
}

/// A client's `sys_rseq`, answered in the libc's way: -1 and errno.
///
/// Where the shim has registered its area in this thread and the client brings
/// another, the shim's goes first and, if the kernel then grants the client's,
/// the client owns this thread and those to come.
///
/// # Safety
///
/// As the system call.
pub unsafe extern "C" fn client_rseq(
    area: *mut Rseq,
    length: u32,
    flags: u32,
    signature: u32,
) -> c_long {
    let registers = flags & FLAG_UNREGISTER == 0;
    let ours = owner::registers_threads();
    let stepped_back = registers && ours && area != arch::abi_area() && register::unregister();
    // SAFETY: the client answers for its area.
    let mut result = unsafe { kernel::rseq(area, length, flags, signature) };
    if registers
        && ours
        && is_registered_already(area, signature)
        && result == -libc::EINVAL as isize
    {
        // our area under another length: what the client wants is there
        result = -libc::EBUSY as isize;
    }
    if registers {
        report::client_call(result);
    }
    if stepped_back {
        report::taken_back();
        if result == 0 {
            owner::give_way_to_client();
        } else {
            register::now();
            report::registered();
        }
    }
    answer(result)
}

/// The client asks for the very area that the shim has registered in this
/// thread.
fn is_registered_already(area: *mut Rseq, signature: u32) -> bool {
    area == arch::abi_area() && signature == kernel::SIGNATURE && register::is_registered()
}

/// Serves callers that come before [`resolve`].
unsafe extern "C" fn syscall_by_instruction(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
) -> c_long {
    // SAFETY: the caller's own system call.
    answer(unsafe {
        arch::syscall6(
            number as usize,
            [first, second, third, fourth, fifth, sixth],
        )
    })
}

/// A system call's result in the libc's way.
pub fn answer(result: isize) -> c_long {
    if (-4095..0).contains(&result) {
        // SAFETY: the calling thread's errno.
        unsafe { *__errno_location() = -result as c_int };
        return -1;
    }
    result as c_long
}
