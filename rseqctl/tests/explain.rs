//! `rseqctl explain`, and the page that is made from the rules.

use std::path::Path;
use std::process::{Command, Output};

use tls_model::rules::RULES;

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .arg("explain")
        .args(arguments)
        .output()
        .expect("the command starts")
}

#[test]
fn every_rule_is_listed_and_explained() {
    let listed = explain(&[]);
    assert_eq!(listed.status.code(), Some(0));
    let listed = String::from_utf8(listed.stdout).expect("text");
    assert_eq!(listed.lines().count(), RULES.len());
    for rule in RULES {
        let line = format!("{:<8} {}", rule.level.name(), rule.name);
        assert!(listed.lines().any(|found| found == line), "{line}");

        let explained = explain(&[rule.name]);
        assert_eq!(explained.status.code(), Some(0));
        let text = String::from_utf8(explained.stdout).expect("text");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&text).contains(&words(rule.explanation)), "{text}");
        assert!(words(&text).contains(&words(rule.source)), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}

#[test]
fn an_unknown_rule_is_a_usage_error_that_lists_the_rules() {
    let answer = explain(&["no-such-rule"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(answer.stdout.is_empty());
    let text = String::from_utf8(answer.stderr).expect("text");
    assert!(text.contains("no-such-rule"));
    assert!(text.contains(RULES[0].name));
}

#[test]
fn names_are_those_of_one_thing() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn the_pages_say_what_the_rules_and_verdicts_say() {
    let (mut rules, mut verdicts) = (Vec::new(), Vec::new());
    rseqctl::report::explain::page(&mut rules).expect("memory");
    rseqctl::report::explain::page_of_verdicts(&mut verdicts).expect("memory");
    for (name, page) in [("rules.md", rules), ("verdicts.md", verdicts)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs")
            .join(name);
        let page = String::from_utf8(page).expect("text");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &page).expect("the page is written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == page,
            "docs/{name} is old: UPDATE_GOLDEN=1 cargo test -p rseqctl --test explain"
        );
    }
}
