//! `librseq_owner.a`: programs of every kind, by every linker, that own themselves.

use std::fs;
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::{artifacts, workspace};
use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::installed::{archive, include, source};

const LINKERS: [(&str, &str); 4] = [
    ("bfd", "ld.bfd"),
    ("gold", "ld.gold"),
    ("lld", "ld.lld"),
    ("mold", "mold"),
];

/// How a program is linked, and whether the libc's own threads pass through the
/// archive as well.
const KINDS: [(&str, &[&str], bool); 6] = [
    ("static", &["-static"], false),
    ("static_wrapped", &["-static", WRAP, PULL], true),
    ("static_pie", &["-static-pie"], false),
    ("static_pie_wrapped", &["-static-pie", WRAP, PULL], true),
    ("pie", &["-pie", "-fPIE"], false),
    ("non_pie", &["-no-pie", "-fno-pie"], false),
];

/// What `rseq-owner.pc` has in its `Libs.private`.
const WRAP: &str = "-Wl,--wrap=__pthread_create";
const PULL: &str = "-Wl,--undefined=__pthread_create";

const OFF: &str = "glibc.pthread.rseq=0";
const ON: &str = "glibc.pthread.rseq=1";

/// Adds one test per linker and kind.
pub fn add(suite: &mut Suite) {
    for (linker, tool) in LINKERS {
        for (kind, options, wrapped) in KINDS {
            // gcc gives an option for it that gold does not have
            if linker == "gold" && kind.starts_with("static_pie") {
                continue;
            }
            let mut needs = vec![
                Need::CC,
                Need::BINUTILS,
                Need::X86_64,
                Need::RSEQ,
                Need::GLIBC_2_35,
                Need::of(Tool(tool)),
            ];
            if kind.starts_with("static") {
                needs.push(Need::STATIC_LIBC);
            }
            suite.add(format!("owner::{linker}::{kind}"), &needs, move || {
                owns(linker, options, wrapped)
            });
        }
    }
}

/// Links a program with the archive.
fn link(sources: &[&str], linker: &str, options: &[&str]) -> Result<PathBuf, String> {
    let owner = archive()?;
    let folder = owner.parent().unwrap_or(Path::new("."));
    let binary = scratch::directory("owned")?.join("owned");
    Program::with_callers_environment(program("cc")?)
        .args(["-O2", "-Wall", "-Wextra", "-Werror"])
        .arg(format!("-fuse-ld={linker}"))
        .arg("-I")
        .arg(include()?)
        .args(sources.iter().map(|name| source(name)))
        .arg(format!("-L{}", folder.display()))
        .args(["-lrseq_owner"])
        .args(options)
        .arg("-o")
        .arg(&binary)
        .run()?
        .expect(0)?;
    Ok(binary)
}

fn run(binary: &Path, tunables: &str) -> Program {
    Program::new(binary).env("GLIBC_TUNABLES", tunables)
}

fn says(done: &Finished, lines: &[&str]) -> Outcome {
    for line in lines {
        if !done.out.lines().any(|said| said == *line) {
            return Err(format!("not said: {line:?}\n{}", done.out).into());
        }
    }
    Ok(())
}

/// Every place in which a thread may be is registered.
const OWNED: [&str; 11] = [
    "before main 1",
    "main 1",
    "owner 2",
    "thread 1",
    "C11 thread 1 returns -7",
    "exits 1",
    "many 200",
    "raw clone 1, main 1",
    "child 1",
    "enter 0, leave 0, again -22",
    "at the end 1",
];

fn owns(linker: &str, options: &[&str], wrapped: bool) -> Outcome {
    let binary = link(&["owned.c"], linker, options)?;
    let owned = run(&binary, OFF).run()?.expect(0)?;
    says(&owned, &OWNED)?;
    let threads_of_libc = if wrapped { 1 } else { -1 };
    says(
        &owned,
        &[
            &format!("timer {threads_of_libc}"),
            &format!("aio {threads_of_libc}"),
        ],
    )?;
    assert_eq!(owned.err, "");

    // the libc is first: nothing is taken from it
    let libc = run(&binary, ON).run()?.expect(0)?;
    let beside = [
        "before main -1",
        "main -1",
        "owner 1",
        "thread -1",
        "C11 thread -1 returns -7",
        "many 200",
        "child -1",
    ];
    says(&libc, &beside)?;

    // nobody can
    for errno in [libc::ENOSYS, libc::EPERM] {
        let refused = run(&binary, OFF).deny(errno).run()?.expect(0)?;
        let marked = [
            "before main -2",
            "owner 0",
            "thread -2",
            "C11 thread -2 returns -7",
            "many 200",
            &format!("enter -{errno}, leave -22, again -22"),
        ];
        says(&refused, &marked)?;
    }

    // and nobody asks for anything
    let off = run(&binary, OFF)
        .env("RSEQ_SHIM_MODE", "off")
        .forbid()
        .run()?
        .expect(0)?;
    says(&off, &["main -1", "thread -1", "many 200"])
}

