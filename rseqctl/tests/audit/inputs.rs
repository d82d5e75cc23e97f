//! Inputs that cannot be used, and what becomes of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rseq_kit::executable;

use crate::command::{audit, complaints, ndjson, out, rows, status};
use crate::folder::Folder;

#[test]
fn usage_errors() {
    for arguments in [
        &["--no-such-option", "/"][..],
        &[],
        &["--format", "xml", "/"],
    ] {
        let output = audit(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(complaints(&output).contains("--help"), "{arguments:?}");
        assert_eq!(out(&output), "");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_counted() {
    let folder = Folder::new();
    let good = folder.good("good.so");
    let unloadable = folder.unloadable("unloadable.so");
    let missing = folder.path("missing");
    let text = folder.path("script.sh");
    fs::write(&text, "#!/bin/sh\n").expect("a temporary file");

    for (path, message) in [
        (&missing, "no such file or folder; check the path"),
        (&text, "not an ELF object; name a program"),
    ] {
        let expected = format!("rseqctl: {}: {message}", path.display());
        let output = audit([path]);
        assert_eq!(status(&output), 2, "nothing was read");
        assert!(complaints(&output).starts_with(&expected), "{output:?}");
        let output = audit([path, &good]);
        assert_eq!(status(&output), 3, "some was read");
        assert!(complaints(&output).starts_with(&expected), "{output:?}");
        assert!(out(&output).contains("good.so"));
        // what was not read could only add findings
        assert_eq!(status(&audit([path, &unloadable])), 1);
    }
    let output = audit([folder.0.path()]);
    assert_eq!(complaints(&output), "", "in a tree other files are no news");
}

#[test]
fn a_truncated_object_says_what_it_still_can() {
    let folder = Folder::new();
    let whole = fs::read(folder.good("whole.so")).expect("the library just built");
    let cut = folder.path("cut.so");
    fs::write(&cut, &whole[..whole.len() - 100]).expect("a temporary file");
    let output = ndjson(&[&cut]);
    assert_eq!(status(&output), 3);
    let message = "truncated: could not use section headers, symbol table; the rest was audited";
    assert!(complaints(&output).contains(message), "{output:?}");
    let rows = rows(&output);
    assert_eq!(rows[0]["symbols"][0]["role"], "defines");
    assert_eq!(
        rows[0]["damage"],
        serde_json::json!(["section headers", "symbol table"])
    );

    fs::write(&cut, &whole[..40]).expect("a temporary file");
    let output = audit([&cut]);
    assert_eq!(status(&output), 2);
    assert!(complaints(&output).contains("truncated"), "{output:?}");
}

#[test]
fn nothing_that_could_block_is_opened() {
    let folder = Folder::new();
    folder.good("good.so");
    let fifo = folder.path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo starts").success());
    let socket = folder.path("socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");

    for (path, what) in [
        (fifo.as_path(), "a FIFO"),
        (&socket, "a socket"),
        (Path::new("/dev/null"), "a device"),
    ] {
        let output = audit([path]);
        assert_eq!(status(&output), 2, "{path:?}");
        let message = format!("{what}, not a file; it was not opened");
        assert!(complaints(&output).contains(&message), "{output:?}");
    }
    let output = audit([folder.0.path()]);
    assert_eq!((status(&output), complaints(&output)), (0, ""));
}

#[test]
fn what_may_not_be_read_is_told() {
    let folder = Folder::new();
    folder.good("good.so");
    folder.good("closed/inside.so");
    let secret = folder.good("secret.so");
    // as root, who may read everything, become somebody else; that one needs a
    // copy of the command where it can be reached
    let command = folder.path("rseqctl");
    executable::copied(env!("CARGO_BIN_EXE_rseqctl"), &command, 0o755)
        .expect("the command can be copied");
    let close = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    close(folder.0.path(), 0o755);
    close(&folder.path("closed"), 0o0);
    close(&secret, 0o0);
    let run = |path: &Path| {
        let mut run = Command::new(&command);
        run.arg("audit").arg(path);
        if fs::read(&secret).is_ok() {
            run.uid(65534).gid(65534);
        }
        run.output().expect("the command starts")
    };

    let output = run(folder.0.path());
    assert_eq!(status(&output), 3);
    for name in ["closed", "secret.so"] {
        let message = format!(
            "rseqctl: {}: permission denied; run the audit as a user who may read it",
            folder.path(name).display()
        );
        assert!(complaints(&output).contains(&message), "{output:?}");
    }
    assert!(out(&output).contains("good.so: shared"));
    for path in [&secret, &folder.path("closed")] {
        let output = run(path);
        assert_eq!(status(&output), 2, "{path:?}");
        assert!(complaints(&output).contains("permission denied"));
    }
    close(&folder.path("closed"), 0o755);
}

#[test]
fn symbolic_links_are_followed_where_they_are_named() {
    let outside = Folder::new();
    let library = outside.good("library.so");
    let folder = Folder::new();
    symlink(&library, folder.path("link.so")).expect("a link");
    symlink(&outside.0, folder.path("folder")).expect("a link");
    symlink(".", folder.path("loop")).expect("a link");
    let output = ndjson(&[folder.0.path()]);
    assert_eq!((status(&output), out(&output)), (0, ""));
    for name in ["link.so", "folder"] {
        let output = ndjson(&[&folder.path(name)]);
        assert_eq!(rows(&output).len(), 1, "{name}");
    }
    symlink("nowhere", folder.path("dangling")).expect("a link");
    assert_eq!(status(&audit([folder.path("dangling")])), 2);
}
