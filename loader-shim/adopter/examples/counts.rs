//! Threads count together, and take nodes from a list that they share. Prints whether
//! nothing was lost, and whether the kernel's critical sections did it.
//!
//!     cargo run --example counts --features define
//!
//! # Safety
//!
//! What this program owes: a block is in the list once, and never freed.

#![deny(unsafe_code)]

use std::collections::HashSet;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rseq_abi::percpu::{Counter, FreeList, Node};

static COUNTER: Counter<64> = Counter::new();
static LIST: FreeList<Block, 64> = FreeList::new();

const THREADS: usize = 4;
const ROUNDS: u64 = 100_000;
const BLOCKS: usize = 100;

/// What is handed out and given back.
#[repr(C)]
struct Block {
    link: usize,
    used: AtomicU64,
}

// SAFETY: `repr(C)`, and begins with a word that only the list uses.
#[allow(unsafe_code, reason = "the list writes to a block's first word")]
unsafe impl Node for Block {}

fn give_back(block: NonNull<Block>) {
    // SAFETY: new, or taken from the list, and never freed.
    #[allow(unsafe_code, reason = "a block must not be in the list twice")]
    unsafe {
        LIST.push(block);
    }
}

fn use_block(block: NonNull<Block>) {
    // SAFETY: never freed; nobody writes to more than its link.
    #[allow(unsafe_code, reason = "what a block holds is read")]
    let block = unsafe { block.as_ref() };
    // not atomic as a whole: two threads with one block would lose uses
    let used = block.used.load(Ordering::Relaxed);
    block.used.store(used + 1, Ordering::Relaxed);
}

fn work() -> (bool, u64) {
    let _registration = rseq_abi::register_current_thread();
    let mut uses = 0;
    for _ in 0..ROUNDS {
        COUNTER.add(1);
        if let Some(block) = LIST.pop() {
            use_block(block);
            uses += 1;
            give_back(block);
        }
    }
    (rseq_abi::is_registered(), uses)
}

fn main() {
    let blocks: Vec<Block> = (0..BLOCKS)
        .map(|_| Block {
            link: 0,
            used: AtomicU64::new(0),
        })
        .collect();
    let blocks: &'static [Block] = blocks.leak();
    let different: HashSet<_> = blocks.iter().map(NonNull::from).collect();
    for block in &different {
        give_back(*block);
    }
    let threads: Vec<_> = (0..THREADS).map(|_| thread::spawn(work)).collect();
    let (mut registered, mut uses) = (true, 0);
    for thread in threads {
        let (is_registered, more) = thread.join().expect("a thread that counts");
        registered &= is_registered;
        uses += more;
    }
    let seen: u64 = blocks
        .iter()
        .map(|block| block.used.load(Ordering::Relaxed))
        .sum();
    println!("registered {registered}");
    println!("counted {} of {}", COUNTER.sum(), THREADS as u64 * ROUNDS);
    println!("used {seen} of {uses}");
}
