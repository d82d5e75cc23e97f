//! Each rule finds what breaks it, and nothing else.

mod cc;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::critical::{Critical, Place, Violation};
use tls_model::elf::Object;
use tls_model::facts::{Evidence, Facts};
use tls_model::loading::Breach;
use tls_model::report::ObjectReport;
use tls_model::rules::{self, Definers, Level, RULES, Rule, Subject};

fn library(source: &str, flags: &[&str]) -> Vec<&'static str> {
    let bare = ["-shared", "-fPIC", "-nostdlib"];
    findings(&Folder::new().build(source, &[&bare[..], flags].concat()))
}

fn program(source: &str, flags: &[&str]) -> Vec<&'static str> {
    let source = format!("{source}\nint main(void) {{ return 0; }}\n");
    findings(&Folder::new().build(&source, flags))
}

fn findings(bytes: &[u8]) -> Vec<&'static str> {
    rules::check(&report(bytes))
        .map(|finding| finding.rule.name)
        .collect()
}

const NODELETE: &str = "-Wl,-z,nodelete";

#[test]
fn a_definer_that_keeps_the_rules() {
    assert_eq!(library(DEFINES, &[NODELETE]), ["exported-definer"]);
    assert_eq!(program(DEFINES, &["-rdynamic"]), ["exported-definer"]);
    assert!(library(REFERENCES, &[]).is_empty());
    assert!(program("", &[]).is_empty());
}

#[test]
fn unloadable_definer() {
    assert_eq!(
        library(DEFINES, &[]),
        ["unloadable-definer", "exported-definer"]
    );
}

#[test]
fn small_definer() {
    let too_short = "__thread int __rseq_abi[4] __attribute__((aligned(32)));";
    let not_aligned = "__thread int __rseq_abi[8] __attribute__((aligned(16)));";
    // the segment is aligned, the variable in it is not
    let displaced = r"
        struct __attribute__((packed, aligned(4))) area { int w[8]; };
        __thread int first[1] __attribute__((aligned(32))) = { 1 };
        __thread struct area __rseq_abi = { { 1 } };
    ";
    for source in [too_short, not_aligned, displaced] {
        assert_eq!(
            library(source, &[NODELETE, "-fno-toplevel-reorder"]),
            ["small-definer", "exported-definer"],
            "{source}"
        );
    }
}

#[test]
fn hidden_definer() {
    assert_eq!(
        library(DEFINES, &["-fvisibility=hidden"]),
        ["hidden-definer", "unloadable-client"]
    );
    assert_eq!(program(DEFINES, &[]), ["hidden-definer"]);
    assert_eq!(program(DEFINES, &["-static"]), ["hidden-definer"]);
}

#[test]
fn not_initial_exec() {
    let source = r"
        extern __thread int __rseq_abi[8];
        int cpu(void) { return __rseq_abi[1]; }
    ";
    assert_eq!(library(source, &[]), ["not-initial-exec"]);
    assert!(library(source, &["-ftls-model=initial-exec"]).is_empty());
}

#[test]
fn static_tls_surplus() {
    // glibc 2.36 loads 1664 bytes by dlopen, and not 2048 (tried on x86-64)
    let with = |bytes: u32| format!("{REFERENCES}__thread char more[{bytes}] = {{ 1 }};");
    assert!(library(&with(1664), &[]).is_empty());
    let source = with(2048);
    assert_eq!(library(&source, &[]), ["static-tls-surplus"]);
    assert!(program(&source.replace("extern", ""), &["-rdynamic"]) == ["exported-definer"]);

    let bytes = Folder::new().build(&source, &["-shared", "-fPIC", "-nostdlib"]);
    let object = Object::open(&bytes[..]).expect("an ELF object");
    let finding = rules::check(&ObjectReport::of_tables(Facts::read(&object)))
        .next()
        .expect("one");
    let message = finding.to_string();
    assert!(message.contains("2048 bytes needed"), "{message}");
    assert!(message.contains("optional_static_tls=896"), "{message}");
}

#[test]
fn an_object_file_breaks_no_rule_yet() {
    assert!(findings(&Folder::new().build(DEFINES, &["-c"])).is_empty());
}

