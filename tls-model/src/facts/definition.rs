//! Whether an object defines the shared symbol for others.

use goblin::elf::dynamic as dt;

use crate::elf::{Object, Source};
use crate::rseq::ABI_SYMBOL;

use super::{Role, SymbolFact, SymbolName, SymbolTable};

/// A definition of `__rseq_abi` that other objects can bind to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The object's own references find this definition and no other: it is
    /// linked with `-Bsymbolic`, or the symbol is protected.
    pub binds_to_itself: bool,
    /// `DF_1_NODELETE`: never unloaded.
    pub nodelete: bool,
}

/// The object's exported definition, if it has one. One look-up in its hash
/// table, and none at all where the object has no thread-local storage.
///
/// A definition that is local or hidden is not one: nobody else can bind to it.
#[must_use]
pub fn exported_definition<S: Source>(object: &Object<S>) -> Option<Definition> {
    object.tls().ok().flatten()?;
    let symbol = object.dynamic_symbol(ABI_SYMBOL.as_bytes()).ok()??;
    let fact = SymbolFact::new(SymbolName::Abi, Role::Defines, SymbolTable::Dynsym, &symbol);
    if !fact.is_exported_area() {
        return None;
    }
    let dynamic = object.dynamic().ok()??;
    Some(Definition {
        binds_to_itself: dynamic.is_symbolic() || fact.is_protected(),
        nodelete: dynamic.flags_1 & dt::DF_1_NODELETE != 0,
    })
}
