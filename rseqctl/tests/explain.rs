//! `rseqctl explain`, and the page that is made from the rules.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use clap::ValueEnum;
use rseqctl::process::PsColumn;
use rseqctl::report::glossary::{self, TERMS};
use serde_json::Value;
use tls_model::loading::Breach;
use tls_model::rules::{self, RULES, Subject};

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
    for term in TERMS {
        assert!(listed.contains(term.word), "{}", term.word);
    }
    for rule in RULES {
        let line = format!("  {:<8} {} ", rule.level.name(), rule.name);
        assert!(
            listed.lines().any(|found| found.starts_with(&line)),
            "{line}"
        );

        let explained = explain(&[rule.name]);
        assert_eq!(explained.status.code(), Some(0));
        let text = String::from_utf8(explained.stdout).expect("text");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&text).contains(&words(rule.explanation)), "{text}");
        assert!(words(&text).contains(&words(rule.source)), "{text}");
        let fits = |line: &str| line.len() <= 80 || line.starts_with("  https://");
        assert!(text.lines().all(fits), "{text}");
    }
}

/// The words that a schema lists, by `enum` or `const`.
fn words_of(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keys) => {
            let lists = keys.get("enum").into_iter().filter_map(|it| it.as_array());
            let words = lists.flatten().chain(keys.get("const"));
            found.extend(words.filter_map(|it| Some(it.as_str()?.to_owned())));
            keys.values().for_each(|below| words_of(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| words_of(below, found)),
        _ => {}
    }
}

#[test]
fn every_word_of_every_report_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut words = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the schemas") {
        let text = std::fs::read(entry.expect("an entry").path()).expect("a schema");
        words_of(&serde_json::from_slice(&text).expect("JSON"), &mut words);
    }
    let known =
        |word: &&String| rules::find(word).is_none() && glossary::meanings(word).next().is_none();
    let unknown: Vec<_> = words.iter().filter(known).collect();
    assert!(unknown.is_empty(), "explain does not know {unknown:?}");
    assert!(words.len() > 80, "{words:?}");
    // and none that no report has any more
    let columns: Vec<_> = PsColumn::value_variants()
        .iter()
        .map(|column| column.heading())
        .collect();
    for heading in &columns {
        let mut terms = glossary::meanings(heading);
        assert!(terms.any(|it| it.place == glossary::COLUMN), "{heading}");
    }
    let lost: Vec<_> = glossary::words()
        .filter(|it| !words.contains(*it) && !columns.contains(it))
        .collect();
    assert!(lost.is_empty(), "no report has {lost:?}");
    let explained = explain(&["initial-exec"]);
    assert_eq!(explained.status.code(), Some(0));
    let text = String::from_utf8(explained.stdout).expect("text");
    assert!(text.starts_with("initial-exec: TLS model\n\n"), "{text}");
}

#[test]
fn a_meaning_stands_once() {
    let mut terms: Vec<_> = TERMS.iter().map(|it| (it.place, it.word)).collect();
    terms.sort_unstable();
    assert!(terms.windows(2).all(|pair| pair[0] != pair[1]), "{terms:?}");
}

/// Every Rust file below a folder, as one text.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            *text += &std::fs::read_to_string(&path).expect("a source");
        }
    }
}

#[test]
fn the_registry_has_no_rule_that_nobody_prints() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&here.join("src"), &mut text);
    for rule in RULES {
        let is_printed = match rule.subject {
            // checked wherever an object is
            Subject::Object => true,
            Subject::Load => Breach::ALL.iter().any(|it| it.rule() == rule.id),
            // the two of tls-model's own that judge a whole program
            Subject::Program => ["second-definer", "dlopened-definer"].contains(&rule.name),
            Subject::Process | Subject::Host => {
                let rules = rules_file(rule.subject);
                let id = format!("id: RuleId::{:?},", rule.id);
                let before = rules.split(&id).next().unwrap_or_default();
                let name = before.rsplit("pub static ").next().unwrap_or_default();
                let name = name.split(':').next().unwrap_or_default().to_owned();
                text.contains(&name)
            }
        };
        assert!(is_printed, "nothing prints {}", rule.name);
    }
}

fn rules_file(subject: Subject) -> String {
    let name = if subject == Subject::Host {
        "host"
    } else {
        "process"
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-model/src/rules");
    std::fs::read_to_string(folder.join(format!("{name}.rs"))).expect("the rules")
}

#[test]
fn an_unknown_word_is_a_usage_error_that_names_words_like_it() {
    let answer = explain(&["no-such\u{1b}word"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(answer.stdout.is_empty());
    let text = String::from_utf8(answer.stderr).expect("text");
    assert!(
        text.contains("no-such") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(text.contains("rseqctl explain lists"), "{text}");

    let answer = explain(&["hiden-definer"]);
    assert_eq!(answer.status.code(), Some(2));
    let text = String::from_utf8(answer.stderr).expect("text");
    assert!(text.contains("did you mean hidden-definer"), "{text}");
}

#[test]
fn a_word_is_found_as_it_was_copied() {
    let wanted = explain(&["refused-client"]).stdout;
    for typed in ["[refused-client]", "Refused-Client", "refused_client:"] {
        assert_eq!(explain(&[typed]).stdout, wanted, "{typed}");
    }
}

#[test]
fn machines_get_the_same() {
    let answer = explain(&["refused-client", "--format", "json"]);
    let rows: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    let rule = rules::find("refused-client").expect("a rule");
    assert_eq!(rows[0]["name"], rule.name);
    assert_eq!(rows[0]["explanation"], rule.explanation);
    let links = rows[0]["links"].as_array().expect("links");
    assert!(links.iter().all(|link| {
        let link = link.as_str().unwrap_or_default();
        link.starts_with("https://")
    }));
    assert!(!links.is_empty());

    let all = explain(&["--format", "json"]);
    let rows: Value = serde_json::from_slice(&all.stdout).expect("JSON");
    assert_eq!(
        rows.as_array().map(Vec::len),
        Some(RULES.len() + TERMS.len())
    );
}

#[test]
fn names_are_those_of_one_thing() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn the_pages_say_what_the_rules_and_verdicts_say() {
    let (mut rules, mut verdicts, mut words) = (Vec::new(), Vec::new(), Vec::new());
    rseqctl::report::explain::page(&mut rules).expect("memory");
    rseqctl::report::explain::page_of_verdicts(&mut verdicts).expect("memory");
    rseqctl::report::explain::page_of_words(&mut words).expect("memory");
    for (name, page) in [
        ("rules.md", rules),
        ("verdicts.md", verdicts),
        ("words.md", words),
    ] {
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
