//! Every order in which definers of `__rseq_abi` can come into a program, with
//! four glibcs, with and without the libc's own registration: there is one area,
//! everybody knows it, and no definer is ever gone, nor local where that is asked
//! for. And what the hooks of loading must not be noticed by, with each of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::foreign::Libc;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_conformance as conformance;
use rseq_lab_conformance::Root;
use rseq_lab_conformance::root::RELEASES;

/// How the first definer comes in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// The program is linked with it.
    Linked,
    /// Preloaded, before the shim.
    BeforeShim,
    /// Preloaded, after the shim.
    AfterShim,
    /// Opened with RTLD_LOCAL.
    Local,
    /// Opened with RTLD_GLOBAL.
    Global,
    /// Opened with RTLD_LOCAL, as what another library needs.
    Needed,
}

const FIRSTS: [(&str, First); 6] = [
    ("linked", First::Linked),
    ("before-shim", First::BeforeShim),
    ("after-shim", First::AfterShim),
    ("local", First::Local),
    ("global", First::Global),
    ("needed", First::Needed),
];

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for (release, glibc) in RELEASES {
        let needs = [
            Need::CC,
            Need::X86_64,
            Need::RSEQ,
            conformance::need("bullseye"),
            conformance::need(release),
        ];
        suite.add(format!("{release}::hooks"), &needs, move || hooks(release));
        suite.add(format!("{release}::clients"), &needs, move || {
            clients(release)
        });
        for (name, first) in FIRSTS {
            suite.add(format!("{release}::{name}::libc"), &needs, move || {
                orders(release, first, true, glibc >= (2, 35))
            });
            suite.add(format!("{release}::{name}::shim"), &needs, move || {
                orders(release, first, false, false)
            });
        }
    }
    suite.add(
        "without-shim",
        &[Need::CC, Need::X86_64, conformance::need("bullseye")],
        without_shim,
    );
    suite.run()
}

/// Runs the first definer against a second one that is opened before or after it,
/// local or global.
fn orders(release: &str, first: First, glibc_on: bool, glibc_registers: bool) -> Outcome {
    // where glibc registers, its area is another one
    let cpu = if glibc_registers {
        "unregistered"
    } else {
        "other"
    };
    let (open, opened) = match first {
        First::Global => ("open g {definer} area definer_area", "opened; the winner's"),
        First::Needed => (
            "open n {needs-definer} open no {definer} area definer_area",
            "opened; opened; the winner's",
        ),
        _ => ("open n {definer} area definer_area", "opened; the winner's"),
    };
    let close = if first == First::Needed {
        ("close close", "closed 0; closed 0")
    } else {
        ("close", "closed 0")
    };
    let definer = (
        format!("{open} hold definer_cpu call {}", close.0),
        format!("{opened}; held; called, {cpu}; {}", close.1),
    );
    for mode in ["n", "g"] {
        let second = (
            format!("open {mode} {{second}} area second_area hold second_cpu call close"),
            format!("opened; the winner's; held; called, {cpu}; closed 0"),
        );
        for (one, other) in [(&definer, &second), (&second, &definer)] {
            let script = format!(
                "{} {} mapped libdefiner mapped libsecond global definer_cpu global second_cpu",
                one.0, other.0
            );
            let expected = format!("{}; {}; mapped; mapped; global; global", one.1, other.1);
            says(release, first, glibc_on, "enforce", &script, &expected)?;
            // by default they stay, and are as global as they have been asked to be
            let script = format!("{} {} mapped libdefiner mapped libsecond", one.0, other.0);
            let expected = format!("{}; {}; mapped; mapped", one.1, other.1);
            says(release, first, glibc_on, "keep", &script, &expected)?;
        }
    }
    Ok(())
}

/// Signals, sandboxes and stacks, by default and on request; the suite `loading` says
/// more about each.
fn hooks(release: &str) -> Outcome {
    static HOOKS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let options = ["-pthread", "-Wl,-z,now"];
        Libc::of("bullseye")?.build("loading-hooks", &options)
    });
    let hooks = LazyLock::force(&HOOKS).clone()?;
    let shim = artifacts()?.shim.display().to_string();
    for (what, expected) in [
        ("large-frame", "many signals, 0 wrong"),
        ("stopped", "many signals, 0 wrong"),
        ("alternate", "many signals, 0 wrong"),
        ("strict", "alive"),
    ] {
        let script = format!("{what} {{plain}} {{needs-definer}} {{definer}}");
        for shim in [None, Some((&*shim, "keep")), Some((&*shim, "enforce"))] {
            let program = start(release, &hooks, false, shim, &script)?;
            ends(program, &script, expected)?;
        }
    }
    Ok(())
}

