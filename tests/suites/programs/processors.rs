//! Folders for better processors: glibcs that have three ways to choose them, here
//! and on emulated processors of several kinds.
//!
//! Every folder that any of them could look into is there. What each program finds
//! says which are searched, and which of two comes first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::foreign::Libc;
use rseq_kit::needs::program;
use rseq_kit::runner::Outcome;
use rseq_lab_kernels::guest::{Command, Guest, Kernel, Results, libraries_of};

use super::{PLATFORMS, Start, Tree, audited, ours, real, rpath, same, started, told};

/// Debian's suites: glibc 2.31, 2.36, 2.41 and 2.43.
pub(crate) const SUITES: [&str; 4] = ["bullseye", "bookworm", "trixie", "forky"];

/// qemu's names: before x86-64-v2, Intel's before and since Haswell, AMD's with the
/// same features. None that it can emulate has AVX-512.
pub(crate) const PROCESSORS: [&str; 4] = ["qemu64", "Nehalem", "Haswell-noTSX", "EPYC"];

/// How many of the next folders each one is compared with.
const NEIGHBOURS: usize = 4;

/// The most folders that are emulated: there every library takes its time.
const EMULATED_NEIGHBOURS: usize = 1;

/// All folders below a searched one, in the order that glibc has for the highest.
fn folders() -> Vec<String> {
    let named = ["x86-64-v4", "x86-64-v3", "x86-64-v2"];
    let mut folders: Vec<_> = named.map(|name| format!("glibc-hwcaps/{name}")).into();
    let mut seen = BTreeSet::new();
    for chosen in (1..1_u32 << 6).rev() {
        let parts = ["x86_64", "avx512_1", "x86_64", "haswell", "xeon_phi", "tls"];
        let parts = parts.iter().enumerate().rev();
        let parts: Vec<_> = parts
            .filter(|(place, _)| chosen & 1 << place != 0)
            .map(|(_, part)| *part)
            .collect();
        let path = parts.join("/");
        if seen.insert(path.clone()) {
            folders.push(path);
        }
    }
    folders
}

/// A program for the dynamic linker `interpreter`, with its libraries, in `place`.
fn build(tree: &Tree, place: &str, interpreter: &Path, neighbours: usize) -> Result<(), String> {
    let library = tree.shared_without_name(&format!("{place}/library"))?;
    let mut names = Vec::new();
    let mut put = |name: String, folders: &[&str]| -> Result<(), String> {
        for folder in folders {
            let path = tree.at(place).join("lib").join(folder).join(&name);
            fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(|it| it.to_string())?;
            fs::copy(&library, path).map_err(|error| error.to_string())?;
        }
        names.push(name);
        Ok(())
    };
    let folders = folders();
    for (one, first) in folders.iter().enumerate() {
        put(format!("libonly{one}.so"), &[first, "."])?;
        for (two, second) in folders.iter().enumerate().skip(one + 1).take(neighbours) {
            put(format!("libpair{one}and{two}.so"), &[first, second, "."])?;
        }
    }
    let platforms = PLATFORMS.map(|name| format!("../platform/{name}"));
    put(
        "libplatform.so".into(),
        &platforms.each_ref().map(|name| &**name),
    )?;
    let mut options: Vec<_> = names.iter().map(|name| format!("-l:{name}")).collect();
    let lib = tree.at(place).join("lib").display().to_string();
    let first = lib.replace("/lib", "/platform/x86_64");
    options.extend([
        format!("-L{lib}"),
        format!("-L{first}"),
        format!("-Wl,--dynamic-linker={}", interpreter.display()),
        rpath("$ORIGIN/lib:$ORIGIN/platform/$PLATFORM"),
    ]);
    tree.program(&format!("{place}/program"), &options)
}

/// Some libraries were found, and not all of them in the plain folder.
fn worthwhile(found: &Start) -> Result<(), String> {
    if found.0.len() < folders().len() {
        return Err(format!("the test has lost its libraries: {found:?}"));
    }
    Ok(())
}

/// This processor, as the glibc of `suite` sees it.
pub(crate) fn here(suite: &str) -> Outcome {
    let tree = Tree::new("processor")?;
    let [linker, ..] = Libc::of(suite)?.command(Path::new(""));
    build(&tree, "here", &linker, NEIGHBOURS)?;
    let path = tree.at("here/program");
    let expected = started(Program::new(&path), &[])?;
    worthwhile(&expected)?;
    same(suite, &real(ours(&path, &[], &[])?), &real(expected))?;
    Ok(())
}

/// An emulated processor, as all of them see it.
pub(crate) fn emulated(processor: &'static str, kernel: Kernel) -> Outcome {
    let tree = Tree::new("emulated")?;
    let command = tree.at("rseqctl");
    Program::new(program("strip")?)
        .args(["--strip-debug".as_ref(), artifacts()?.rseqctl.as_os_str()])
        .args(["-o".as_ref(), command.as_os_str()])
        .run()?
        .expect(0)?;
    let mut guest = Guest::new().processor(processor).file("/rseqctl", &command);
    for file in libraries_of(&command)? {
        guest = guest.file(&file.display().to_string(), &file);
    }
    for suite in SUITES {
        let [linker, ..] = Libc::of(suite)?.command(Path::new(""));
        let inside = PathBuf::from(format!("/{suite}/ld-linux-x86-64.so.2"));
        guest = guest.file(&inside.display().to_string(), &linker);
        build(&tree, suite, &inside, EMULATED_NEIGHBOURS)?;
        for path in files(&tree.at(suite)).map_err(|error| error.to_string())? {
            let place = path.strip_prefix(&tree.root).unwrap_or(&path);
            guest = guest.file(&format!("/{}", place.display()), &path);
        }
        let path = format!("/{suite}/program");
        let limit = Duration::from_secs(300);
        let traced = Command::new(&path).env("LD_TRACE_LOADED_OBJECTS", "1");
        let audit = Command::new("/rseqctl")
            .args(["audit", "--format", "ndjson", "--all", "--fail-on", "never"])
            .args(["--program", &path]);
        guest = guest.run(traced.limit(limit)).run(audit.limit(limit));
    }
    guest.ask(&kernel, |answers| judged(processor, answers))
}

/// Whether the command found what each glibc's dynamic linker found.
fn judged(processor: &str, answers: Results) -> Outcome {
    let answers: Vec<Finished> = answers.into_iter().collect::<Result<_, _>>()?;
    for (suite, pair) in SUITES.into_iter().zip(answers.chunks(2)) {
        let [traced, audit] = pair else {
            return Err(format!("{suite}: nothing was run").into());
        };
        let expected = told(&traced.out);
        worthwhile(&expected)?;
        let what = format!("glibc of {suite} on {processor}");
        same(&what, &audited(audit)?, &expected)?;
    }
    Ok(())
}

/// All files below a folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
