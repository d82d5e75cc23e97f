//! What the crate does in a library, for programs that are not written in Rust.

use std::ffi::c_int;

use rseq_abi::percpu::Counter;

static COUNTER: Counter<64> = Counter::new();

/// Counts a thousand times, and says whether the thread was registered meanwhile: 1, 0
/// where the crate had to do without, or a negative errno that it was given.
#[unsafe(no_mangle)]
extern "C" fn adopts_count() -> c_int {
    let registration = rseq_abi::register_current_thread();
    for _ in 0..1000 {
        COUNTER.add(1);
    }
    match registration {
        Ok(_) => c_int::from(rseq_abi::is_registered()),
        Err(rseq_abi::NotRegistered::Refused(errno)) if !rseq_abi::is_registered() => -errno,
        Err(_) => c_int::from(rseq_abi::is_registered()),
    }
}

/// What all have counted.
#[unsafe(no_mangle)]
extern "C" fn adopts_sum() -> u64 {
    COUNTER.sum()
}

/// Where the calling thread's `__rseq_abi` is for the crate.
#[unsafe(no_mangle)]
extern "C" fn adopts_area() -> usize {
    rseq_abi::Area::of_symbol().map_or(0, rseq_abi::Area::address)
}