/// The names that the archive brings into a program are the promised ones, and what it
/// asks of the libc is in each.
#[rseq_kit::test(Need::X86_64, Need::BINUTILS)]
fn brings_no_other_names() -> Outcome {
    let listed = Program::new(program("nm")?)
        .arg("--extern-only")
        .arg(archive()?)
        .run()?
        .expect(0)?;
    let named = |kinds: &str| -> Vec<&str> {
        let mut names: Vec<_> = listed
            .out
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().rev();
                let (name, kind) = (words.next()?, words.next()?);
                (kind.len() == 1 && kinds.contains(kind)).then_some(name)
            })
            .collect();
        names.sort_unstable();
        names
    };
    let promised = include_str!("../../../loader-shim/owner/names.txt");
    let promised: Vec<_> = promised.lines().collect();
    assert_eq!(named("TWVDBR"), promised);
    // what every linker defines, and what brings the libc's pthread_create in
    let known = ["__bss_start", "__ehdr_start", "_end", "timer_create"];
    let asked = named("U");
    assert!(asked.contains(&"timer_create"), "{asked:?}");
    assert!(asked.iter().all(|name| known.contains(name)), "{asked:?}");
    Ok(())
}

/// The same bytes, whoever makes it and when.
#[rseq_kit::test(Need::X86_64, Need::BINUTILS)]
fn is_the_same_each_time() -> Outcome {
    let folder = scratch::directory("archives")?;
    let built = &artifacts()?.owner.with_file_name("librseq_owner_parts.a");
    let make = |name: &str| -> Result<Vec<u8>, String> {
        let place = folder.join(name);
        Program::with_callers_environment(workspace().join("loader-shim/owner/archive.sh"))
            .args([built, &place])
            .run()?
            .expect(0)?;
        fs::read(&place).map_err(|error| format!("{}: {error}", place.display()))
    };
    assert!(make("one.a")? == make("other.a")?);
    Ok(())
}

/// The archive alone is enough for a program that creates threads and needs nothing else:
/// a static one has the libc's own pthread_create then, too.
#[rseq_kit::test(
    Need::CC,
    Need::BINUTILS,
    Need::STATIC_LIBC,
    Need::X86_64,
    Need::RSEQ,
    Need::GLIBC_2_35
)]
fn is_enough_alone() -> Outcome {
    for kind in ["-static", "-static-pie", "-pie", "-no-pie"] {
        let binary = link(&["creates.c"], "bfd", &[kind])?;
        let done = run(&binary, OFF).run()?.expect(0)?;
        assert_eq!(done.out, "main 1, thread 1\n", "{kind}");
    }
    Ok(())
}

/// Definitions of the program's own, and of two objects, are one.
#[rseq_kit::test(Need::CC, Need::BINUTILS, Need::X86_64, Need::RSEQ, Need::GLIBC_2_35)]
fn keeps_the_programs_definition() -> Outcome {
    for more in [&["define.c"][..], &["define.c", "define_too.c"]] {
        let sources = [&["owned.c"][..], more].concat();
        let binary = link(&sources, "bfd", &["-rdynamic"])?;
        says(&run(&binary, OFF).run()?.expect(0)?, &OWNED)?;
    }
    Ok(())
}

/// Below the shim, which registers what the program exports, both count as one; what
/// it hides is left to the program.
#[rseq_kit::test(Need::CC, Need::BINUTILS, Need::X86_64, Need::RSEQ, Need::GLIBC_2_35)]
fn shares_with_the_shim() -> Outcome {
    let exported = link(
        &["owned.c"],
        "bfd",
        &["-Wl,--export-dynamic-symbol=__rseq_abi"],
    )?;
    let preloaded = run(&exported, OFF)
        .env("LD_PRELOAD", &artifacts()?.shim)
        .run()?
        .expect(0)?;
    says(&preloaded, &OWNED)?;
    // by the shim, which stands behind the libc's own threads as well
    says(&preloaded, &["timer 1"])?;

    let hidden = link(&["owned.c"], "bfd", &[])?;
    let preloaded = run(&hidden, OFF)
        .env("LD_PRELOAD", &artifacts()?.shim)
        .run()?
        .expect(0)?;
    says(&preloaded, &OWNED)
}

/// `rseqctl run` knows such a program, stripped and static too: it switches the libc's
/// registration off and leaves the rest to the program.
#[rseq_kit::test(
    Need::CC,
    Need::BINUTILS,
    Need::STATIC_LIBC,
    Need::X86_64,
    Need::RSEQ,
    Need::GLIBC_2_35
)]
fn is_known_to_run() -> Outcome {
    for options in [
        &["-static"][..],
        &["-static", "-s"],
        &["-static-pie", "-s"],
        &["-pie"],
        &["-pie", "-s"],
        &["-pie", "-s", "-Wl,--export-dynamic-symbol=__rseq_abi"],
    ] {
        let binary = link(&["owned.c"], "bfd", options)?;
        let done = Program::new(&artifacts()?.rseqctl)
            .args(["run", "--"])
            .arg(&binary)
            .run()?
            .expect(0)?;
        says(&done, &OWNED)
            .map_err(|error| format!("{options:?}: {}", error.message().unwrap_or("?")))?;
    }
    Ok(())
}
