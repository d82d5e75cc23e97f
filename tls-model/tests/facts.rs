//! What the facts say about objects that the system's compiler and linker make.

mod cc;

use std::fs;
use std::process::Command;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::elf::{Class, Object};
use tls_model::facts::{
    Binding, Evidence, Facts, ObjectKind, Role, SectionName, SymbolName, SymbolTable, TlsModel,
};
use tls_model::report::ObjectReport;

/// A library that needs no other: nothing but our symbols is in it.
const BARE: [&str; 3] = ["-shared", "-fPIC", "-nostdlib"];

fn report_on(bytes: &[u8]) -> ObjectReport {
    let object = Object::open(bytes).expect("an ELF object");
    let report = ObjectReport::of_tables(Facts::read(&object));
    assert!(report.damage().is_empty(), "{}", report.damage());
    report
}

fn library(source: &str, flags: &[&str]) -> ObjectReport {
    let flags: Vec<_> = BARE.iter().chain(flags).copied().collect();
    report_on(&Folder::new().build(source, &flags))
}

fn program(source: &str, flags: &[&str]) -> ObjectReport {
    let source = format!("{source}\nint main(void) {{ return 0; }}\n");
    report_on(&Folder::new().build(&source, flags))
}

/// name, role and table of every symbol fact
fn symbols(report: &ObjectReport) -> Vec<(SymbolName, Role, SymbolTable)> {
    report
        .facts
        .symbols
        .iter()
        .map(|fact| (fact.name, fact.role, fact.table))
        .collect()
}

#[test]
fn a_library_that_exports_the_area() {
    let report = library(DEFINES, &[]);
    assert_eq!(report.facts.kind, ObjectKind::Shared);
    assert_eq!(report.facts.machine_name(), Some(std::env::consts::ARCH));
    assert_eq!(
        symbols(&report),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Dynsym)]
    );
    let definition = report
        .exported_definition()
        .expect("an exported definition");
    assert_eq!((definition.size, definition.value), (32, 0));
    assert_eq!(
        report.facts.tls.map(|tls| (tls.memsz, tls.align)),
        Some((32, 32))
    );
    assert_eq!(report.access().model, None, "it never uses what it defines");
    assert!(!report.hidden_definition());
    assert!(!report.facts.flags.nodelete);
    assert!(library(DEFINES, &["-Wl,-z,nodelete"]).facts.flags.nodelete);
}

#[test]
fn a_library_that_hides_the_area() {
    let report = library(DEFINES, &["-fvisibility=hidden"]);
    assert_eq!(
        symbols(&report),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Symtab)]
    );
    assert_eq!(report.exported_definition(), None);
    assert_eq!(report.hidden_definition_evidence(), Some(Evidence::Proved));
}

#[test]
fn a_reference_and_its_model() {
    let report = library(REFERENCES, &[]);
    assert_eq!(
        symbols(&report),
        [(SymbolName::Abi, Role::References, SymbolTable::Dynsym)]
    );
    assert_eq!(report.access().model, Some(TlsModel::InitialExec));
    assert!(report.facts.flags.static_tls);
    assert!(!report.hidden_definition());
    assert_eq!(report.facts.layout.class, Class::Elf64);
}

#[test]
fn a_program_that_defines_the_area_for_itself() {
    let report = program(DEFINES, &[]);
    assert_eq!(report.facts.kind, ObjectKind::Executable);
    assert_eq!(report.hidden_definition_evidence(), Some(Evidence::Proved));
    assert_eq!(report.access().model, Some(TlsModel::LocalExec));
    let report = program(DEFINES, &["-rdynamic"]);
    assert!(report.exported_definition().is_some());
    assert!(!report.hidden_definition());
    assert_eq!(symbols(&report).len(), 1, "one fact, though in two tables");
}

