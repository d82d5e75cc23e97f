//! How the kernel answers right and wrong calls.

use tls_model::rseq::{CPU_ID_REGISTRATION_FAILED, ORIGINAL_ALIGN, ORIGINAL_LENGTH, arch};

use super::bench::{Bench, number, why};
use super::seen::Answers;
use crate::sys::area::{Area, UNTOUCHED};
use crate::sys::rseq;

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
