//! The reader under test.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use tls_model::elf::{Error, Object};
use tls_model::facts::{Binding, Facts, ObjectKind, Role, Visibility};

use crate::said::{Rseq, Said, Symbol};

/// Longest name of a library, in bytes.
const LONGEST: usize = 4096;

pub fn read(bytes: &[u8]) -> Result<(ObjectKind, Said), Error> {
    let object = Object::open(bytes)?;
    let facts = rseq_code::read(&object).facts;
    let mut said = Said {
        tls: facts.tls.map(|tls| (tls.memsz, tls.align)),
        static_tls: facts.flags.static_tls,
        rseq: Some(rseq(&facts)),
        ..Said::default()
    };
    // what is split off has the headers of tables that are not in the file
    if facts.kind == ObjectKind::Debug {
        return Ok((facts.kind, said));
    }
    let mut buffer = [0; LONGEST];
    object.needed(&mut buffer, |name| {
        said.needed.push(name.to_vec());
        ControlFlow::<()>::Continue(())
    })?;
    let mut symbols = Vec::new();
    object.dynamic_symbols(|symbol| {
        symbols.push(Symbol {
            name: symbol.name,
            value: symbol.value,
            size: symbol.size,
            binding: symbol.binding,
            kind: symbol.kind,
            visibility: symbol.visibility,
            section: symbol.section,
        });
        ControlFlow::<()>::Continue(())
    })?;
    said.symbols = Some(symbols);
    let mut relocations = BTreeSet::new();
    object.relocations(|it| {
        relocations.insert((it.offset, it.symbol, it.kind, it.addend.unwrap_or(0)));
        ControlFlow::<()>::Continue(())
    })?;
    said.relocations = Some(relocations);
    Ok((facts.kind, said))
}

fn rseq(facts: &Facts) -> BTreeMap<&'static str, Rseq> {
    let mut found = BTreeMap::new();
    for fact in facts.symbols.iter() {
        let binding = match fact.binding {
            Binding::Local => 0,
            Binding::Global => 1,
            Binding::Weak => 2,
            Binding::Unique => 10,
            Binding::Other(number) => number,
        };
        let visibility = match fact.visibility {
            Visibility::Default => 0,
            Visibility::Internal => 1,
            Visibility::Hidden => 2,
            Visibility::Protected => 3,
        };
        let role = match fact.role {
            Role::Defines => "defines",
            Role::References => "references",
            Role::Copies => "copies",
        };
        let table = fact.table.name();
        let size = fact.size;
        let fact_of = Rseq {
            role,
            binding,
            visibility,
            table,
            size,
        };
        found.entry(fact.name.name()).or_insert(fact_of);
    }
    found
}
