//! What the facts say about objects that the system's compiler and linker make.

mod cc;

use std::fs;
use std::process::Command;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::elf::{Class, Object};
use tls_model::facts::{
    Binding, Evidence, Facts, Kind, Role, SectionName, SymbolName, SymbolTable, TlsModel,
};

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

/// How a library gets at an area that it shares.
fn model_of_reference(flags: &[&str]) -> Option<TlsModel> {
    let source = REFERENCES.replace(r#"__attribute__((tls_model("initial-exec")))"#, "");
    library(&source, flags).tls_model
}

#[test]
#[cfg(target_arch = "x86_64")]
fn every_model_of_a_reference() {
    assert_eq!(
        model_of_reference(&["-ftls-model=initial-exec"]),
        Some(TlsModel::InitialExec)
    );
    assert_eq!(model_of_reference(&[]), Some(TlsModel::GeneralDynamic));
    assert_eq!(
        model_of_reference(&["-mtls-dialect=gnu2"]),
        Some(TlsModel::Tlsdesc)
    );
}

/// How a library gets at an area that it hides, when that is not the first
/// variable of its thread-local storage.
fn model_of_hidden(flags: &[&str]) -> Option<TlsModel> {
    let source = r#"
        struct area { unsigned w[8]; } __attribute__((aligned(32)));
        __thread struct area first = { { 1 } };
        extern __thread struct area __rseq_abi;
        unsigned cpu(void) { return __rseq_abi.w[1] + first.w[0]; }
        __thread struct area __rseq_abi __attribute__((visibility("hidden"))) = { { 0, -1 } };
    "#;
    let facts = library(source, &[flags, &["-fno-toplevel-reorder"]].concat());
    assert_eq!(facts.hidden_definition_evidence(), Some(Evidence::Proved));
    let definition = facts.definition().expect("its symbol is left");
    assert_ne!(definition.value, 0, "the test wants another offset than 0");
    facts.tls_model
}

#[test]
#[cfg(target_arch = "x86_64")]
fn every_model_of_a_hidden_definition_without_any_symbol_in_its_relocations() {
    assert_eq!(
        model_of_hidden(&["-ftls-model=initial-exec"]),
        Some(TlsModel::InitialExec)
    );
    assert_eq!(
        model_of_hidden(&["-ftls-model=global-dynamic", "-O0"]),
        Some(TlsModel::GeneralDynamic)
    );
    assert_eq!(
        model_of_hidden(&["-ftls-model=local-dynamic"]),
        Some(TlsModel::LocalDynamic)
    );
    assert_eq!(
        model_of_hidden(&["-mtls-dialect=gnu2"]),
        Some(TlsModel::Tlsdesc)
    );
}

#[test]
fn a_copy_relocation_makes_no_definition() {
    let source = r"
        #include <stddef.h>
        extern const ptrdiff_t __rseq_offset;
        ptrdiff_t where(void) { return __rseq_offset; }
    ";
    let copied = program(source, &["-no-pie", "-fno-pic", "-mcmodel=small"]);
    assert_eq!(
        symbols(&copied),
        [(SymbolName::Offset, Role::Copies, SymbolTable::Dynsym)]
    );
    let referenced = program(source, &["-fPIC", "-pie"]);
    assert_eq!(
        symbols(&referenced),
        [(SymbolName::Offset, Role::References, SymbolTable::Dynsym)]
    );
}

#[test]
fn a_weak_reference_without_type_or_version() {
    let source = r"
        extern const long __rseq_offset __attribute__((weak));
        long where(void) { return &__rseq_offset ? __rseq_offset : 0; }
    ";
    let facts = library(source, &[]);
    let fact = facts.symbols.iter().next().expect("one symbol");
    assert_eq!((fact.role, fact.binding), (Role::References, Binding::Weak));
    assert_eq!(facts.tls_model, None, "it does not use __rseq_abi");
}

#[test]
fn names_that_look_alike_are_others() {
    let source = r"
        __thread long __rseq_abi_v2;
        __thread long my__rseq_abi;
        int librseq_size;
        int __rseq_siz;
    ";
    assert!(library(source, &[]).symbols.is_empty());
    // tail merging: both names stand in one string, and only one of them counts
    let source = format!("{DEFINES}\n__thread long my__rseq_abi;");
    assert_eq!(library(&source, &["-Wl,-O2"]).symbols.iter().count(), 1);
}

#[test]
fn a_static_program_hides_what_it_defines() {
    let facts = program(DEFINES, &["-static"]);
    assert!(facts.is_static && !facts.has_interpreter);
    assert_eq!(facts.kind, Kind::Executable);
    assert_eq!(facts.hidden_definition_evidence(), Some(Evidence::Proved));
    let facts = program(DEFINES, &["-static-pie"]);
    assert!(facts.is_static);
    assert_eq!(facts.kind, Kind::Executable);
    let facts = program("", &[]);
    assert!(!facts.is_static && facts.has_interpreter);
}

/// One critical section descriptor, as the assembly of librseq leaves it.
const DESCRIPTOR: &str = r#"
__asm__(".pushsection __rseq_cs, \"aw\"\n.balign 32\n.zero 32\n.popsection\n"
        ".pushsection __rseq_cs_ptr_array, \"aw\"\n.zero 8\n.popsection");
"#;

#[test]
fn a_stripped_definer_is_likely_only() {
    let source = format!("{DEFINES}{DESCRIPTOR}");
    let whole = program(&source, &[]);
    assert_eq!(whole.hidden_definition_evidence(), Some(Evidence::Proved));
    assert_eq!(whole.critical_sections(), 1);

    let stripped = program(&source, &["-s"]);
    assert!(stripped.symbols.is_empty() && !stripped.has_symtab);
    assert_eq!(
        stripped.hidden_definition_evidence(),
        Some(Evidence::Likely)
    );
    assert_eq!(stripped.sections.size(SectionName::Pointers), Some(8));

    // critical sections over the libc's area are no definition
    let own = r"
        __thread struct { long w[8]; } __attribute__((aligned(32))) own = { { 1 } };
        long first(void) { return own.w[0]; }
    ";
    let libc = "extern const long __rseq_offset; long where(void) { return __rseq_offset; }";
    let user = program(&[DESCRIPTOR, own, libc].concat(), &["-s", "-fPIC", "-pie"]);
    assert_eq!(user.critical_sections(), 1);
    assert_eq!(user.hidden_definition_evidence(), None);
    // the same without the libc's symbols: only its own symbols, where they are
    // left, tell that its thread-local storage is another
    let user = [DESCRIPTOR, own].concat();
    assert_eq!(program(&user, &[]).hidden_definition_evidence(), None);
    let stripped = program(&user, &["-s"]);
    assert_eq!(
        stripped.hidden_definition_evidence(),
        Some(Evidence::Likely)
    );
    // and without room for an area there is none
    let bare = program(DESCRIPTOR, &["-s"]);
    assert_eq!(bare.critical_sections(), 1);
    assert_eq!(bare.hidden_definition_evidence(), None);
}

#[test]
fn an_object_file_defines_and_references() {
    let facts = facts_of(&Folder::new().build(DEFINES, &["-c"]));
    assert_eq!(facts.kind, Kind::Relocatable);
    assert_eq!(
        symbols(&facts),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Symtab)]
    );
    assert!(!facts.hidden_definition(), "the linker has not decided yet");
    let facts = facts_of(&Folder::new().build(REFERENCES, &["-c"]));
    assert_eq!(
        symbols(&facts),
        [(SymbolName::Abi, Role::References, SymbolTable::Symtab)]
    );
    assert_eq!(facts.tls_model, Some(TlsModel::InitialExec));
}

