//! The calling thread.
//!
//! # Safety
//!
//! The areas that are registered for a try are
//! unregistered before they go.
#![allow(unsafe_code, reason = "see Safety above")]

use std::hint::black_box;
use std::time::Instant;

use tls_model::rseq::{ORIGINAL_LENGTH, arch};

use super::dynamic::{self, LibcArea};
use super::rseq;

/// Returns the kernel's id of the calling thread.
#[must_use]
pub fn id() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
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

    /// Returns it as one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Shared => "shared",
            Self::Libc => "libc",
            Self::Denied => "denied",
        }
    }

    /// Returns the registration of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|registration| registration.name() == name)
    }
}

/// Returns which of two areas the kernel holds for the calling thread, and its address:
/// registering an area again is answered EBUSY for the one that it holds.
#[must_use]
pub fn registration(shared: Option<u64>, libc: Option<LibcArea>) -> (Registration, u64) {
    let shared = shared.map(|area| (area, ORIGINAL_LENGTH, Registration::Shared));
    let libc = libc.map(|libc| (libc.address, libc.length, Registration::Libc));
    let signature = arch::native().map_or(0, |arch| arch.signature);
    for (area, length, registration) in [shared, libc].into_iter().flatten() {
        // SAFETY: an area in the calling thread's static TLS or control block,
        // which lives as long as the thread.
        match unsafe { rseq::register(area, length, signature) } {
            // nobody had registered anything: take it back
            Ok(()) => {
                let _ = rseq::unregister(area, length, signature);
                return (Registration::Nobody, 0);
            }
            Err(libc::EBUSY) => return (registration, area),
            Err(libc::EINVAL) => {}
            Err(_) => return (Registration::Denied, 0),
        }
    }
    (Registration::Nobody, 0)
}

/// Returns the errno with which the kernel, or a filter, refuses any registration; asked
/// with arguments that no kernel takes, so that nothing changes.
#[must_use]
pub fn refusal() -> Option<rseq::Errno> {
    // SAFETY: a length of 0 is never registered.
    match unsafe { rseq::register(0, 0, 0) } {
        Ok(()) | Err(libc::EINVAL) => None,
        Err(errno) => Some(errno),
    }
}

/// Takes back whatever registration the calling thread has, if it is one that
/// we know: the libc's, or that of `__rseq_abi`.
pub fn release() {
    let signature = arch::native().map_or(0, |arch| arch.signature);
    if let Some(libc) = dynamic::libc_area() {
        let _ = rseq::unregister(libc.address, libc.length, signature);
        let _ = rseq::unregister(libc.address, ORIGINAL_LENGTH, signature);
    }
    if let Some(shared) = dynamic::address_of(c"__rseq_abi") {
        let _ = rseq::unregister(shared, ORIGINAL_LENGTH, signature);
    }
}

/// Returns the nanoseconds that one `sched_getcpu` takes on the calling thread: the best of
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
