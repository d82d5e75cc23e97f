//! Sound bytes, cut and changed.

use crate::Random;

/// Set to `all`: no place is left out.
const VARIABLE: &str = "RSEQ_DAMAGE";

/// The step from one place that is damaged to the next, so that no more than
/// about `most` of `len` are: odd, so that it falls on every part of tables
/// whose records have an even size. 1 where the environment has
/// `RSEQ_DAMAGE=all`.
#[must_use]
pub fn step(len: usize, most: usize) -> usize {
    let all = std::env::var_os(VARIABLE).is_some_and(|value| value == "all");
    if all || len <= most {
        1
    } else {
        len.div_ceil(most) | 1
    }
}

/// Every truncation and several changes of every byte, `step` bytes apart.
pub fn cuts_and_changes(bytes: &[u8], step: usize, mut ask: impl FnMut(&[u8])) {
    for length in (0..bytes.len()).step_by(step) {
        ask(&bytes[..length]);
    }
    let mut changed = bytes.to_vec();
    for at in (0..bytes.len()).step_by(step) {
        let sound = bytes[at];
        for value in [
            0,
            1,
            0x7f,
            0x80,
            0xff,
            sound ^ 1,
            sound ^ 0x10,
            sound ^ 0x20,
        ] {
            if value != sound {
                changed[at] = value;
                ask(&changed);
            }
        }
        changed[at] = sound;
    }
}

/// Several bytes changed, taken out or doubled at once: the same in every run.
pub fn many_changes(bytes: &[u8], rounds: usize, mut ask: impl FnMut(&[u8])) {
    let mut random = Random::default();
    for _ in 0..rounds {
        let mut changed = bytes.to_vec();
        for _ in 0..=random.below(16) {
            let at = random.below(changed.len());
            match random.below(8) {
                0 => drop(changed.drain(at..changed.len().min(at + 1 + random.below(16)))),
                1 if changed.len() < 2 * bytes.len() => changed.extend_from_within(at..),
                _ => changed[at] = random.below(256) as u8,
            }
            if changed.is_empty() {
                break;
            }
        }
        ask(&changed);
    }
}
