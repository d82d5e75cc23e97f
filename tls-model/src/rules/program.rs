//! What only whole programs and running processes show.

use crate::facts::{Facts, SymbolName, Visibility};

/// Whether an object's code uses its own `__rseq_abi` although another object
/// of the program has one, too: a hidden one, or one that is bound within the
/// object, unless it is the one that wins in the global scope.
#[must_use]
pub fn keeps_its_own_area(facts: &Facts, wins: bool) -> bool {
    if facts.brings_client() {
        return true;
    }
    let is_bound = facts.flags.symbolic
        || facts.symbols.iter().any(|symbol| {
            symbol.name == SymbolName::Abi
                && symbol.is_exported()
                && symbol.visibility == Visibility::Protected
        });
    !wins && facts.exported_definition().is_some() && is_bound
}
