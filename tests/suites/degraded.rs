//! The conformance suite in worlds that lack something, or that others have
//! furnished: the answers are those of the ordinary world.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::debian;
use rseq_kit::executable;
use rseq_kit::needs::{Need, Sanitizer, program};
use rseq_kit::runner::{Outcome, Suite, none_of};
use rseq_kit::scratch;
use rseq_lab_conformance as conformance;
use rseq_lab_conformance::known::Verdict;
use rseq_lab_conformance::{
    Cell, Conditions, Known, Loader, Owner, Place, Programs, Root, Source, answers,
};

/// Percent of the usual rounds.
const ROUNDS: &str = "5";

/// What the shim registers, in each of its ways.
const OWNERS: [Owner; 3] = [Owner::Shim, Owner::Takeover, Owner::Adopted];

/// ASan's runtime ends a process that has no memory for it, and keeps what it
/// knows of threads that have ended.
const NOT_WITH_ASAN: [&str; 2] = ["limits", "soak"];

fn main() -> ExitCode {
    let needs = [Need::CC, Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];
    let with = |more: &[Need]| [&needs[..], more].concat();
    let mut suite = Suite::new();
    for owner in OWNERS {
        let name = |world: &str| format!("{world}::{}", owner.name());
        suite.add(name("report_to_full_disk"), &needs, move || {
            report(owner, "/dev/full")
        });
        suite.add(name("report_to_missing_folder"), &needs, move || {
            report(owner, "/nonexistent/folder/report")
        });
        let mounts = with(&[Need::ROOT, Need::MOUNT_NAMESPACE]);
        suite.add(name("report_to_full_tmpfs"), &mounts, move || {
            on_tmpfs(
                owner,
                "size=8k,mode=1777",
                "head -c 8192 /dev/zero > room/filled",
            )
        });
        suite.add(name("report_to_read_only_tmpfs"), &mounts, move || {
            on_tmpfs(owner, "size=8k", "mount -o remount,ro room")
        });
        for release in ["bullseye", "forky"] {
            if owner == Owner::Takeover && release == "bullseye" {
                continue;
            }
            suite.add(
                format!("chroot_without_proc::{release}::{}", owner.name()),
                &with(&[Need::ROOT, conformance::need(release)]),
                move || in_chroot(owner, release),
            );
        }
    }
    // two libraries that both bring a malloc would be no adopter's fault
    for owner in [Owner::Passive, Owner::Shim, Owner::Takeover] {
        let name = |world: &str| format!("{world}::{}", owner.name());
        let jemalloc_there = with(&[debian::need("libjemalloc2")]);
        suite.add(name("jemalloc_before"), &jemalloc_there, move || {
            preloaded(owner, &[jemalloc()?], &[], &[], &[])
        });
        suite.add(name("jemalloc_after"), &jemalloc_there, move || {
            preloaded(owner, &[], &[jemalloc()?], &[], &[])
        });
        let asan = with(&[Need::new(&Sanitizer("address"))]);
        suite.add(name("asan_before"), &asan, move || {
            preloaded(owner, &[asan_runtime()?], &[], &[], &NOT_WITH_ASAN)
        });
        suite.add(name("asan_after"), &asan, move || {
            let order = [("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0")];
            preloaded(owner, &[], &[asan_runtime()?], &order, &NOT_WITH_ASAN)
        });
    }
    suite.run()
}

/// The programs to run: all, or those of these names.
fn programs(only: &[&str]) -> Result<(&'static Programs, Vec<&'static Source>), String> {
    let programs = Programs::for_host()?;
    let chosen = programs
        .sources
        .iter()
        .filter(|program| only.is_empty() || only.contains(&&*program.name))
        .collect();
    Ok((programs, chosen))
}

/// The answers that a program gives when it is run so.
fn wrong(
    program: &Source,
    owner: Owner,
    glibc: (u32, u32),
    run: Program,
) -> Result<Vec<String>, String> {
    let finished = run.run()?;
    let answers = answers::parse(&finished.out)
        .map_err(|error| format!("{}: {error}\n{}", program.name, finished.err))?;
    let conditions = Conditions::here(owner, glibc)?;
    let judged = Known::read()?.judge(program, &conditions, finished.code(), &answers);
    Ok(judged
        .into_iter()
        .filter_map(|judged| match judged.verdict {
            Verdict::Wrong(why) => Some(format!("{}: {why} {}", judged.question, finished.err)),
            _ => None,
        })
        .collect())
}

/// The shim cannot write its report, and says so; the program does not notice.
fn report(owner: Owner, path: &str) -> Outcome {
    let root = Root::host()?;
    let (all, chosen) = programs(&["registered", "children", "endings"])?;
    let mut found = Vec::new();
    for program in chosen {
        for variable in ["RSEQ_SHIM_REPORT", "RSEQ_SHIM_LOG"] {
            let mut cell = Cell::new(program, owner, &all.place(&root)?);
            cell.environment
                .push((variable.to_owned(), path.to_owned()));
            cell.environment
                .push(("CONFORMANCE_ROUNDS".to_owned(), ROUNDS.to_owned()));
            found.extend(wrong(program, owner, root.glibc, cell.as_program()?)?);
        }
    }
    none_of(found)
}

