//! Which inputs are read, which findings count, and how much is said.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::command::{complaints, out, rows, rseqctl, status};
use crate::folder::Folder;

/// A library each in two folders, an error in one and a warning in the other, and links.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.unloadable("a/first.so");
    folder.hidden("b/second.so.1");
    symlink("a", folder.path("c")).expect("a link");
    symlink("first.so", folder.path("a/link.so")).expect("a link");
    folder
}

fn audit(folder: &Folder, words: &[&str]) -> Output {
    let mut command = rseqctl();
    command.args(words).arg(folder.0.path());
    command.output().expect("the command starts")
}

/// The names of the files that a report is about.
fn names(output: &Output) -> Vec<String> {
    let name = |row: serde_json::Value| {
        let path = row["path"].as_str().map(Path::new);
        path.and_then(|it| it.file_name().map(|it| it.to_string_lossy().into_owned()))
    };
    rows(output).into_iter().filter_map(name).collect()
}

#[test]
fn of_trees_what_matches() {
    let folder = folder();
    let picked = |words: &[&str]| names(&audit(&folder, &[&["--format=ndjson"], words].concat()));
    assert_eq!(picked(&[]), ["first.so", "second.so.1"]);
    assert_eq!(picked(&["--exclude", "a"]), ["second.so.1"]);
    assert_eq!(picked(&["--include", "*.so"]), ["first.so"]);
    assert_eq!(picked(&["--include", "**/b/*"]), ["second.so.1"]);
    let both = ["--include", "*.so*", "--exclude", "*.1"];
    assert_eq!(picked(&both), ["first.so"]);
    // one at a time and several are the same
    assert_eq!(picked(&["-j", "1"]), picked(&["-j", "4"]));
}

#[test]
fn links_that_are_passed_over_are_counted() {
    let output = audit(&folder(), &[]);
    let text = out(&output);
    assert!(text.contains("; 2 symbolic links passed over"), "{text}");
}

#[test]
fn findings_of_some_rules() {
    let folder = folder();
    let rules = |words: &[&str]| {
        let output = audit(&folder, &[&["--format=ndjson"], words].concat());
        let mut found: Vec<String> = Vec::new();
        for row in rows(&output) {
            let findings = row["findings"].as_array().cloned().unwrap_or_default();
            found.extend(findings.iter().map(|it| it["rule"].to_string()));
        }
        (found, status(&output))
    };
    let (all, code) = rules(&[]);
    assert!(all.len() > 1 && code == 1, "{all:?}");
    let (one, code) = rules(&["--rule", "hidden-definer"]);
    assert_eq!((one, code), (vec!["\"hidden-definer\"".to_owned()], 0));
    let ignored = ["--ignore", "unloadable-definer"];
    let (others, code) = rules(&ignored);
    assert!(
        !others.iter().any(|it| it.contains("unloadable-definer")),
        "{others:?}"
    );
    assert_eq!(
        (others.len(), code),
        (all.len() - 1, 0),
        "{all:?}, {others:?}"
    );
}

#[test]
fn quiet_leaves_the_status() {
    let folder = folder();
    let output = audit(&folder, &["-q"]);
    assert_eq!((out(&output), complaints(&output)), ("", ""));
    assert_eq!(status(&output), 1);
}

#[test]
fn paths_are_read_from_a_list() {
    let folder = folder();
    let first = folder.path("a/first.so").display().to_string();
    // a name that a list of lines could not have
    let strange = folder.hidden("a\nb/third.so").display().to_string();
    let asked = |words: &[&str], list: &str| {
        let mut child = rseqctl()
            .args(["--format=ndjson", "--files-from", "-"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(list.as_bytes()).expect("it reads");
        drop(input);
        names(&child.wait_with_output().expect("it ends"))
    };
    let lines = format!("{first}\n{}\n", folder.path("b").display());
    assert_eq!(asked(&[], &lines), ["first.so", "second.so.1"]);
    let mut zeros = asked(&["-0"], &format!("{first}\0{strange}\0"));
    zeros.sort();
    assert_eq!(zeros, ["first.so", "third.so"]);
    assert!(asked(&[], "").is_empty());
}
