//! `rseqctl audit` as a user runs it: the real binary over fixtures that the
//! system's compiler builds, over bad input, and over this machine's /usr.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const DEFINES: &str = r#"
struct area { unsigned w[8]; } __attribute__((aligned(32)));
__thread struct area __rseq_abi __attribute__((tls_model("initial-exec"))) = { { 0, -1 } };
"#;
const BARE: [&str; 3] = ["-shared", "-fPIC", "-nostdlib"];

/// A folder with fixtures.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder in the temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn build(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let object = self.path(name);
        let code = object.with_extension("c");
        fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
        fs::write(&code, source).expect("a file in the temporary folder");
        let output = Command::new("cc")
            .args(["-O2", "-o"])
            .args([&object, &code])
            .args(flags)
            .output()
            .expect("these tests need a C compiler named cc");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cc {flags:?}: {message}");
        fs::remove_file(code).expect("the source just written");
        object
    }

    /// A library that keeps every rule and earns a note.
    fn good(&self, name: &str) -> PathBuf {
        let flags = ["-Wl,-z,nodelete", "-Wl,--build-id=none"];
        self.build(name, DEFINES, &[&BARE[..], &flags].concat())
    }

    /// A library that earns a warning.
    fn hidden(&self, name: &str) -> PathBuf {
        let flags = ["-fvisibility=hidden"];
        self.build(name, DEFINES, &[&BARE[..], &flags].concat())
    }

    /// A library that earns an error.
    fn unloadable(&self, name: &str) -> PathBuf {
        self.build(name, DEFINES, &BARE)
    }
}

fn rseqctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rseqctl"));
    command.arg("audit");
    command
}

fn audit<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    rseqctl()
        .args(arguments)
        .output()
        .expect("the command starts")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("the command exits by itself")
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("the report is UTF-8")
}

fn complaints(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("messages are UTF-8")
}

fn rows(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a JSON object"))
        .collect()
}

fn ndjson(paths: &[&Path]) -> Output {
    let mut command = rseqctl();
    command.args(["--format", "ndjson"]).args(paths);
    command.output().expect("the command starts")
}

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
    fs::copy(env!("CARGO_BIN_EXE_rseqctl"), &command).expect("the command can be copied");
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

#[test]
fn the_audit_of_usr_says_what_readelf_says() {
    let output = ndjson(&[Path::new("/usr")]);
    // 1 and 3 depend on what is installed and who runs the test
    assert!(matches!(status(&output), 0 | 1 | 3), "{output:?}");
    let rows = rows(&output);
    let paths: Vec<_> = rows.iter().map(|row| &row["path"]).collect();
    assert!(paths.is_sorted_by_key(|path| path.as_str()));
    for row in &rows {
        let path = row["path"].as_str().expect("a string");
        assert_eq!(
            dynamic_symbols(row),
            readelf_dynamic_symbols(path),
            "{path}"
        );
        for section in row["sections"].as_array().expect("a list") {
            let name = section["name"].as_str().expect("a string");
            assert!(readelf("-SW", path).contains(name), "{path} {name}");
        }
    }
    assert_eq!(output.stdout, ndjson(&[Path::new("/usr")]).stdout);
}

/// Names and roles of the dynamic symbols of a row, sorted.
fn dynamic_symbols(row: &Value) -> Vec<(String, bool)> {
    let mut symbols: Vec<_> = row["symbols"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|symbol| symbol["table"] == "dynsym")
        .map(|symbol| {
            let name = symbol["name"].as_str().expect("a string").to_owned();
            // to readelf a copy is a definition
            (name, symbol["role"] != "references")
        })
        .collect();
    symbols.sort();
    symbols
}

fn readelf_dynamic_symbols(path: &str) -> Vec<(String, bool)> {
    let mut symbols: Vec<_> = readelf("--dyn-syms", path)
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let name = fields.get(7)?.split('@').next()?;
            let ours = [
                "__rseq_abi",
                "__rseq_offset",
                "__rseq_size",
                "__rseq_flags",
                "__rseq_handled",
            ];
            ours.contains(&name)
                .then(|| (name.to_owned(), fields[6] != "UND"))
        })
        .collect();
    symbols.sort();
    symbols
}

fn readelf(option: &str, path: &str) -> String {
    let output = Command::new("readelf")
        .args([option, "--wide", path])
        .output()
        .expect("readelf comes with the compiler's linker");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