#[test]
fn definer_binds_to_itself() {
    let protected = DEFINES.replace("tls_model", "visibility(\"protected\"), tls_model");
    let expected = ["definer-binds-to-itself", "exported-definer"];
    assert_eq!(library(&protected, &[NODELETE]), expected);
    assert_eq!(library(DEFINES, &[NODELETE, "-Wl,-Bsymbolic"]), expected);
    assert_eq!(
        library(DEFINES, &[NODELETE, "-Wl,-Bsymbolic-functions"]),
        ["exported-definer"]
    );
    // a program comes first anyway
    assert_eq!(
        program(DEFINES, &["-rdynamic", "-Wl,-Bsymbolic"]),
        ["exported-definer"]
    );
}

#[test]
fn rules_are_found_by_name_and_stand_in_the_order_of_their_levels() {
    for (index, rule) in RULES.into_iter().enumerate() {
        assert_eq!(rule.id as usize, index, "{}: in another place", rule.name);
        assert_eq!(rule.id.rule().name, rule.name);
        assert_eq!(
            rules::find(rule.name).map(|it| it.id),
            Some(rule.id),
            "a second one"
        );
        for text in [rule.title, rule.explanation, rule.source] {
            assert!(!text.is_empty() && !text.contains("  "), "{}", rule.name);
        }
    }
    assert!(rules::find("no-such-rule").is_none());
    let by_level = |one: &&Rule, other: &&Rule| one.level >= other.level;
    assert!(rules::of_programs().is_sorted_by(by_level));
    assert!(rules::of_hosts().is_sorted_by(by_level));
    assert!(Level::Note < Level::Warning && Level::Warning < Level::Error);
}

#[test]
fn what_a_load_breaks_is_a_rule() {
    for breach in Breach::ALL {
        assert!(rules::find(breach.rule_name()).is_some(), "{breach:?}");
        assert!(
            breach.text().starts_with("defines __rseq_abi"),
            "{breach:?}"
        );
    }
    let texts = Breach::ALL.map(Breach::text);
    assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[2] != texts[0]);
}

#[test]
fn every_rule_is_about_programs_or_the_host() {
    let (programs, hosts) = (rules::of_programs().count(), rules::of_hosts().count());
    assert_eq!(programs + hosts, RULES.len());
    assert!(rules::of_programs().all(|rule| rule.subject != Subject::Host));
    assert!(hosts > 0 && rules::of_hosts().all(|rule| rule.subject == Subject::Host));
    let words = [Level::Note, Level::Warning, Level::Error].map(Level::name);
    assert_eq!(words, ["note", "warning", "error"]);
}

#[test]
fn weak_reference() {
    let weak = REFERENCES.replace("tls_model", "weak, tls_model");
    assert_eq!(library(&weak, &[]), ["weak-reference"]);
    // it compares with a name that nobody defines
    let guarded = format!(
        "{weak}extern __thread char __rseq_abi_nobody __attribute__((weak));\n\
         char *nobody(void) {{ return &__rseq_abi_nobody; }}\n"
    );
    let options = ["-ftls-model=initial-exec"];
    assert!(library(&guarded, &options).is_empty());
    let other = "extern int other __attribute__((weak)); int *a(void) { return &other; }";
    assert!(library(other, &[]).is_empty());
}

#[test]
fn one_that_owns_itself() {
    let owner = format!(
        "{DEFINES}__attribute__((section(\".note.rseq_owner\"), used)) static const int note[4];\n"
    );
    assert_eq!(program(&owner, &[]), ["owns-itself"]);
    assert_eq!(program(&owner, &["-rdynamic"]), ["exported-definer"]);
}

#[test]
fn a_libc_that_owns_the_symbol_is_never_unloaded() {
    let libc =
        format!("{DEFINES}const long __rseq_offset = 0; const unsigned __rseq_handled = 1;\n");
    assert_eq!(library(&libc, &[]), ["exported-definer"]);
    let bytes = Folder::new().build(&libc, &["-shared", "-fPIC", "-nostdlib"]);
    let message = rules::check(&report(&bytes))
        .next()
        .expect("one")
        .to_string();
    assert!(
        message.starts_with("is a libc that owns __rseq_abi"),
        "{message}"
    );
}

