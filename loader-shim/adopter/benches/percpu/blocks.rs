//! Blocks of memory in a free list.
//!
//! # Safety
//!
//! What this module owes: blocks are never freed, and given back once for each time that
//! they were taken.

#![allow(unsafe_code, reason = "a free list takes pointers")]

use std::ptr::NonNull;

use rseq_abi::percpu::{FreeList, Node};

#[repr(C)]
struct Block {
    link: usize,
    content: u64,
}

// SAFETY: it begins with a word of its own for the list, and nobody reads that.
unsafe impl Node for Block {}

static LIST: FreeList<Block, 256> = FreeList::new();

/// A new block, where the CPU has none.
fn block() -> NonNull<Block> {
    NonNull::from(Box::leak(Box::new(Block {
        link: 0,
        content: 0,
    })))
}

/// Takes a block, writes to it, and gives it back.
pub fn take_and_give_back() {
    let node = LIST.pop().unwrap_or_else(block);
    // SAFETY: taken, so nobody else's, and never freed.
    unsafe { (*node.as_ptr()).content += 1 };
    // SAFETY: likewise.
    unsafe { LIST.push(node) };
}
