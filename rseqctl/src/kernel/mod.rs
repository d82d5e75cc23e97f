//! What this kernel does with rseq: tried in children, and remembered for one
//! boot.

mod answer;
mod selftest;

pub use answer::{Behaviour, Keep, NotKnown, Origin, PATIENT, QUICK, Rank, probe_kernel, remember};
pub use selftest::{
    Abort, Aborts, Answers, Extent, Field, Fields, Length, NotSeen, Refusal, SelfTest, self_test,
};
