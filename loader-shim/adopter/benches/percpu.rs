//! A number and a free list that many threads use: per CPU, and with atomics.

#![deny(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use rseq_abi::percpu::Counter;

fn main() {
    let registration = rseq_abi::register_current_thread();
    println!(
        "registered: {} ({})",
        rseq_abi::is_registered(),
        registration.map_or_else(|error| error.to_string(), |_| "granted".to_owned())
    );
    divan::main();
}

const THREADS: [usize; 3] = [1, 2, 4];
/// Enough that the threads of a sample run at the same time.
const ADDS: u64 = 500_000;

#[divan::bench(threads = THREADS, sample_count = 24)]
fn per_cpu(bencher: Bencher) {
    static COUNTER: Counter<256> = Counter::new();
    bencher.bench(|| {
        for _ in 0..ADDS {
            COUNTER.add(1);
        }
    });
}

#[divan::bench(threads = THREADS, sample_count = 24)]
fn one_atomic(bencher: Bencher) {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    bencher.bench(|| {
        for _ in 0..ADDS {
            COUNTER.fetch_add(1, Ordering::Relaxed);
        }
    });
}

#[divan::bench(threads = THREADS, sample_count = 24)]
fn one_mutex(bencher: Bencher) {
    static COUNTER: Mutex<u64> = Mutex::new(0);
    bencher.bench(|| {
        for _ in 0..ADDS {
            *COUNTER.lock().unwrap() += 1;
        }
    });
}
