//! Whole programs: the objects that this machine's own dynamic linker loads are
//! those that the command finds, in the same order; and what is said of them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rseq_kit::compile::{DEFINES, compile};
use rseqctl::program::{Loaded, Program, Search};
use serde_json::Value;
use tempfile::TempDir;

/// The dynamic linker of x86-64 programs (System V ABI, AMD64 supplement).
const INTERPRETER: &str = "/lib64/ld-linux-x86-64.so.2";
const MAIN: &str = "int main(void) { return 0; }\n";

fn build(output: &Path, source: &str, flags: &[&str]) {
    let flags = [&["-Wl,--no-as-needed"], flags].concat();
    compile(source, &flags, output).expect("it compiles");
}

fn opened(program: &Path) -> Loaded {
    let file = File::open(program).expect("a file");
    Loaded::program(file, program).expect("a program")
}

/// What the dynamic linker says that it loads, in its order: paths and names
/// that it does not find. None for what it does not load.
fn oracle(program: &Path, set: &[(&str, &Path)]) -> Option<(Vec<PathBuf>, Vec<String>)> {
    let mut command = Command::new(program);
    command.env("LD_TRACE_LOADED_OBJECTS", "1");
    for (name, value) in set {
        command.env(name, value);
    }
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(" => not found") {
            missing.push(name.to_owned());
        } else if let Some((entry, _)) = line.rsplit_once(" (0x") {
            let path = entry.split_once(" => ").map_or(entry, |(_, path)| path);
            if path.starts_with('/') && !is_linker(Path::new(path)) {
                found.push(PathBuf::from(path));
            }
        }
    }
    Some((found, missing))
}

fn is_linker(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_bytes().starts_with(b"ld-linux"))
}

/// The same from the command's own code.
fn ours(program: &Path, search: &Search) -> (Vec<PathBuf>, Vec<String>) {
    let program = Program::load(program, search).expect("a program");
    let found = program.objects.iter().skip(1);
    let found = found.map(|object| object.path.clone());
    let missing = program.missing.iter();
    let missing = missing.map(|(name, _)| name.to_string_lossy().into_owned());
    (
        found.filter(|path| !is_linker(path)).collect(),
        missing.collect(),
    )
}

/// A program that glibc's dynamic linker starts, and that anybody may trace.
fn can_be_traced(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else {
        return false;
    };
    let mut head = [0; 4096];
    let Ok(count) = File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return false;
    };
    let head = &head[..count];
    metadata.is_file()
        && metadata.permissions().mode() & 0o6111 & 0o6111 != 0
        && metadata.permissions().mode() & 0o6000 == 0
        && head.starts_with(b"\x7fELF")
        && head.windows(8).any(|part| part == b"ld-linux")
}

#[test]
fn the_dynamic_linker_agrees_about_this_machine() {
    let mut compared = 0;
    let mut seen = HashSet::new();
    for folder in ["/usr/bin", "/usr/sbin", "/usr/libexec"] {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if !can_be_traced(&path) || !seen.insert(path.canonicalize().ok()) {
                continue;
            }
            let Some(expected) = oracle(&path, &[]) else {
                continue;
            };
            assert_eq!(ours(&path, &Search::default()), expected, "{path:?}");
            compared += 1;
        }
    }
    assert!(compared >= 100, "only {compared} programs to compare");
}

