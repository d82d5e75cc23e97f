//! Nothing is lost and nothing is counted twice, however often threads are preempted,
//! interrupted and moved: with the libc's registration, with one's own, and without.

#![deny(unsafe_code)]

use std::collections::HashSet;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rseq_abi::percpu::{Counter, FreeList, Node};

#[path = "exact/system.rs"]
mod system;

/// More threads than processors, so that they preempt each other.
fn threads() -> usize {
    4 * system::processors()
}

/// Runs `act` in many threads, of which each is moved about and interrupted.
fn hammer(act: impl Fn(usize) + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads())
            .map(|number| {
                let act = &act;
                scope.spawn(move || {
                    let _registration = rseq_abi::register_current_thread();
                    act(number);
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                system::interrupt_all();
                thread::sleep(std::time::Duration::from_micros(50));
            }
        });
        for worker in workers {
            worker.join().expect("a worker");
        }
        done.store(true, Ordering::Relaxed);
    });
}

const ROUNDS: u64 = 200_000;

#[test]
fn a_counter_is_exact() {
    static COUNTER: Counter<64> = Counter::new();
    static FEW: Counter<1> = Counter::new();

    hammer(|number| {
        for round in 0..ROUNDS {
            COUNTER.add(1);
            FEW.add(2);
            if round % 10_000 == 0 {
                system::move_to(number + round as usize);
            }
        }
    });
    assert_eq!(COUNTER.sum(), ROUNDS * threads() as u64);
    assert_eq!(FEW.sum(), 2 * ROUNDS * threads() as u64);
}

#[test]
fn a_free_list_keeps_every_node_once() {
    #[repr(C)]
    struct Thing {
        link: usize,
        held: AtomicBool,
    }
    system::node!(Thing);

    static LIST: FreeList<Thing, 64> = FreeList::new();
    let things: Vec<Thing> = (0..1000)
        .map(|_| Thing {
            link: 0,
            held: AtomicBool::new(false),
        })
        .collect();
    let things: &'static [Thing] = things.leak();
    for thing in things {
        system::push(&LIST, NonNull::from(thing));
    }
    hammer(|number| {
        for round in 0..ROUNDS / 4 {
            let Some(thing) = LIST.pop() else { continue };
            let held = &system::node_of(thing).held;
            assert!(!held.swap(true, Ordering::Relaxed), "handed out twice");
            held.store(false, Ordering::Relaxed);
            system::push(&LIST, thing);
            if round % 10_000 == 0 {
                system::move_to(number + round as usize);
            }
        }
    });
    let mut found = HashSet::new();
    for cpu in 0..system::processors() {
        system::move_to(cpu);
        while let Some(thing) = LIST.pop() {
            assert!(found.insert(thing), "in the lists twice");
        }
    }
    assert_eq!(found.len(), things.len());
}

#[test]
fn it_says_where_the_thread_runs() {
    let _registration = rseq_abi::register_current_thread();
    system::move_to(0);
    assert_eq!(rseq_abi::current_cpu(), Some(0));
    assert!(rseq_abi::current_node().is_some());
    if rseq_abi::is_registered() {
        let cid = rseq_abi::mm_cid();
        assert!(cid.is_none_or(|cid| cid < 4096), "{cid:?}");
    } else {
        assert_eq!(rseq_abi::mm_cid(), None);
    }
}

#[test]
fn a_registration_nests() {
    let first = rseq_abi::register_current_thread();
    let was = rseq_abi::is_registered();
    assert_eq!(first.is_ok(), was, "{first:?}");
    drop(rseq_abi::register_current_thread());
    assert_eq!(rseq_abi::is_registered(), was);
}
