//! The order of what is printed, and readers that leave.

use std::fs::{self};
use std::io;
use std::path::Path;
use std::process::Stdio;

use crate::command::{audit, complaints, ndjson, rows, rseqctl, status};
use crate::folder::Folder;

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    folder.good("good.so");
    for format in ["human", "ndjson"] {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let output = rseqctl()
            .args(["--format", format])
            .arg(folder.0.path())
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("the command starts");
        assert_eq!((status(&output), complaints(&output)), (0, ""), "{format}");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let output = rseqctl()
        .arg(folder.0.path())
        .stdout(full.expect("/dev/full is there"))
        .stderr(Stdio::piped())
        .output()
        .expect("the command starts");
    assert_eq!(status(&output), 2, "a full disk is one");
    assert!(complaints(&output).contains("the report is not complete"));
}

#[test]
fn reports_are_sorted_and_repeatable() {
    let folder = Folder::new();
    for name in ["a/b.so", "a-b.so", "a.so", "B.so", "ü.so"] {
        folder.good(name);
    }
    let root = folder.0.path();
    let first = ndjson(&[&folder.path("a.so"), root, &folder.path("a")]);
    assert_eq!(first.stdout, ndjson(&[root]).stdout, "each path once");
    let paths: Vec<_> = rows(&first)
        .iter()
        .map(|row| {
            let path = Path::new(row["path"].as_str().expect("a string"));
            let path = path.strip_prefix(root).expect("in the folder");
            path.to_str().expect("valid").to_owned()
        })
        .collect();
    assert_eq!(paths, ["B.so", "a-b.so", "a.so", "a/b.so", "ü.so"]);
}

#[test]
fn complaints_come_in_the_order_of_names() {
    let folder = Folder::new();
    let names: Vec<_> = (0..20).map(|number| format!("{number:02}.so")).collect();
    // made in another order than that of the names
    for name in names.iter().rev() {
        fs::write(folder.path(name), b"\x7fELF").expect("a temporary file");
    }
    let output = audit([folder.0.path()]);
    assert_eq!(status(&output), 3);
    let told: Vec<_> = complaints(&output)
        .lines()
        .filter_map(|line| Path::new(line.split(": ").nth(1)?).file_name()?.to_str())
        .collect();
    assert_eq!(told, names);
}
