//! How the kernel answers right and wrong calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tls_model::rseq::{CPU_ID_REGISTRATION_FAILED, ORIGINAL_ALIGN, ORIGINAL_LENGTH, arch};

use super::{Bench, number, why};
use crate::sys::area::{Area, UNTOUCHED};
use crate::sys::rseq;

/// The kernel's answers, 0 or an errno; null where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answers {
    /// A registration.
    pub registration: Option<i32>,
    /// The same once more: EBUSY (16).
    pub again: Option<i32>,
    /// With another length: EINVAL (22).
    pub other_length: Option<i32>,
    /// Of another area: EINVAL (22).
    pub other_area: Option<i32>,
    /// With another signature: EPERM (1).
    pub other_signature: Option<i32>,
    /// Taken back with another signature: EPERM (1).
    pub taken_back_wrongly: Option<i32>,
    /// Taken back.
    pub taken_back: Option<i32>,
    /// A length below 32: EINVAL (22).
    pub too_short: Option<i32>,
    /// After the registration `cpu_id` is the number of a processor.
    pub writes_cpu_id: Option<bool>,
    /// The kernel writes `node_id` and `mm_cid` (Linux 6.3).
    pub writes_node_id_and_mm_cid: Option<bool>,
}

impl Answers {
    /// A registration of this length is possible.
    #[must_use]
    pub fn granted(&self) -> bool {
        self.registration == Some(0)
    }

    /// Each wrong call that was not answered as the manual says: what it was,
    /// the answer, and what it should have been.
    #[must_use]
    pub fn surprises(&self) -> Vec<(&'static str, i32, i32)> {
        [
            ("the same registration again", self.again, libc::EBUSY),
            ("another length", self.other_length, libc::EINVAL),
            ("another area", self.other_area, libc::EINVAL),
            ("another signature", self.other_signature, libc::EPERM),
            (
                "unregistering with another signature",
                self.taken_back_wrongly,
                libc::EPERM,
            ),
            ("unregistering", self.taken_back, 0),
            ("a length below 32", self.too_short, libc::EINVAL),
        ]
        .into_iter()
        .filter_map(|(what, answer, expected)| Some((what, answer?, expected)))
        .filter(|(_, answer, expected)| answer != expected)
        .collect()
    }
}

pub(super) fn ask(bench: &mut Bench, length: u32) -> Answers {
    let told = bench.child(|area, notes| {
        let signature = arch::native().map_or(0, |arch| arch.signature);
        let errno = |answer: Result<(), i32>| answer.err().unwrap_or(0);
        let too_short = area.register(ORIGINAL_LENGTH / 2);
        notes.say("too_short", errno(too_short));
        let registration = area.register(length);
        notes.say("registration", errno(registration));
        if registration.is_err() {
            return;
        }
        let (node, mm_cid) = area.node_id_and_mm_cid();
        let is_set = area.cpu_id() < CPU_ID_REGISTRATION_FAILED;
        notes.say("cpu_id", i32::from(is_set));
        notes.say("ids", i32::from(node != UNTOUCHED && mm_cid != UNTOUCHED));
        notes.say("again", errno(area.register(length)));
        notes.say(
            "other_length",
            errno(area.register(length + ORIGINAL_ALIGN)),
        );
        notes.say("other_area", errno(Area::new().register(length)));
        notes.say(
            "other_signature",
            errno(area.register_with(length, !signature)),
        );
        let address = area.address();
        notes.say(
            "taken_back_wrongly",
            errno(rseq::unregister(address, length, !signature)),
        );
        notes.say(
            "taken_back",
            errno(rseq::unregister(address, length, signature)),
        );
    });
    let said = |name: &str| number(told.as_ref()?, name);
    let answers = Answers {
        registration: said("registration"),
        again: said("again"),
        other_length: said("other_length"),
        other_area: said("other_area"),
        other_signature: said("other_signature"),
        taken_back_wrongly: said("taken_back_wrongly"),
        taken_back: said("taken_back"),
        too_short: said("too_short"),
        writes_cpu_id: said("cpu_id").map(|answer| answer == 1),
        writes_node_id_and_mm_cid: said("ids").map(|answer| answer == 1),
    };
    if answers.registration.is_none() || answers.granted() && answers.taken_back.is_none() {
        bench.not_seen(length, "answers", why(told.as_ref()));
    }
    answers
}