/// A program whose libraries are found in every way, some in the wrong place,
/// too.
#[test]
fn the_dynamic_linker_agrees_about_search_paths() {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let so = |name: &str, source: &str, flags: &[&str]| {
        let soname = format!("-Wl,-soname,{}", name.rsplit('/').next().unwrap_or(name));
        let base = ["-shared", "-fPIC", "-nostdlib", &soname];
        build(&at(name), source, &[&base, flags].concat());
    };
    let place = |option: &str, list: &str| format!("-Wl,{option},-rpath,{list}");
    let old = |list: &str| place("--disable-new-dtags", list);
    let new = |list: &str| place("--enable-new-dtags", list);
    let link = |name: &str| at(name).to_str().expect("UTF-8").to_owned();

    so("deep/libleaf.so", "int leaf;", &[]);
    so("other/libleaf.so", "int leaf;", &[]);
    so("env/libenv.so", "int env;", &[]);
    so("lib/libenv.so", "int env;", &[]);
    so("lib/glibc-hwcaps/x86-64-v2/libfast.so", "int fast;", &[]);
    so("lib/libfast.so", "int fast;", &[]);
    // finds its own library by the RPATH of those above it
    so(
        "lib/libinherit.so",
        "int inherit;",
        &[&link("deep/libleaf.so")],
    );
    // its RUNPATH stands for itself only, and hides the RPATH above
    so(
        "lib/librun.so",
        "int run;",
        &[&link("other/libleaf.so"), &new("$ORIGIN/../other")],
    );
    build(
        &at("bin/rpath"),
        MAIN,
        &[
            &link("lib/libinherit.so"),
            &link("env/libenv.so"),
            &link("lib/libfast.so"),
            &old("${ORIGIN}/../lib:$ORIGIN/../deep"),
        ],
    );
    let runpath = new("$ORIGIN/../lib");
    build(
        &at("bin/runpath"),
        MAIN,
        &[
            &link("lib/libinherit.so"),
            &link("env/libenv.so"),
            &link("lib/librun.so"),
            &runpath,
            "-Wl,--allow-shlib-undefined",
        ],
    );
    symlink(at("bin/rpath"), at("link")).expect("a link");
    let env = at("env");
    let preload = at("other/libleaf.so");
    let with_path = Search {
        library_path: Some(env.clone().into()),
        ..Search::default()
    };
    let with_preload = Search {
        preload: Some(preload.clone().into()),
        ..Search::default()
    };
    for name in ["bin/rpath", "bin/runpath", "link"] {
        let program = at(name);
        for (search, set) in [
            (&Search::default(), &[][..]),
            (&with_path, &[("LD_LIBRARY_PATH", env.as_path())]),
            (&with_preload, &[("LD_PRELOAD", preload.as_path())]),
        ] {
            let normal = |(paths, missing): (Vec<PathBuf>, Vec<String>)| {
                let real = paths.iter().map(|path| path.canonicalize().expect("there"));
                (real.collect::<Vec<_>>(), missing)
            };
            let expected = normal(oracle(&program, set).expect("it can be traced"));
            assert_eq!(normal(ours(&program, search)), expected, "{name} {set:?}");
        }
    }
    // not all is found: that is part of what is compared
    assert_eq!(
        ours(&at("bin/runpath"), &Search::default()).1,
        ["libleaf.so"]
    );
}

/// Who is asked makes no difference, and a dynamic linker that does not answer
/// is no reason to know nothing.
#[test]
fn asking_the_dynamic_linker_and_searching_agree() {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let rpath = format!("-Wl,-rpath,{}", folder.path().display());
    let library = |name: &str, source: &str, more: &[&str]| {
        let named = format!("-Wl,-soname,{name}");
        build(
            &at(name),
            source,
            &[&["-shared", "-fPIC", &named, &rpath], more].concat(),
        );
    };
    library("libdeep.so", DEFINES, &[]);
    let deep = at("libdeep.so");
    library(
        "libnear.so",
        "int near;\n",
        &[deep.to_str().expect("UTF-8")],
    );
    let near = at("libnear.so");
    build(&at("main"), MAIN, &[near.to_str().expect("UTF-8"), &rpath]);

    let main = at("main");
    let search = || Program::load(&main, &Search::default()).expect("a program");
    let ask = |linker: &Path| Program::ask(opened(&main), linker);
    let said = |program: &Program| {
        // the dynamic linker lists itself, and where is its own affair
        let objects = program.objects.iter().filter(|it| !is_linker(&it.path));
        let objects: Vec<_> = objects.map(|it| (it.path.clone(), it.loader)).collect();
        let winner = program.winner().map(|it| it.path.clone());
        (objects, program.missing.clone(), winner)
    };
    let expected = said(&search());
    // the program, its library, the C library, and what the first one needs
    assert_eq!(expected.0[3], (deep.clone(), Some(1)));
    assert_eq!(expected.2.as_ref(), Some(&deep));
    assert_eq!(said(&ask(Path::new(INTERPRETER))), expected);
    assert_eq!(said(&ask(&at("no-such-linker"))), expected);

    // ld.so names nothing for a program that it could not start
    fs::remove_file(&deep).expect("a file");
    let expected = said(&search());
    assert_eq!(expected.1, [("libdeep.so".into(), near)]);
    assert_eq!(said(&ask(Path::new(INTERPRETER))), expected);
}

/// `ld.so --list` takes the folder of a link for `$ORIGIN`, where the kernel tells it
/// the file.
#[test]
fn the_dynamic_linker_is_asked_about_the_file_behind_a_link() {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let named = "-Wl,-soname,libmine.so";
    for name in ["opt/lib/libmine.so", "lib/libmine.so"] {
        build(&at(name), DEFINES, &["-shared", "-fPIC", named]);
    }
    let mine = at("opt/lib/libmine.so");
    let flags = [mine.to_str().expect("UTF-8"), "-Wl,-rpath,$ORIGIN/../lib"];
    build(&at("opt/bin/main"), MAIN, &flags);
    fs::create_dir(at("bin")).expect("a folder");
    symlink(at("opt/bin/main"), at("bin/link")).expect("a link");
    let program = Program::ask(opened(&at("bin/link")), Path::new(INTERPRETER));
    let winner = program.winner().expect("a definer");
    assert_eq!(winner.path.canonicalize().ok(), mine.canonicalize().ok());
}

