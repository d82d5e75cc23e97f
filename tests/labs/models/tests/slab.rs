//! Two threads at the slab: every slot has one holder, and none is lost.
//!
//! # Safety
//!
//! What this module owes: it keeps what the source that it tries asks of its callers.

// by these names the shim's source finds its atomics and its memory
use rseq_lab_models::{kernel, orders as atomic};

use atomic::{every_order, spawn};

#[path = "../../../../loader-shim/shim/src/slab.rs"]
mod slab;

mod job;

use job::job;
use slab::Slot;

fn take(number: usize) -> &'static Slot {
    slab::take(job(number)).expect("there is memory")
}

/// Gives a slot back, and sees that it holds what this holder has put there.
#[expect(unsafe_code, reason = "slots are given once")]
fn give(slot: &'static Slot, number: usize) {
    // SAFETY: each caller has it from `take`, and gives it once.
    let found = unsafe { slab::give(slot) };
    assert!(found.is(&job(number)), "another holder has written into it");
}

/// Takes what is there, `count` slots, and sees that they are as many different ones.
fn all_different(count: usize) {
    let slots: Vec<_> = (0..count).map(take).collect();
    for (number, slot) in slots.iter().enumerate() {
        let same = slots.iter().filter(|other| std::ptr::eq(**other, *slot));
        assert_eq!(same.count(), 1, "slot {number} has two holders");
    }
    for (number, slot) in slots.into_iter().enumerate() {
        give(slot, number);
    }
}

#[test]
fn creators_and_their_threads() {
    every_order(3, || {
        let first = take(1);
        // one thread gives what its creator has filled, while another creator takes
        let child = spawn(move || give(first, 1));
        let second = take(2);
        give(second, 2);
        child.join();
        all_different(3);
    });
}

#[test]
fn two_creators_at_once() {
    every_order(3, || {
        let other = spawn(|| give(take(1), 1));
        give(take(2), 2);
        other.join();
        all_different(3);
    });
}

/// The head of the free stack is the same again, and what is below it is not.
#[test]
fn a_slot_that_was_taken_and_returned_in_between() {
    every_order(3, || {
        let (below, top) = (take(1), take(2));
        give(below, 1);
        give(top, 2);
        let other = spawn(|| {
            let top = take(3);
            let below = take(4);
            give(top, 3);
            below
        });
        let mine = take(5);
        let below = other.join();
        assert!(!std::ptr::eq(mine, below), "one slot has two holders");
        give(below, 4);
        give(mine, 5);
        all_different(3);
    });
}

/// The model's first chunk has two slots, so both creators may map the next one.
#[test]
fn two_creators_need_the_next_chunk() {
    every_order(3, || {
        let (first, second) = (take(1), take(2));
        let other = spawn(|| take(3));
        let mine = take(4);
        let others = other.join();
        assert!(!std::ptr::eq(mine, others), "one slot has two holders");
        for (slot, number) in [(first, 1), (second, 2), (others, 3), (mine, 4)] {
            give(slot, number);
        }
        all_different(5);
    });
}

#[test]
fn a_slot_at_hand_is_one_of_the_first_chunk() {
    every_order(3, || {
        assert!(
            slab::take_at_hand(job(0)).is_none(),
            "none was returned yet"
        );
        let first = take(1);
        let child = spawn(move || give(first, 1));
        let mine = slab::take_at_hand(job(2));
        child.join();
        if let Some(slot) = mine {
            assert!(std::ptr::eq(slot, first));
            give(slot, 2);
        }
        all_different(2);
    });
}

#[test]
fn what_was_given_back_is_at_hand() {
    every_order(1, || {
        let slot = take(1);
        give(slot, 1);
        let again = slab::take_at_hand(job(2)).expect("it was given back");
        give(again, 2);
    });
}

#[test]
fn what_was_given_back_is_taken_again() {
    every_order(1, || {
        let addresses = |slots: [&'static Slot; 2]| {
            let mut addresses = slots.map(|slot| std::ptr::from_ref(slot).addr());
            addresses.sort_unstable();
            addresses
        };
        let (one, other) = (take(1), take(2));
        give(one, 1);
        give(other, 2);
        let again = [take(3), take(4)];
        assert_eq!(addresses(again), addresses([one, other]));
    });
}

/// The model's first chunk has two slots, the second four, the third eight.
#[test]
fn each_slot_lies_in_memory_that_is_there() {
    every_order(1, || {
        let _ = kernel::mapped();
        let (first, second) = (take(0), take(1));
        assert!(kernel::mapped().is_empty(), "the first chunk is there");
        let later: Vec<_> = (2..14).map(take).collect();
        let mapped = kernel::mapped();
        assert_eq!(mapped.len(), 2, "one for each chunk: {mapped:?}");
        for slot in &later {
            let start = std::ptr::from_ref(*slot).addr();
            let end = start + size_of::<Slot>();
            let is_inside = mapped.iter().any(|it| it.start <= start && end <= it.end);
            assert!(is_inside, "{start:#x} is not in {mapped:x?}");
        }
        for (number, slot) in [first, second].into_iter().chain(later).enumerate() {
            give(slot, number);
        }
        all_different(14);
    });
}

#[test]
fn a_job_is_its_function_and_its_argument() {
    let (one, other) = (job(1), job(2));
    assert!(one.is(&job(1)));
    assert!(!one.is(&other));
    assert!(!one.is(&job::with_another_function(1)));
    assert!(!one.is(&job::with_another_function(2)));
}
