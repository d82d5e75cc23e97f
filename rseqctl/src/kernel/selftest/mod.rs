//! The self-test: what this kernel does with rseq, seen and not looked up.
//!
//! Every experiment runs in a child of its own, for a bounded time, because
//! some kernels kill what they find wrong. The child takes back the
//! registration that it has inherited from us and makes its own.

mod answers;
mod bench;
mod fields;
mod obstacle;
mod sections;
mod seen;

use std::time::Duration;

use tls_model::rseq::ORIGINAL_LENGTH;

use crate::sys::{machine, section};

use bench::Bench;
pub use seen::{
    Abort, Aborts, Answers, Extent, Field, Fields, Length, NotSeen, Refusal, SIGNAL_TELLS, SelfTest,
};

/// Runs the self-test within `limit`; what is not done by then is not seen.
#[must_use]
pub fn self_test(extent: Extent, limit: Duration) -> SelfTest {
    let mut bench = Bench::new(limit);
    let refused = bench.first_refusal();
    let mut lengths = Vec::new();
    if refused.is_none() {
        let mut tested = vec![ORIGINAL_LENGTH];
        if extent == Extent::Whole {
            tested.extend(machine::rseq_feature_size().filter(|&size| size > ORIGINAL_LENGTH));
        }
        lengths.extend(
            tested
                .into_iter()
                .map(|length| test_length(&mut bench, length, extent)),
        );
    }
    SelfTest {
        refused,
        lengths,
        not_seen: bench.not_seen,
        milliseconds: u32::try_from(bench.started.elapsed().as_millis()).unwrap_or(u32::MAX),
    }
}

/// Tests registrations of one length.
fn test_length(bench: &mut Bench, length: u32, extent: Extent) -> Length {
    let answers = answers::ask(bench, length);
    let cpu_id_start = fields::watch(bench, length, extent);
    let aborts = if !answers.granted() {
        sections::none()
    } else if section::IS_WRITTEN {
        sections::watch(bench, length, extent)
    } else {
        bench.not_seen(length, "aborts", "not written for this architecture");
        sections::none()
    };
    Length {
        length,
        answers,
        cpu_id_start,
        aborts,
    }
}
