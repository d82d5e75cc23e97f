//! Each rule finds what breaks it, and nothing else.

mod cc;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::elf::Object;
use tls_model::facts::Facts;
use tls_model::loading::Breach;
use tls_model::report::ObjectReport;
use tls_model::rules::{self, Level, RULES, Rule};

fn library(source: &str, flags: &[&str]) -> Vec<&'static str> {
    let bare = ["-shared", "-fPIC", "-nostdlib"];
    findings(&Folder::new().build(source, &[&bare[..], flags].concat()))
}

fn program(source: &str, flags: &[&str]) -> Vec<&'static str> {
    let source = format!("{source}\nint main(void) {{ return 0; }}\n");
    findings(&Folder::new().build(&source, flags))
}

fn findings(bytes: &[u8]) -> Vec<&'static str> {
    let object = Object::open(bytes).expect("an ELF object");
    rules::check(&ObjectReport::of_tables(Facts::read(&object)))
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
    }
}