/// The library of a client stays once it has registered an area.
fn clients(release: &str) -> Outcome {
    static CLIENTS: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| Libc::of("bullseye")?.build("loading-client", &["-DPROGRAM", "-pthread"]));
    let clients = LazyLock::force(&CLIENTS).clone()?;
    let shim = artifacts()?.shim.display().to_string();
    let [client, reuser] = ["client", "reuser"].map(|case| built("loading-client", case));
    let libraries = format!("{} {}", client?.display(), reuser?.display());
    for (shim, how, expected) in [
        (Some((&*shim, "keep")), "idle", "idle; closed; not mapped"),
        (
            Some((&*shim, "keep")),
            "main",
            "registered; closed; mapped; what came later is intact",
        ),
        (
            Some((&*shim, "keep")),
            "thread",
            "registered; closed; mapped; what came later is intact",
        ),
        (
            None,
            "thread",
            "registered; closed; not mapped; what came later is damaged",
        ),
    ] {
        let script = format!("{libraries} {how}");
        ends(
            start(release, &clients, false, shim, &script)?,
            &script,
            expected,
        )?;
    }
    Ok(())
}

fn library(case: &str) -> Result<String, String> {
    Ok(built("loading-library", case)?.display().to_string())
}

/// The driver, good for every glibc of the matrix: alone, and linked with the
/// definer.
fn driver(first: First) -> Result<PathBuf, String> {
    static ALONE: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| Libc::of("bullseye")?.build("loading-driver", &["-pthread"]));
    static LINKED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let definer = built("loading-library", "definer")?;
        let folder = definer.parent().unwrap_or(&definer).display().to_string();
        let definer = definer.display().to_string();
        let rpath = format!("-Wl,-rpath,{folder}");
        let options = [
            "-pthread",
            "-DLINKED",
            "-Wl,--no-as-needed",
            &definer,
            &rpath,
        ];
        Libc::of("bullseye")?.build("loading-driver", &options)
    });
    let driver = if first == First::Linked {
        &LINKED
    } else {
        &ALONE
    };
    LazyLock::force(driver).clone()
}

fn says(
    release: &str,
    first: First,
    glibc_on: bool,
    loading: &str,
    script: &str,
    expected: &str,
) -> Result<(), String> {
    let shim = artifacts()?.shim.display().to_string();
    let preload = match first {
        First::BeforeShim => format!("{} {shim}", library("definer")?),
        First::AfterShim => format!("{shim} {}", library("definer")?),
        _ => shim,
    };
    let shim = Some((&*preload, loading));
    run(release, first, glibc_on, shim, script, expected)
}

fn run(
    release: &str,
    first: First,
    glibc_on: bool,
    shim: Option<(&str, &str)>,
    script: &str,
    expected: &str,
) -> Result<(), String> {
    let program = start(release, &driver(first)?, glibc_on, shim, script)?;
    ends(program, script, expected)
}

/// A program on a glibc, with the words of `script`. `shim`: what is preloaded, and
/// what the shim is asked to do about loading.
fn start(
    release: &str,
    program: &Path,
    glibc_on: bool,
    shim: Option<(&str, &str)>,
    script: &str,
) -> Result<Program, String> {
    let root = Root::open(release)?;
    let loader = root.loader.ok_or("no root of its own")?;
    let mut command = Program::new(&loader.ld_so);
    if let Some((preload, loading)) = shim {
        command = command
            .args(["--preload", preload])
            .env("RSEQ_SHIM_LOADING", loading);
    }
    let folders: Vec<_> = loader
        .libraries
        .iter()
        .map(|path| path.as_os_str())
        .collect();
    command = command
        .arg("--library-path")
        .arg(folders.join(std::ffi::OsStr::new(":")))
        .arg(program);
    for word in script.split_whitespace() {
        let case = word
            .strip_prefix('{')
            .and_then(|word| word.strip_suffix('}'));
        command = match case {
            Some(case) => command.arg(library(case)?),
            None => command.arg(word),
        };
    }
    if !glibc_on {
        command = command.env("GLIBC_TUNABLES", GLIBC_OFF);
    }
    Ok(command)
}

fn ends(program: Program, script: &str, expected: &str) -> Result<(), String> {
    let finished = program.run()?.expect(0)?;
    let found = finished.out.trim_end().replace('\n', "; ");
    if found == expected && finished.err.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{script}\n expected {expected}\n found    {found}\n stderr   {}",
        finished.err
    ))
}

/// The oracle is not blind: without the shim a definer is local, and goes.
fn without_shim() -> Outcome {
    let script = "open n {definer} global definer_cpu close mapped libdefiner";
    let expected = "opened; not global; closed 0; not mapped";
    Ok(run("bullseye", First::Local, true, None, script, expected)?)
}
