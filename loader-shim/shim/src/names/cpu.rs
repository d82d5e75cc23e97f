//! `sched_getcpu` and `getcpu`, answered from the registered area.
//!
//! The libc answers from its own area only, so with its registration switched
//! off it would go through the vdso. `sched_getcpu` itself is assembly (`arch`):
//! two loads and a branch.

use core::ffi::{c_int, c_uint, c_void};
use core::mem::transmute;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use tls_model::rseq::CPU_ID_UNINITIALIZED;

use crate::next::Next;
use crate::{kernel, nesting, owner, register};

/// The libc's `sched_getcpu`.
pub static SCHED_GETCPU: Next =
    Next::eager(b"sched_getcpu", sched_getcpu_by_system_call as *mut c_void);

/// glibc 2.29 and later.
static GETCPU: Next = Next::lazy(b"getcpu");

/// Where `sched_getcpu` goes when the area holds no CPU number.
pub static UNREGISTERED: AtomicPtr<c_void> =
    AtomicPtr::new(sched_getcpu_by_system_call as *mut c_void);

/// The kernel writes `node_id` (Linux 6.3).
static HAS_NODE: AtomicBool = AtomicBool::new(false);

/// Bytes of the area that have to be in use for `node_id` to be among them.
const THROUGH_NODE: u32 = 24;

/// Settles what happens on threads that are not registered: where the shim
/// registers threads, they register now (threads of raw clone, the libc's own
/// helpers); elsewhere the libc answers.
pub fn enable(registers: bool, feature_size: Option<u32>) {
    let target = if registers {
        register_and_answer as *mut c_void
    } else {
        SCHED_GETCPU.current()
    };
    UNREGISTERED.store(target, Ordering::Relaxed);
    HAS_NODE.store(
        feature_size.is_some_and(|size| size >= THROUGH_NODE),
        Ordering::Relaxed,
    );
}

/// From now on threads that are not registered are the libc's to answer.
pub fn leave_to_libc() {
    UNREGISTERED.store(SCHED_GETCPU.current(), Ordering::Relaxed);
}

extern "C" fn register_and_answer() -> c_int {
    if register::cpu_id() == CPU_ID_UNINITIALIZED && owner::registers_threads() {
        nesting::hold();
    }
    let cpu = register::cpu_id() as c_int;
    if cpu >= 0 {
        return cpu;
    }
    // SAFETY: the libc's function of this type, or our own fallback.
    let libc =
        unsafe { transmute::<*mut c_void, extern "C" fn() -> c_int>(SCHED_GETCPU.current()) };
    libc()
}

/// Serves callers that come before the libc's function was found.
extern "C" fn sched_getcpu_by_system_call() -> c_int {
    let mut cpu = 0;
    // SAFETY: valid for the kernel's four bytes.
    let result = unsafe { kernel::getcpu(&raw mut cpu, core::ptr::null_mut()) };
    if result < 0 { -1 } else { cpu as c_int }
}

/// getcpu(3): same arguments, same answer.
///
/// # Safety
///
/// As getcpu(3): both pointers are null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getcpu(cpu: *mut c_uint, node: *mut c_uint) -> c_int {
    if register::is_registered() && (node.is_null() || HAS_NODE.load(Ordering::Relaxed)) {
        let (cpu_now, node_now) = place();
        if !cpu.is_null() {
            // SAFETY: the caller's pointer.
            unsafe { *cpu = cpu_now };
        }
        if !node.is_null() {
            // SAFETY: the caller's pointer.
            unsafe { *node = node_now };
        }
        return 0;
    }
    let libc = GETCPU.address();
    if !libc.is_null() {
        // SAFETY: the libc's function of this type.
        let libc = unsafe {
            transmute::<*mut c_void, unsafe extern "C" fn(*mut c_uint, *mut c_uint) -> c_int>(libc)
        };
        // SAFETY: the caller's own call.
        return unsafe { libc(cpu, node) };
    }
    // SAFETY: the caller's pointers; the kernel answers EFAULT for others.
    let result = unsafe { kernel::getcpu(cpu, node) };
    crate::syscalls::answer(result) as c_int
}

/// CPU and node that belong together: read again after a migration in between.
fn place() -> (u32, u32) {
    loop {
        let cpu = register::cpu_id();
        let node = register::node_id();
        if register::cpu_id() == cpu {
            return (cpu, node);
        }
    }
}
