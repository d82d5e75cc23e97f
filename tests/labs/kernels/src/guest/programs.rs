//! The guests' own programs, `kernels/*.c`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rseq_kit::artifacts::room;
use rseq_kit::child::Program;
use rseq_kit::needs::program;
use rseq_kit::scratch;
use rseq_lab_conformance::{Source, build};

use rseq_kit::machine::Machine;

/// The source of a client that `rseqctl run` judges by its code: not for s390x, for which
/// there is no command.
const CACHED: &str = "cached.c";

/// Programs that no C library of the guest can disturb: name, source.
const STATIC: [(&str, &str); 3] = [
    ("init", "init.c"),
    ("facts", "facts.c"),
    ("cached-static", CACHED),
];

/// Programs that the dynamic linker starts: name, source, options.
const DYNAMIC: [(&str, &str, &[&str]); 5] = [
    ("length", "length.c", &[]),
    ("length-wide", "length.c", &["-DWIDE", "-rdynamic"]),
    ("cached-hidden", CACHED, &["-DDIRECT"]),
    ("cached-by-pointer", CACHED, &[]),
    ("cached-exported", CACHED, &["-DEXPORTED", "-rdynamic"]),
];

/// The first process of a machine.
///
/// # Errors
///
/// It does not build.
pub fn first(machine: Machine) -> Result<PathBuf, String> {
    static AARCH64: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| first_alone(Machine::Aarch64));
    static S390X: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| first_alone(Machine::S390x));
    match machine {
        Machine::X86_64 => Ok(folder(machine)?.join("init")),
        Machine::Aarch64 => AARCH64.clone(),
        Machine::S390x => S390X.clone(),
    }
}

fn first_alone(machine: Machine) -> Result<PathBuf, String> {
    let folder = scratch::directory("guest-programs")?;
    build_static(machine, "init.c", &folder.join("init"))?;
    Ok(folder.join("init"))
}

fn build_static(machine: Machine, source: &str, place: &Path) -> Result<(), String> {
    Program::with_callers_environment(program(machine.compiler())?)
        .args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"])
        .args(["-static", "-pthread", "-o"])
        .args([place, &path(source)])
        .run()?
        .expect(0)
        .map(drop)
}

/// The folder with all of a machine's.
///
/// # Errors
///
/// One does not build.
pub fn folder(machine: Machine) -> Result<&'static Path, String> {
    type Folder = LazyLock<Result<PathBuf, String>>;
    static HERE: Folder = LazyLock::new(|| build_all(Machine::X86_64));
    static AARCH64: Folder = LazyLock::new(|| build_all(Machine::Aarch64));
    static S390X: Folder = LazyLock::new(|| build_all(Machine::S390x));
    let built = match machine {
        Machine::X86_64 => &HERE,
        Machine::Aarch64 => &AARCH64,
        Machine::S390x => &S390X,
    };
    built.as_deref().map_err(Clone::clone)
}

fn build_all(machine: Machine) -> Result<PathBuf, String> {
    let folder = scratch::directory("guest-programs")?;
    let is_known = |source: &str| machine != Machine::S390x || source != CACHED;
    for (name, source) in STATIC.iter().filter(|(_, source)| is_known(source)) {
        build_static(machine, source, &folder.join(name))?;
    }
    for (name, source, options) in DYNAMIC.iter().filter(|(_, source, _)| is_known(source)) {
        let program = Source {
            name: (*name).to_owned(),
            path: path(source),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            uses: Vec::new(),
            questions: Vec::new(),
        };
        build::compile_for(machine, &program, &folder)?;
    }
    Ok(folder)
}

/// A source by its name.
fn path(name: &str) -> PathBuf {
    room().join("kernels").join(name)
}
