//! The crate in a shared library, in programs that know nothing of it: linked and loaded at
//! run time, beside other definitions, below the archive, where the kernel refuses, after
//! a fork, and in a task that the libc does not know.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::installed::{adopter, archive, include, install, source};

/// The program, and its options beside those that all have.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("alone", &[]),
    // a definition in the program, which comes first
    ("defined_twice", &["-DDEFINE", EXPORT]),
    // the same, and who registers it
    ("owned", &["-DOWNED", EXPORT]),
];

/// Who defines the area for the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definer {
    /// The crate, and rustc exports it from no cdylib: it is the library's own.
    Crate,
    /// `librseq_abi.so`, which the library is linked with.
    Abi,
}

const EXPORT: &str = "-Wl,--export-dynamic-symbol=__rseq_abi";

/// Adds one test per program and way to the library.
pub fn add(suite: &mut Suite) {
    for (name, options) in PROGRAMS {
        let ways = [
            ("abi_linked", Definer::Abi, false),
            ("abi_loaded", Definer::Abi, true),
            ("crate_linked", Definer::Crate, false),
            ("crate_loaded", Definer::Crate, true),
        ];
        for (way, definer, is_loaded) in ways {
            // whether it hears of the owner's registration is up to the libc
            if definer == Definer::Crate && name == "owned" {
                continue;
            }
            let needs = [
                Need::CC,
                Need::BINUTILS,
                Need::X86_64,
                Need::RSEQ,
                Need::GLIBC_2_35,
                Need::of(Tool("cargo")),
            ];
            suite.add(format!("library::{name}::{way}"), &needs, move || {
                counts(name, options, definer, is_loaded)
            });
        }
    }
}

/// The library, which cargo builds.
pub fn library(definer: Definer) -> Result<PathBuf, String> {
    static BY_CRATE: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| build_library(Definer::Crate));
    static BY_ABI: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| build_library(Definer::Abi));

    match definer {
        Definer::Crate => BY_CRATE.clone(),
        Definer::Abi => BY_ABI.clone(),
    }
}

fn build_library(definer: Definer) -> Result<PathBuf, String> {
    let folder = scratch::directory("adopts")?;
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let adopter = adopter()?;
    let features = match definer {
        Definer::Crate => "\"define\"",
        Definer::Abi => "",
    };
    for name in ["Cargo.toml", "lib.rs", "build.rs"] {
        let text = fs::read_to_string(source("crate").join(name)).map_err(say)?;
        let text = text.replace("@ADOPTER@", &adopter.display().to_string());
        fs::write(folder.join(name), text.replace("@FEATURES@", features)).map_err(say)?;
    }
    let mut cargo = Program::with_callers_environment(program("cargo")?)
        .args(["build", "--quiet", "--offline", "--target-dir", "target"])
        .directory(&folder)
        .limit(Duration::from_secs(300));
    if definer == Definer::Abi {
        cargo = cargo.env("ABI", install()?.join("lib"));
    }
    cargo.run()?.expect(0)?;
    Ok(folder.join("target/debug/libadopts.so"))
}

fn build(options: &[&str], library: &Path, is_loaded: bool) -> Result<PathBuf, String> {
    let binary = scratch::directory("adopts")?.join("adopts");
    let mut cc = Program::with_callers_environment(program("cc")?)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"])
        .arg(source("adopts.c"))
        .arg("-I")
        .arg(include()?);
    if !is_loaded {
        let folder = library.parent().unwrap_or(library);
        cc = cc
            .arg("-Wl,--no-as-needed")
            .arg(library)
            .arg(format!("-Wl,-rpath,{}", folder.display()));
    }
    if options.contains(&"-DOWNED") {
        cc = cc.arg(&archive()?);
    }
    cc.args(options)
        .args(["-ldl", "-o"])
        .arg(&binary)
        .run()?
        .expect(0)?;
    Ok(binary)
}

fn counts(name: &str, options: &[&str], definer: Definer, is_loaded: bool) -> Outcome {
    let library = library(definer)?;
    let binary = build(options, &library, is_loaded)?;
    let run = |tunables: &str| {
        Program::new(&binary)
            .args(is_loaded.then_some(&library))
            .env("GLIBC_TUNABLES", tunables)
    };
    // who has registered before, and what a thread is told
    for (tunables, denied, state, owner) in [
        ("glibc.pthread.rseq=0", None, 1, 2),
        ("glibc.pthread.rseq=1", None, 1, 1),
        ("glibc.pthread.rseq=0", Some(libc::ENOSYS), -libc::ENOSYS, 0),
        ("glibc.pthread.rseq=0", Some(libc::EPERM), -libc::EPERM, 0),
    ] {
        let mut program = run(tunables);
        if let Some(errno) = denied {
            program = program.deny(errno);
        }
        let done = program.run()?.expect(0)?;
        let mut expected = vec![
            format!("main {state}"),
            format!("thread {state}"),
            "raw clone lives".to_owned(),
            "sum 3000".to_owned(),
            format!("child {state}"),
            "its sum 4000".to_owned(),
            "it ended with 0".to_owned(),
        ];
        if name != "alone" {
            let is_one = u8::from(definer == Definer::Abi);
            expected.push(format!("one area {is_one}"));
        }
        if name == "owned" {
            expected.push(format!("owner {owner}"));
        }
        if is_loaded {
            // a library that defines nothing may go, and come again with new counts
            let [stays, sum, its_sum] = match definer {
                Definer::Crate => ["stays", "sum 4000", "its sum 5000"],
                Definer::Abi => ["gone", "sum 3000", "its sum 4000"],
            };
            expected.insert(0, stays.to_owned());
            (expected[4], expected[6]) = (sum.to_owned(), its_sum.to_owned());
        }
        let said: Vec<_> = done.out.lines().collect();
        assert_eq!(said, expected, "{tunables}, {denied:?}: {}", done.err);
    }
    Ok(())
}

/// The archive makes a program an owner. A linker does not take it for a library, which
/// might come too late.
#[rseq_kit::test(Need::CC, Need::BINUTILS, Need::X86_64)]
fn archive_is_for_programs() -> Outcome {
    let out = scratch::directory("refused")?.join("libowned.so");
    let done = Program::with_callers_environment(program("cc")?)
        .args(["-shared", "-fPIC", "-Wl,--undefined=rseq_shim_owner"])
        .arg(source("define.c"))
        .arg("-I")
        .arg(include()?)
        .arg(&archive()?)
        .arg("-o")
        .arg(&out)
        .run()?;
    assert_ne!(done.code(), 0);
    assert!(done.err.contains("preinit"), "{}", done.err);
    Ok(())
}