/// How a library accesses an area that it shares.
fn model_of_reference(flags: &[&str]) -> Option<TlsModel> {
    let source = REFERENCES.replace(r#"__attribute__((tls_model("initial-exec")))"#, "");
    library(&source, flags).access().model
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

/// How a library accesses an area that it hides, when that is not the first
/// variable of its thread-local storage.
fn model_of_hidden(flags: &[&str]) -> Option<TlsModel> {
    let source = r#"
        struct area { unsigned w[8]; } __attribute__((aligned(32)));
        __thread struct area first = { { 1 } };
        extern __thread struct area __rseq_abi;
        unsigned cpu(void) { return __rseq_abi.w[1] + first.w[0]; }
        __thread struct area __rseq_abi __attribute__((visibility("hidden"))) = { { 0, -1 } };
    "#;
    let report = library(source, &[flags, &["-fno-toplevel-reorder"]].concat());
    assert_eq!(report.hidden_definition_evidence(), Some(Evidence::Proved));
    let definition = report.facts.definition().expect("its symbol is left");
    assert_ne!(definition.value, 0, "the test wants another offset than 0");
    report.access().model
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
    let report = library(source, &[]);
    let fact = report.facts.symbols.iter().next().expect("one symbol");
    assert_eq!((fact.role, fact.binding), (Role::References, Binding::Weak));
    assert_eq!(report.access().model, None, "it does not use __rseq_abi");
}

#[test]
fn names_that_look_alike_are_others() {
    let source = r"
        __thread long __rseq_abi_v2;
        __thread long my__rseq_abi;
        int librseq_size;
        int __rseq_siz;
    ";
    assert!(library(source, &[]).facts.symbols.is_empty());
    // tail merging: both names stand in one string, and only one of them counts
    let source = format!("{DEFINES}\n__thread long my__rseq_abi;");
    assert_eq!(
        library(&source, &["-Wl,-O2"]).facts.symbols.iter().count(),
        1
    );
}

#[test]
fn a_static_program_hides_what_it_defines() {
    let report = program(DEFINES, &["-static"]);
    assert!(report.facts.is_static && !report.facts.has_interpreter);
    assert_eq!(report.facts.kind, ObjectKind::Executable);
    assert_eq!(report.hidden_definition_evidence(), Some(Evidence::Proved));
    let report = program(DEFINES, &["-static-pie"]);
    assert!(report.facts.is_static);
    assert_eq!(report.facts.kind, ObjectKind::Executable);
    let report = program("", &[]);
    assert!(!report.facts.is_static && report.facts.has_interpreter);
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
    assert!(stripped.facts.symbols.is_empty() && !stripped.facts.has_symtab);
    assert_eq!(
        stripped.hidden_definition_evidence(),
        Some(Evidence::Likely)
    );
    assert_eq!(stripped.facts.sections.size(SectionName::Pointers), Some(8));

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
    let report = report_on(&Folder::new().build(DEFINES, &["-c"]));
    assert_eq!(report.facts.kind, ObjectKind::Relocatable);
    assert_eq!(
        symbols(&report),
        [(SymbolName::Abi, Role::Defines, SymbolTable::Symtab)]
    );
    assert!(
        !report.hidden_definition(),
        "the linker has not decided yet"
    );
    let report = report_on(&Folder::new().build(REFERENCES, &["-c"]));
    assert_eq!(
        symbols(&report),
        [(SymbolName::Abi, Role::References, SymbolTable::Symtab)]
    );
    assert_eq!(report.access().model, Some(TlsModel::InitialExec));
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
    let report = report_on(&fs::read(debug).expect("the file just made"));
    assert_eq!(report.facts.kind, ObjectKind::Debug);
    assert!(!report.hidden_definition());
    assert_eq!(report.critical_sections(), 0);
    assert_eq!(report.access().model, None);
    let whole = report_on(&fs::read(program).expect("the file just made"));
    assert_eq!(
        report.facts.build_id.map(|id| id.as_bytes().to_vec()),
        whole.facts.build_id.map(|id| id.as_bytes().to_vec())
    );
}

#[test]
fn a_library_that_can_be_run_is_a_library() {
    let source = r#"const char interpreter[] __attribute__((section(".interp"))) = "/lib/ld.so";"#;
    assert_eq!(
        library(source, &["-Wl,-soname,x"]).facts.kind,
        ObjectKind::Shared
    );
    assert_eq!(library(source, &[]).facts.kind, ObjectKind::Executable);
    assert_eq!(library("", &[]).facts.kind, ObjectKind::Shared);
}

#[test]
fn more_sections_than_a_header_can_count() {
    // a section of its own for each function: e_shnum and e_shstrndx overflow
    let many: Vec<_> = (0..66_000)
        .map(|number| format!("__asm__(\".section s{number},\\\"a\\\"\\n.byte 0\");\n"))
        .collect();
    let source = format!("{DEFINES}{}{DESCRIPTOR}", many.concat());
    let report = report_on(&Folder::new().build(&source, &["-c", "-O0"]));
    assert_eq!(symbols(&report).len(), 1);
    assert_eq!(
        report.facts.sections.size(SectionName::Descriptors),
        Some(32)
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_other_abi_of_this_machine() {
    let report = library(REFERENCES, &["-m32", "-fno-stack-protector"]);
    assert_eq!(report.facts.machine_name(), Some("i386"));
    assert_eq!(report.facts.class_name(), "elf32");
    assert_eq!(report.access().model, Some(TlsModel::InitialExec));
    // REL: the offset that identifies a symbol-less access is in the place itself
    let source = r#"
        struct area { unsigned w[8]; } __attribute__((aligned(32)));
        __thread struct area first = { { 1 } };
        __thread struct area __rseq_abi
            __attribute__((visibility("hidden"), tls_model("initial-exec"))) = { { 0, -1 } };
        unsigned cpu(void) { return __rseq_abi.w[1]; }
    "#;
    let report = library(source, &["-m32", "-fno-toplevel-reorder"]);
    assert_eq!(report.hidden_definition_evidence(), Some(Evidence::Proved));
    assert_eq!(report.facts.definition().map(|it| it.value), Some(32));
    assert_eq!(report.access().model, Some(TlsModel::InitialExec));
}
