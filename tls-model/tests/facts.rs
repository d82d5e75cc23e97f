//! What the facts say about objects that the system's compiler and linker make.

mod cc;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::elf::{Class, Object};
use tls_model::facts::{Evidence, Facts, Kind, Role, SymbolName, SymbolTable, TlsModel};

/// A library that needs no other: nothing but our symbols is in it.
const BARE: [&str; 3] = ["-shared", "-fPIC", "-nostdlib"];

fn facts_of(bytes: &[u8]) -> Facts {
    let object = Object::open(bytes).expect("an ELF object");
    let facts = Facts::read(&object);
    assert!(facts.damage.is_empty(), "{}", facts.damage);
    facts
}

fn library(source: &str, flags: &[&str]) -> Facts {
    let flags: Vec<_> = BARE.iter().chain(flags).copied().collect();
    facts_of(&Folder::new().build(source, &flags))
}

fn program(source: &str, flags: &[&str]) -> Facts {
    let source = format!("{source}\nint main(void) {{ return 0; }}\n");
    facts_of(&Folder::new().build(&source, flags))
}

/// name, role and table of every symbol fact
fn symbols(facts: &Facts) -> Vec<(SymbolName, Role, SymbolTable)> {
    facts
        .symbols
        .iter()
        .map(|fact| (fact.name, fact.role, fact.table))
        .collect()
}

#[test]
fn a_library_that_exports_the_area() {
    let facts = library(DEFINES, &[]);
    assert_eq!(facts.kind, Kind::Shared);
    assert_eq!(facts.machine_name(), Some(std::env::consts::ARCH));
    assert_eq!(
        symbols(&facts),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Dynsym)]
    );
    let definition = facts.exported_definition().expect("an exported definition");
    assert_eq!((definition.size, definition.value), (32, 0));
    assert_eq!(facts.tls.map(|tls| (tls.memsz, tls.align)), Some((32, 32)));
    assert_eq!(facts.tls_model, None, "it never uses what it defines");
    assert!(!facts.hidden_definition());
    assert!(!facts.flags.nodelete);
    assert!(library(DEFINES, &["-Wl,-z,nodelete"]).flags.nodelete);
}

#[test]
fn a_library_that_hides_the_area() {
    let facts = library(DEFINES, &["-fvisibility=hidden"]);
    assert_eq!(
        symbols(&facts),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Symtab)]
    );
    assert_eq!(facts.exported_definition(), None);
    assert_eq!(facts.hidden_definition_evidence(), Some(Evidence::Proved));
}

#[test]
fn a_reference_and_its_model() {
    let facts = library(REFERENCES, &[]);
    assert_eq!(
        symbols(&facts),
        [(SymbolName::Abi, Role::References, SymbolTable::Dynsym)]
    );
    assert_eq!(facts.tls_model, Some(TlsModel::InitialExec));
    assert!(facts.flags.static_tls);
    assert!(!facts.hidden_definition());
    assert_eq!(facts.layout.class, Class::Elf64);
}

#[test]
fn a_program_that_defines_the_area_for_itself() {
    let facts = program(DEFINES, &[]);
    assert_eq!(facts.kind, Kind::Executable);
    assert_eq!(facts.hidden_definition_evidence(), Some(Evidence::Proved));
    assert_eq!(facts.tls_model, Some(TlsModel::LocalExec));
    let facts = program(DEFINES, &["-rdynamic"]);
    assert!(facts.exported_definition().is_some());
    assert!(!facts.hidden_definition());
    assert_eq!(symbols(&facts).len(), 1, "one fact, though in two tables");
}
