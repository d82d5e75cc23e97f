//! The rules.

mod circles;
mod errors;
mod layers;
mod layout;
mod length;
mod pipe;
mod skips;
mod unsafe_code;

use super::offence::Offence;
use super::workspace::Workspace;

/// Returns every offence, sorted.
pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let rules = [
        circles::check,
        errors::check,
        layers::check,
        layout::check,
        length::check,
        pipe::check,
        skips::check,
        unsafe_code::check,
    ];
    let mut offences: Vec<_> = rules.iter().flat_map(|check| check(workspace)).collect();
    offences.sort();
    offences
}
