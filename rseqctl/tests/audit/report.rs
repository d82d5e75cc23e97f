//! What is printed: rows, the report for people, the exit status of findings.

use std::ffi::OsStr;
use std::fs::{self};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::command::{audit, complaints, ndjson, out, rows, rseqctl, status};
use rseq_kit::compile::DEFINES;

use crate::folder::{BARE, Folder};

#[test]
fn a_row_has_every_key_of_the_contract() {
    let folder = Folder::new();
    let path = folder.good("lib.so");
    let output = ndjson(&[&path]);
    assert_eq!((status(&output), complaints(&output)), (0, ""));
    let expected = serde_json::json!({
        "path": path,
        "build_id": null,
        "machine": std::env::consts::ARCH,
        "class": "elf64",
        "type": "shared",
        "symbols": [{
            "name": "__rseq_abi",
            "role": "defines",
            "binding": "global",
            "visibility": "default",
            "table": "dynsym",
            "size": 32,
        }],
        "tls_model": null,
        "tls_model_evidence": "proved",
        "other_tls_models": [],
        "critical_sections": 0,
        "critical_sections_evidence": null,
        "sections": [],
        "findings": [{
            "rule": "exported-definer",
            "level": "note",
            "message": "exports __rseq_abi: where it comes first, it is the area of the process",
            "path": null,
        }],
        "damage": [],
    });
    assert_eq!(rows(&output), [expected]);
}

#[test]
fn rows_keep_to_the_committed_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/audit.schema.json");
    let schema = fs::read_to_string(schema).expect("the schema is committed");
    let schema = serde_json::from_str(&schema).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");

    let folder = Folder::new();
    folder.good("good.so");
    folder.hidden("hidden.so");
    folder.unloadable("unloadable.so");
    folder.build("object.o", DEFINES, &["-c"]);
    let odd = folder.path("odd");
    fs::rename(
        folder.good("odd"),
        odd.with_file_name(OsStr::from_bytes(b"\xff.so")),
    )
    .expect("any name will do");
    let output = audit([
        OsStr::new("--all"),
        OsStr::new("--format=ndjson"),
        folder.0.path().as_os_str(),
        OsStr::new(env!("CARGO_BIN_EXE_rseqctl")),
    ]);
    let rows = rows(&output);
    assert_eq!(rows.len(), 6, "{rows:?}");
    for row in &rows {
        let errors: Vec<_> = schema.iter_errors(row).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {row}");
        let mut other = row.clone();
        other["type"] = "library".into();
        assert!(!schema.is_valid(&other), "the schema lets anything pass");
    }
}

#[test]
fn the_report_for_people() {
    let folder = Folder::new();
    folder.hidden("hidden.so");
    folder.unloadable("more/unloadable.so");
    fs::write(folder.path("text"), "no ELF").expect("a temporary file");
    let output = rseqctl()
        .arg(".")
        .current_dir(&folder.0)
        .output()
        .expect("the command starts");
    let machine = std::env::consts::ARCH;
    let expected = format!(
        "\
./hidden.so: shared, {machine}
  defines __rseq_abi (symtab, local, default, 32 bytes)
  warning: defines __rseq_abi without exporting it: its own registration fails (EINVAL) where \
the libc has registered first, and it stays on its slow path; start it with rseqctl run \
[hidden-definer]
  warning: registers its __rseq_abi itself, if anybody does, and can be unloaded with the \
threads' areas in it; link it with -Wl,-z,nodelete [unloadable-client]
./more/unloadable.so: shared, {machine}
  defines __rseq_abi (dynsym, global, default, 32 bytes)
  error: exports __rseq_abi and can be unloaded with the threads' areas in it; link it with \
-Wl,-z,nodelete [unloadable-definer]
  note: exports __rseq_abi: where it comes first, it is the area of the process \
[exported-definer]
3 files, 2 objects, 2 mention rseq: 1 error, 2 warnings, 1 note
"
    );
    // the linker makes hidden symbols local and may keep their visibility
    let found = out(&output).replace("local, hidden", "local, default");
    assert_eq!(found, expected);
    assert_eq!(complaints(&output), "");
    assert!(!out(&output).contains('\x1b'), "no colours to switch off");
}

#[test]
fn exit_statuses_of_findings() {
    let folder = Folder::new();
    let (good, hidden) = (folder.good("good.so"), folder.hidden("hidden.so"));
    let unloadable = folder.unloadable("unloadable.so");
    for (path, statuses) in [
        (good, [0, 0, 1, 0]),
        (hidden, [0, 1, 1, 0]),
        (unloadable, [1, 1, 1, 0]),
    ] {
        for (level, expected) in ["error", "warning", "note", "never"].iter().zip(statuses) {
            let output = audit([OsStr::new("--fail-on"), OsStr::new(level), path.as_os_str()]);
            assert_eq!(status(&output), expected, "{level} {path:?}");
        }
    }
    assert_eq!(
        status(&audit([folder.path("unloadable.so")])),
        1,
        "the default"
    );
}

#[test]
fn files_with_nothing_to_say_are_left_out() {
    let folder = Folder::new();
    folder.build("plain.so", "int answer = 42;", &BARE);
    let quiet = ndjson(&[folder.0.path()]);
    assert_eq!((status(&quiet), out(&quiet)), (0, ""));
    let all = audit([
        OsStr::new("--all"),
        OsStr::new("--format=ndjson"),
        folder.0.path().as_os_str(),
    ]);
    let rows = rows(&all);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["symbols"], serde_json::json!([]));
}

#[test]
fn a_path_that_is_no_text_can_be_told_and_found_again() {
    let folder = Folder::new();
    let path = folder
        .path("x")
        .with_file_name(OsStr::from_bytes(b"a\xffb\n.so"));
    fs::rename(folder.good("x"), &path).expect("any name will do");
    let output = ndjson(&[&path]);
    let row = &rows(&output)[0];
    let shown = row["path"].as_str().expect("a string");
    assert!(shown.ends_with("/a\\xffb\n.so"), "{shown:?}");
    let bytes = row["path_bytes"].as_str().expect("a string");
    assert!(bytes.ends_with("2f61ff620a2e736f"), "{bytes}");
    let human = audit([&path]);
    assert!(out(&human).contains("/a\\xffb\\n.so: shared"), "{human:?}");
}