fn report(bytes: &[u8]) -> ObjectReport {
    let object = Object::open(bytes).expect("an ELF object");
    ObjectReport::of_tables(Facts::read(&object))
}

#[test]
fn asked_by_name() {
    let source = r#"
        extern void *dlsym(void *, const char *);
        void *area(void) { return dlsym(0, "__rseq_abi"); }
    "#;
    let bytes = Folder::new().build(source, &["-shared", "-fPIC", "-nostdlib"]);
    let object = Object::open(&bytes[..]).expect("an ELF object");
    let mut report = report(&bytes);
    assert_eq!(rules::check(&report).count(), 0, "tables alone do not tell");
    let names = report.facts.names_among_constants(&object);
    report.code.asked_by_name = names.expect("the constants can be read");
    let found: Vec<_> = rules::check(&report).map(|it| it.rule.name).collect();
    assert_eq!(found, ["asked-by-name"]);
}

/// What the code of an object does, as a decoder would report it.
#[test]
fn offences_of_critical_sections() {
    let bytes = Folder::new().build("int main(void) { return 0; }", &[]);
    let plain = report(&bytes);
    for (violation, rule) in [
        (Violation::Version, "critical-section-descriptor"),
        (Violation::Flags, "critical-section-descriptor"),
        (Violation::Range, "critical-section-range"),
        (Violation::Pointer, "critical-section-range"),
        (Violation::AbortInside, "abort-handler-inside"),
        (Violation::Signature, "abort-signature"),
        (Violation::SystemCall, "critical-section-syscall"),
        (Violation::Call, "critical-section-call"),
        (Violation::ReadOnlyStore, "read-only-store"),
        (Violation::StrayStore, "read-only-store"),
        (Violation::SecondStore, "repeated-commit"),
        (Violation::Undecoded, "undecoded-critical-section"),
        (Violation::NoDecoder, "undecoded-critical-section"),
    ] {
        for (section, evidence, end) in [
            (0, Evidence::Proved, "(proved; 2 found, the first at 0x40)"),
            (
                3,
                Evidence::Likely,
                "(likely; 2 found, the first at 0x40 of section 3)",
            ),
        ] {
            let mut critical = Critical::default();
            for address in [0x40, 0x80] {
                critical.note(violation, Place { section, address }, evidence);
            }
            let mut report = plain;
            report.code.critical = Some(critical);
            let found: Vec<_> = rules::check(&report).collect();
            let [finding] = &found[..] else {
                panic!("{violation:?}: {found:?}");
            };
            assert_eq!(finding.rule.name, rule, "{violation:?}");
            assert!(finding.to_string().ends_with(end), "{finding}");
        }
    }
}

#[test]
fn two_definers_in_one_program() {
    let shared = ["-shared", "-fPIC", "-nostdlib"];
    let folder = Folder::new();
    let exports = report(&folder.build(DEFINES, &shared));
    let hidden = report(&folder.build(DEFINES, &[&shared[..], &["-fvisibility=hidden"]].concat()));
    let symbolic = report(&folder.build(DEFINES, &[&shared[..], &["-Wl,-Bsymbolic"]].concat()));
    let refers = report(&folder.build(REFERENCES, &shared));
    let judged = |objects: &[ObjectReport], index: usize, wins: bool| {
        let definers = Definers::among(objects.iter());
        let finding = definers.second_definer(&objects[index], wins);
        finding.map(|finding| finding.rule.name)
    };
    assert_eq!(judged(&[hidden, refers], 0, false), None, "alone");
    assert_eq!(judged(&[exports, hidden], 1, false), Some("second-definer"));
    assert_eq!(judged(&[exports, hidden], 0, true), None, "others see it");
    assert_eq!(
        judged(&[exports, symbolic], 1, false),
        Some("second-definer")
    );
    assert_eq!(judged(&[symbolic, exports], 0, true), None, "it wins");
    let late = rules::dlopened_definer(&exports).map(|finding| finding.rule.name);
    assert_eq!(late, Some("dlopened-definer"));
    assert!(rules::dlopened_definer(&refers).is_none());
}
