//! Two threads keep jobs: each pair of function and argument has one place, whoever
//! was first.
//!
//! # Safety
//!
//! What this module owes: it keeps what the source that it tries asks of its callers.

// by these names the shim's source finds its atomics and its memory
use rseq_lab_models::{kernel, orders as atomic};

use atomic::{every_order, spawn};

/// As the shim's: zeroed, and never given back.
mod arena {
    pub fn piece<T>() -> *mut T {
        crate::kernel::map_anonymous(size_of::<T>()).cast()
    }
}

#[path = "../../../../loader-shim/shim/src/kept.rs"]
mod kept;
#[path = "../../../../loader-shim/shim/src/slab.rs"]
#[expect(
    dead_code,
    reason = "the shim's own source, of which this uses the job"
)]
mod slab;

mod job;

use job::job;

/// Keeps a job and returns where, after a look whether it is this one.
#[expect(unsafe_code, reason = "a value that was just given out")]
fn keep(number: usize) -> usize {
    let value = kept::keep(job(number)).expect("there is memory").value();
    // SAFETY: a value of a kept job.
    let found = unsafe { kept::Kept::job(value) };
    assert!(found.is(&job(number)), "another job is kept there");
    value.addr()
}

#[test]
fn the_same_job_by_two_threads() {
    every_order(3, || {
        let other = spawn(|| keep(1));
        let mine = keep(1);
        assert_eq!(mine, other.join(), "one job has two places");
        assert_eq!(mine, keep(1));
    });
}

/// In the model the root has one place and a node two, so jobs meet at once.
#[test]
fn two_jobs_that_begin_at_one_place() {
    let (a, b, c) = (1, 2, 3);
    every_order(3, move || {
        let first = keep(a);
        let other = spawn(move || (keep(b), keep(c)));
        let mine = (keep(c), keep(b));
        let others = other.join();
        assert_eq!(mine, (others.1, others.0), "one job has two places");
        assert_eq!(first, keep(a), "a job that was kept has moved");
    });
}

/// Jobs of which one half of the key is the same, or would be if it were made with less
/// care, have places of their own all the same: the way to them ends.
#[test]
fn jobs_that_are_alike_are_told_apart() {
    let place = |job| kept::keep(job).expect("there is memory").value().addr();
    every_order(1, || {
        // one argument, all bits of which are set
        let (one, other) = (job(usize::MAX), job::with_another_function(usize::MAX));
        assert_ne!(place(one), place(other));
        // two arguments that make up for the difference of the functions
        let difference = one.start as usize ^ other.start as usize;
        let (one, other) = (
            job(0),
            job::with_another_function(difference.rotate_right(32)),
        );
        assert_ne!(place(one), place(other));
        assert_eq!(place(one), place(job(0)));
    });
}