fn audit(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["audit", "--format", "ndjson", "--program"])
        .args(arguments)
        .env_remove("RSEQ_SHIM_MODE")
        .output()
        .expect("the command starts")
}

fn rows(output: &Output) -> Vec<Value> {
    std::str::from_utf8(&output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn rules(rows: &[Value], name: &str) -> Vec<String> {
    let row = rows
        .iter()
        .find(|row| row["path"].as_str().expect("a path").ends_with(name));
    let findings = row.map_or(Vec::new(), |row| {
        row["findings"].as_array().expect("a list").clone()
    });
    let names = findings.iter().map(|finding| finding["rule"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

#[test]
fn a_program_with_several_definers() {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let bare = ["-shared", "-fPIC", "-nostdlib", "-Wl,-z,nodelete"];
    let hidden = [&bare[..], &["-fvisibility=hidden"]].concat();
    build(&at("libfirst.so"), DEFINES, &bare);
    build(&at("libsecond.so"), DEFINES, &bare);
    build(&at("libhidden.so"), DEFINES, &hidden);
    build(&at("plugin.so"), DEFINES, &bare);
    let path = folder.path().to_str().expect("UTF-8");
    let search = [&format!("-L{path}")[..], &format!("-Wl,-rpath,{path}")].map(str::to_owned);
    let flags: Vec<&str> = search.iter().map(String::as_str).collect();
    build(
        &at("program"),
        MAIN,
        &[&flags[..], &["-lfirst", "-lsecond", "-lhidden"]].concat(),
    );

    let output = audit(&[&at("program"), folder.path()]);
    let rows = rows(&output);
    let about = &rows
        .iter()
        .find(|row| row["path"] == *at("program").to_str().expect("UTF-8"))
        .expect("the program has a row")["program"];
    let first = at("libfirst.so");
    assert_eq!(about["winner"], *first.to_str().expect("UTF-8"));
    assert_eq!(about["missing"], serde_json::json!([]));
    assert_eq!(about["hidden"].as_array().map(Vec::len), Some(1));
    assert!(about["run"]["owner"].is_string(), "{about}");
    let has = |name: &str, rule: &str| rules(&rows, name).iter().any(|it| it == rule);
    assert!(has("libhidden.so", "second-definer"));
    assert!(!has("libfirst.so", "second-definer"), "it wins");
    assert!(
        !has("libsecond.so", "second-definer"),
        "it uses the first one's"
    );
    assert!(has("plugin.so", "dlopened-definer"));
    assert!(!has("libsecond.so", "dlopened-definer"));
    assert_eq!(output.status.code(), Some(1), "an error");
    let alone = audit(&[Path::new("/bin/sh")]);
    assert_eq!(alone.status.code(), Some(0), "{alone:?}");
    assert_eq!(audit(&[&at("none")]).status.code(), Some(2));
}

#[test]
fn a_program_in_another_root() {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path();
    let flags = ["-shared", "-fPIC", "-nostdlib", "-Wl,-z,nodelete"];
    build(&root.join("opt/real/libarea.so"), DEFINES, &flags);
    let area = root.join("opt/real/libarea.so");
    build(
        &root.join("usr/bin/program"),
        MAIN,
        &[
            "-nostdlib",
            "-Wl,-e,main",
            "-Wl,-rpath,/opt/links",
            "-Wl,-soname,x",
            "-L",
            area.parent().and_then(Path::to_str).expect("UTF-8"),
            "-larea",
        ],
    );
    // absolute links lead back into the root
    symlink("/opt/real", root.join("opt/links")).expect("a link");
    symlink("/usr/bin", root.join("bin")).expect("a link");
    let output = audit(&[Path::new("/bin/program"), Path::new("--root"), root]);
    let rows = rows(&output);
    let about = &rows
        .iter()
        .find(|row| !row["program"].is_null())
        .expect("the program has a row")["program"];
    let winner = about["winner"].as_str().expect("a path");
    assert_eq!(Path::new(winner), area);
    assert_eq!(about["run"], Value::Null);

    // a root that is not there is told as what it is
    let gone = root.join("gone");
    let output = audit(&[Path::new("/bin/program"), Path::new("--root"), &gone]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("/gone: no such folder"), "{told}");
    assert_eq!(output.status.code(), Some(2));
}