#[test]
fn split_debugging_information_is_no_second_definer() {
    let folder = Folder::new();
    let program = folder.build_file(
        "program",
        &format!("{DEFINES}{DESCRIPTOR}\nint main(void) {{ return 0; }}\n"),
        &["-g"],
    );
    let debug = folder.join("program.debug");
    let status = Command::new("objcopy")
        .arg("--only-keep-debug")
        .args([&program, &debug])
        .status()
        .expect("objcopy comes with the compiler's linker");
    assert!(status.success());
    let facts = facts_of(&fs::read(debug).expect("the file just made"));
    assert_eq!(facts.kind, Kind::Debug);
    assert!(!facts.hidden_definition());
    assert_eq!(facts.critical_sections(), 0);
    assert_eq!(facts.tls_model, None);
    let whole = facts_of(&fs::read(program).expect("the file just made"));
    assert_eq!(
        facts.build_id.map(|id| id.as_bytes().to_vec()),
        whole.build_id.map(|id| id.as_bytes().to_vec())
    );
}

#[test]
fn a_library_that_can_be_run_is_a_library() {
    let source = r#"const char interpreter[] __attribute__((section(".interp"))) = "/lib/ld.so";"#;
    assert_eq!(library(source, &["-Wl,-soname,x"]).kind, Kind::Shared);
    assert_eq!(library(source, &[]).kind, Kind::Executable);
    assert_eq!(library("", &[]).kind, Kind::Shared);
}

#[test]
fn more_sections_than_a_header_can_count() {
    // a section of its own for each function: e_shnum and e_shstrndx overflow
    let many: Vec<_> = (0..66_000)
        .map(|number| format!("__asm__(\".section s{number},\\\"a\\\"\\n.byte 0\");\n"))
        .collect();
    let source = format!("{DEFINES}{}{DESCRIPTOR}", many.concat());
    let facts = facts_of(&Folder::new().build(&source, &["-c", "-O0"]));
    assert_eq!(symbols(&facts).len(), 1);
    assert_eq!(facts.sections.size(SectionName::Descriptors), Some(32));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_other_abi_of_this_machine() {
    let facts = library(REFERENCES, &["-m32", "-fno-stack-protector"]);
    assert_eq!(facts.machine_name(), Some("i386"));
    assert_eq!(facts.class_name(), "elf32");
    assert_eq!(facts.tls_model, Some(TlsModel::InitialExec));
    // REL: the offset that identifies a symbol-less access is in the place itself
    let source = r#"
        struct area { unsigned w[8]; } __attribute__((aligned(32)));
        __thread struct area first = { { 1 } };
        __thread struct area __rseq_abi
            __attribute__((visibility("hidden"), tls_model("initial-exec"))) = { { 0, -1 } };
        unsigned cpu(void) { return __rseq_abi.w[1]; }
    "#;
    let facts = library(source, &["-m32", "-fno-toplevel-reorder"]);
    assert_eq!(facts.hidden_definition_evidence(), Some(Evidence::Proved));
    assert_eq!(facts.definition().map(|it| it.value), Some(32));
    assert_eq!(facts.tls_model, Some(TlsModel::InitialExec));
}
