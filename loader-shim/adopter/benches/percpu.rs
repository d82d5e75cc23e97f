//! A number and a free list that many threads use: per CPU, and with atomics.

#![deny(unsafe_code)]

#[path = "percpu/blocks.rs"]
mod blocks;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

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

/// A node is taken and given back so many times.
const TURNS: u32 = 200_000;

#[divan::bench(threads = THREADS, sample_count = 24)]
fn per_cpu_list(bencher: Bencher) {
    bencher.bench(|| {
        for _ in 0..TURNS {
            blocks::take_and_give_back();
        }
    });
}

/// A list that threads change by compare and exchange: places of an array, with a number
/// beside the head that changes each time, so that a head that has come back is noticed.
struct Stack {
    head: AtomicU64,
    next: [AtomicU32; 64],
}

/// No place.
const END: u32 = u32::MAX;

impl Stack {
    fn pop(&self) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let place = head as u32;
            if place == END {
                return None;
            }
            let next = self.next[place as usize].load(Ordering::Relaxed);
            match self.exchange(head, next) {
                Ok(_) => return Some(place),
                Err(now) => head = now,
            }
        }
    }

    fn push(&self, place: u32) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            self.next[place as usize].store(head as u32, Ordering::Relaxed);
            match self.exchange(head, place) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn exchange(&self, head: u64, place: u32) -> Result<u64, u64> {
        let new = ((head >> 32).wrapping_add(1) << 32) | u64::from(place);
        self.head
            .compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

#[divan::bench(threads = THREADS, sample_count = 24)]
fn list_of_atomics(bencher: Bencher) {
    static LIST: Stack = Stack {
        head: AtomicU64::new(END as u64),
        next: [const { AtomicU32::new(END) }; 64],
    };
    if LIST.head.load(Ordering::Relaxed) == u64::from(END) {
        (0..64).for_each(|place| LIST.push(place));
    }
    bencher.bench(|| {
        for _ in 0..TURNS {
            if let Some(place) = LIST.pop() {
                LIST.push(place);
            }
        }
    });
}

#[divan::bench(threads = THREADS, sample_count = 24)]
fn list_with_mutex(bencher: Bencher) {
    static LIST: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    LIST.lock().unwrap().extend(0..64);
    bencher.bench(|| {
        for _ in 0..TURNS {
            let place = LIST.lock().unwrap().pop();
            LIST.lock().unwrap().extend(place);
        }
    });
}