/// The same in a mount namespace, on a file system that cannot take the report.
fn on_tmpfs(owner: Owner, options: &str, then: &str) -> Outcome {
    let root = Root::host()?;
    let (all, chosen) = programs(&["registered", "children"])?;
    let folder = scratch::directory("tmpfs")?;
    fs::create_dir(folder.join("room")).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for judged in chosen {
        let mut cell = Cell::new(judged, owner, &all.place(&root)?);
        let report = folder.join("room/report");
        cell.environment
            .push(("RSEQ_SHIM_REPORT".to_owned(), report.display().to_string()));
        // the variables are for the program, not for the shell
        let set: Vec<_> = cell
            .environment
            .iter()
            .map(|(name, value)| format!("'{name}={value}'"))
            .collect();
        let script = format!(
            "set -e; mount -t tmpfs -o {options} tmpfs room; {then}; exec env {} {}",
            set.join(" "),
            cell.words.join(" ")
        );
        let run = Program::new(program("unshare")?)
            .args(["--mount", "sh", "-c", &script])
            .directory(&folder)
            .limit(rseq_lab_conformance::cell::LIMIT);
        found.extend(wrong(judged, owner, root.glibc, run)?);
    }
    none_of(found)
}

/// With other libraries preloaded, before and after.
fn preloaded(
    owner: Owner,
    before: &[PathBuf],
    after: &[PathBuf],
    variables: &[(&str, &str)],
    left_out: &[&str],
) -> Outcome {
    let root = Root::host()?;
    let (all, chosen) = programs(&[])?;
    let place = all.place(&root)?;
    let mut found = Vec::new();
    for program in chosen {
        if left_out.contains(&&*program.name) {
            continue;
        }
        let mut cell = Cell::with_preloads(program, owner, &place, before, after);
        let mut set = BTreeMap::from([("CONFORMANCE_ROUNDS", ROUNDS)]);
        set.extend(variables.iter().copied());
        for (name, value) in set {
            cell.environment.push((name.to_owned(), value.to_owned()));
        }
        found.extend(wrong(program, owner, root.glibc, cell.as_program()?)?);
    }
    none_of(found)
}

/// jemalloc as Debian ships it: an allocator that is preloaded.
fn jemalloc() -> Result<PathBuf, String> {
    let root = debian::files("libjemalloc2")?;
    let path = root.join("usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
    path.is_file()
        .then_some(path)
        .ok_or_else(|| format!("no libjemalloc.so.2 in {}", root.display()))
}

fn asan_runtime() -> Result<PathBuf, String> {
    let answer = Program::with_callers_environment(program("cc")?)
        .arg("-print-file-name=libasan.so")
        .run()?
        .expect(0)?;
    Ok(answer.out.trim().into())
}

/// A root with one glibc, the shim and the programs, and nothing else: no /proc,
/// no /dev, no /tmp.
fn in_chroot(owner: Owner, release: &str) -> Outcome {
    let root = Root::open(release)?;
    let all = Programs::for_all()?;
    let loader = root.loader.as_ref().ok_or("no root of its own")?;
    let folder = scratch::directory("chroot")?;
    let libraries = folder.join("lib");
    for from in &loader.libraries {
        copy_libraries(from, &libraries)?;
    }
    copy(&all.folder, &folder.join("programs"), |_| true)?;
    let shim = artifacts()?;
    for library in [&shim.shim, &shim.abi] {
        let name = library.file_name().unwrap_or_default();
        copy_file(library, &folder.join("programs").join(name))?;
    }
    let place = Place {
        programs: "/programs".into(),
        shim: "/programs/librseq_shim.so".into(),
        loader: Some(Loader {
            ld_so: "/lib/ld-linux-x86-64.so.2".into(),
            libraries: vec!["/lib".into()],
        }),
    };
    let mut found = Vec::new();
    for judged in &all.sources {
        let cell = Cell::new(judged, owner, &place);
        let mut run = Program::new(program("chroot")?)
            .arg(&folder)
            .args(&cell.words)
            .env("CONFORMANCE_ROUNDS", ROUNDS)
            .limit(rseq_lab_conformance::cell::LIMIT);
        for (name, value) in &cell.environment {
            run = run.env(name, value);
        }
        found.extend(wrong(judged, owner, root.glibc, run)?);
    }
    none_of(found)
}

fn copy_libraries(from: &Path, to: &Path) -> Result<(), String> {
    const NEEDED: [&str; 9] = [
        "ld-",
        "libc.",
        "libc-",
        "libpthread",
        "librt",
        "libanl",
        "libdl",
        "libgcc_s",
        "libresolv",
    ];
    copy(from, to, |name| {
        NEEDED.iter().any(|needed| name.starts_with(needed))
    })
}

/// Copies files, not folders; links become what they lead to.
fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(say)?;
    for entry in fs::read_dir(from).map_err(say)? {
        let entry = entry.map_err(say)?;
        let name = entry.file_name();
        if wanted(&name.to_string_lossy()) && entry.path().is_file() {
            copy_file(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), String> {
    executable::copied(from, to, 0o755)
}
