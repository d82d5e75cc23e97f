//! The calling thread.

use std::hint::black_box;
use std::time::Instant;

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
