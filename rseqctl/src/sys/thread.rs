//! The calling thread.

use std::hint::black_box;
use std::time::Instant;

use tls_model::rseq::{FLAG_UNREGISTER, ORIGINAL_LENGTH, arch};

/// The kernel's id of the calling thread.
#[must_use]
pub fn id() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// The thread pointer. Like the shim, the command is written for x86_64 so far.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn pointer() -> u64 {
    let pointer: u64;
    // SAFETY: the psABI keeps the thread pointer's own value at %fs:0.
    unsafe {
        std::arch::asm!(
            "mov {}, qword ptr fs:[0]",
            out(reg) pointer,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    pointer
}

/// Whose area the kernel holds for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// None that we know of.
    Nobody,
    /// `__rseq_abi`.
    Shared,
    /// glibc's own.
    Libc,
    /// `sys_rseq` does not answer.
    Denied,
}

impl Registration {
    const ALL: [Self; 4] = [Self::Nobody, Self::Shared, Self::Libc, Self::Denied];

    /// One word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Shared => "shared",
            Self::Libc => "libc",
            Self::Denied => "denied",
        }
    }

    /// The registration of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|registration| registration.name() == name)
    }
}

/// Which of two areas the kernel holds for the calling thread, and its address:
/// registering an area again is answered EBUSY for the one that it holds.
#[must_use]
pub fn registration(shared: Option<u64>, libc: Option<u64>) -> (Registration, u64) {
    for (candidate, registration) in [(shared, Registration::Shared), (libc, Registration::Libc)] {
        let Some(area) = candidate else {
            continue;
        };
        match rseq(area, 0) {
            // nobody had registered anything: take it back
            0 => {
                rseq(area, FLAG_UNREGISTER);
                return (Registration::Nobody, 0);
            }
            error if error == -i64::from(libc::EBUSY) => return (registration, area),
            error if error == -i64::from(libc::EINVAL) => {}
            _ => return (Registration::Denied, 0),
        }
    }
    (Registration::Nobody, 0)
}

/// `sys_rseq` by the instruction itself: `syscall(3)` is the shim's to answer.
#[cfg(target_arch = "x86_64")]
fn rseq(area: u64, flags: u32) -> i64 {
    let Some(native) = arch::native() else {
        return -i64::from(libc::ENOSYS);
    };
    let result;
    // SAFETY: an area in the calling thread's static TLS or control block,
    // which lives as long as the thread; the kernel's convention for registers.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") i64::from(native.syscall) => result,
            in("rdi") area,
            in("rsi") u64::from(ORIGINAL_LENGTH),
            in("rdx") u64::from(flags),
            in("r10") u64::from(native.signature),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Nanoseconds that one `sched_getcpu` takes on the calling thread: the best of
/// `rounds` rounds of `calls` calls.
#[must_use]
pub fn cost_of_sched_getcpu(rounds: u32, calls: u32) -> f64 {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                // SAFETY: no arguments.
                black_box(unsafe { libc::sched_getcpu() });
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .fold(f64::INFINITY, f64::min)
}
