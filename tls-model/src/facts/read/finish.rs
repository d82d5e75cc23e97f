//! From what was read to the facts.

use super::reader::Reader;
use crate::elf::Source;
use crate::facts::tls_access::{has_link_access, is_known};
use crate::facts::{
    Damage, Facts, ModelEvidence, ObjectKind, OwnLibrary, Role, SymbolFact, SymbolName, TlsAccess,
    TlsModel, TlsModels,
};

impl<S: Source> Reader<'_, S> {
    pub(super) fn finish(mut self) -> Facts {
        for candidate in self.candidates.iter().flatten() {
            let role = if candidate.copied {
                Role::Copies
            } else if candidate.symbol.is_defined() {
                Role::Defines
            } else {
                Role::References
            };
            let fact = SymbolFact::new(candidate.name, role, candidate.table, &candidate.symbol);
            if !self.facts.symbols.add(fact) {
                self.facts.damage.insert(Damage::TOO_MANY);
            }
        }
        let (model, evidence) = self.tls_model();
        self.facts.access = TlsAccess {
            model,
            evidence,
            others: model.map_or_else(TlsModels::default, |model| self.seen.others(model)),
        };
        self.facts.library = self.own_library();
        self.facts
    }

    /// Returns which of the project's own libraries it is.
    fn own_library(&self) -> Option<OwnLibrary> {
        if self.facts.kind != ObjectKind::Shared || self.facts.symbols.is_empty() {
            return None;
        }
        let mut name = [0; 32];
        OwnLibrary::from_name(self.object.soname(&mut name).ok().flatten()?)
    }

    /// Returns the model, and how it is known.
    fn tls_model(&self) -> (Option<TlsModel>, Option<ModelEvidence>) {
        use ModelEvidence::{Assumed, Proved};
        let facts = &self.facts;
        let mut uses = facts
            .symbols
            .iter()
            .filter(|fact| fact.name == SymbolName::Abi);
        let Some(first) = uses.next() else {
            return (None, None);
        };
        let defines = first.role == Role::Defines || uses.any(|fact| fact.role == Role::Defines);
        let readable = !facts.damage.contains(Damage::RELOCATIONS);
        let (model, evidence) = match (self.seen.model(), facts.kind) {
            (Some((model, evidence)), _) => (Some(model), evidence),
            (None, ObjectKind::Debug) => return (None, None),
            // what the code will do is not decided yet
            (None, _) if facts.is_intermediate => return (Some(TlsModel::Unknown), None),
            // nothing in the object file asks for what it defines
            (None, ObjectKind::Relocatable)
                if defines && readable && has_link_access(facts.machine) =>
            {
                (None, Proved)
            }
            // a program's accesses to its own storage need no relocation: the
            // code may tell more
            (None, ObjectKind::Executable) if defines && readable => {
                (Some(TlsModel::LocalExec), Assumed)
            }
            // a library's always do: it defines the area and leaves it alone
            (None, ObjectKind::Shared) if defines && readable && is_known(facts.machine) => {
                (None, Proved)
            }
            (None, _) => return (Some(TlsModel::Unknown), None),
        };
        (model, Some(evidence))
    }
}
