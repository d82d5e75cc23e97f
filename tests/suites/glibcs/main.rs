//! What the shim does differently on other glibcs than this machine's: 2.31 has
//! none of the names, and its threads in a library apart; 2.41 and later let
//! threads register through `__rseq_offset`, which the shim exports.

mod launched;
mod rooted;
mod unnoticed;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::foreign;
use rseq_kit::foreign::Libc;
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::world::{Records, Report};

/// Debian's suites, their glibc, and whether it registers by itself.
const GLIBCS: [(&str, &str, bool); 2] = [("bullseye", "2.31", false), ("trixie", "2.41", true)];

/// Those in which the shim has to find its way about.
const ALL: [(&str, &str); 4] = [
    ("bullseye", "2.31"),
    ("bookworm", "2.36"),
    ("trixie", "2.41"),
    ("forky", "2.43"),
];

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for (name, version, registers) in GLIBCS {
        let needs = [Need::CC, Need::X86_64, Need::RSEQ, foreign::need(name)];
        let add = |suite: &mut Suite, what: &str, test: fn(&Libc, bool) -> Outcome| {
            suite.add(format!("glibc-{version}::{what}"), &needs, move || {
                test(&Libc::of(name)?, registers)
            });
        };
        add(&mut suite, "threads", threads);
        add(&mut suite, "denied_later", denied_later);
        add(&mut suite, "names", names);
        add(&mut suite, "endings", endings);
        if registers {
            add(&mut suite, "passive", passive);
            add(&mut suite, "read_only_slots", read_only_slots);
        }
    }
    for (name, version) in ALL {
        let needs = [Need::CC, Need::X86_64, Need::RSEQ, foreign::need(name)];
        let add = |suite: &mut Suite, what: &str, test: fn(&Libc) -> Outcome| {
            suite.add(format!("glibc-{version}::{what}"), &needs, move || {
                test(&Libc::of(name)?)
            });
        };
        add(&mut suite, "old_timer", old_timer);
        add(&mut suite, "by_handle", by_handle);
        add(&mut suite, "before_the_shim", before_the_shim);
        add(&mut suite, "libc_by_another_name", libc_by_another_name);
        add(&mut suite, "own_names", own_names);
        add(&mut suite, "asynchronous", asynchronous);
        with_tools(&mut suite, name, version);
    }
    suite.run()
}

/// A test of a libc, by a tool of the machine.
type Seen = fn(&Libc) -> Outcome;
/// One of a suite's libc, in a root of its own.
type InRoot = fn(&str, &Libc) -> Outcome;

/// What only root, or a tool of the machine, can show.
fn with_tools(suite: &mut Suite, name: &'static str, version: &str) {
    let needs = [Need::CC, Need::X86_64, Need::RSEQ, foreign::need(name)];
    let tools: [(&str, Need, Seen); 3] = [
        (
            "same_calls",
            Need::new(&Tool("strace")),
            unnoticed::same_calls,
        ),
        ("backtraces", Need::new(&Tool("gdb")), unnoticed::backtraces),
        ("pairs", Need::PTRACE, unnoticed::pairs),
    ];
    for (what, tool, test) in tools {
        let needs = [&needs[..], &[tool]].concat();
        suite.add(format!("glibc-{version}::{what}"), &needs, move || {
            test(&Libc::of(name)?)
        });
    }
    let rooted: [(&str, &'static [&str], InRoot); 3] = [
        ("races", &unnoticed::CHECKERS, unnoticed::no_races),
        ("without_proc", &launched::PACKAGES, launched::without_proc),
        (
            "closed_descriptors",
            &launched::PACKAGES,
            launched::closed_descriptors,
        ),
    ];
    for (what, packages, test) in rooted {
        let packages = rooted::need(name, packages);
        let as_root = [Need::ROOT, Need::MOUNT_NAMESPACE, packages];
        let needs = [&needs[..], &as_root].concat();
        suite.add(format!("glibc-{version}::{what}"), &needs, move || {
            test(name, &Libc::of(name)?)
        });
    }
}

/// A caller of `timer_create` gets the version that it was linked with.
fn old_timer(libc: &Libc) -> Outcome {
    for (options, kind) in [(&["-DOLD"][..], "an int"), (&[], "a pointer")] {
        let timer = libc.build("old-timer", options)?;
        run(libc, &timer, "", World::Shim)?.says(&format!("{kind}; expired: registered"))?;
    }
    Ok(())
}

/// Threads of who asks a handle for the libc's `pthread_create`.
fn by_handle(libc: &Libc) -> Outcome {
    let program = libc.build("other-roads", &["-DHANDLE"])?;
    let report = run(libc, &program, "", World::Shim)?.says("8 begun; 8 registered")?;
    assert_eq!(report.threads("registered")?, 9);
    Ok(())
}

/// Threads that start in a constructor which runs before the shim's.
fn before_the_shim(libc: &Libc) -> Outcome {
    let first = libc.build(
        "other-roads",
        &["-DFIRST", "-shared", "-fPIC", "-Wl,-z,initfirst"],
    )?;
    let options = [
        "-DCONSTRUCTOR",
        "-Wl,--no-as-needed",
        &first.display().to_string(),
    ];
    let program = libc.build("other-roads", &options)?;
    let report = run(libc, &program, "", World::Shim)?.says("8 begun; 8 registered")?;
    assert_eq!(report.threads("registered")?, 9);
    Ok(())
}

/// The libc is what it is, whatever its file is called.
fn libc_by_another_name(libc: &Libc) -> Outcome {
    let census = libc.build("census", &[])?;
    let copy = scratch::directory("libc")?.join("another-name.so");
    let original = libc.library("libc.so.6");
    fs::copy(&original, &copy).map_err(|error| format!("{}: {error}", original.display()))?;
    let shim = &artifacts()?.shim;
    let both = format!("{}:{}", shim.display(), copy.display());
    let finished = libc
        .program(&census)
        .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
        .env("LD_PRELOAD", both)
        .run()?
        .expect(0)?;
    let registered = "main ours cpu\nthreads ours 8\ncpu 8 failed 0\n";
    assert_eq!(
        (&*finished.out, &*finished.err),
        (registered, ""),
        "{finished:?}"
    );
    Ok(())
}

/// A program's own `sched_getcpu` and `getcpu` stay what they are.
fn own_names(libc: &Libc) -> Outcome {
    let program = libc.build("own-getcpu", &["-rdynamic"])?;
    run(libc, &program, "", World::Shim)?.says("4711 4711")?;
    Ok(())
}

/// What a program wrote into its requests for asynchronous I/O is what it reads.
fn asynchronous(libc: &Libc) -> Outcome {
    let [requests, look_ups] =
        ["librt.so.1", "libdl.so.2"].map(|name| libc.library(name).display().to_string());
    let options = ["-Wl,--no-as-needed", &requests, &look_ups];
    let program = libc.build("aio", &options)?;
    for what in ["read", "write", "fsync"] {
        let finished = run(libc, &program, what, World::Shim)?.finished.expect(0)?;
        let begun = "begun 8 unchanged 8 ";
        assert!(finished.out.starts_with(begun), "{what}: {finished:?}");
        assert!(finished.out.trim_end().ends_with("later 8"), "{finished:?}");
    }
    Ok(())
}

/// Who registers.
#[derive(Clone, Copy)]
enum World {
    /// The libc, if it does that, and no shim.
    Plain,
    /// Nobody.
    Bare,
    /// The libc where it does, with the shim in this mode.
    Both(&'static str),
    /// The shim alone.
    Shim,
}

fn run(libc: &Libc, program: &Path, argument: &str, world: World) -> Result<Run, String> {
    let command = libc.program(program);
    start(
        command.args(Some(argument).filter(|it| !it.is_empty())),
        world,
    )
}

struct Run {
    finished: Finished,
    records: Records,
}

impl Run {
    fn says(self, lines: &str) -> Result<Report, String> {
        let finished = self.finished.expect(0)?;
        let found = finished.out.trim_end().replace('\n', "; ");
        if found != lines || !finished.err.is_empty() {
            return Err(format!(
                "expected {lines}\n   found {found}\n{}",
                finished.err
            ));
        }
        self.records.report()
    }
}

fn start(mut program: Program, world: World) -> Result<Run, String> {
    let records = Records::new()?;
    if matches!(world, World::Bare | World::Shim) {
        program = program.env("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
    }
    if matches!(world, World::Shim | World::Both(_)) {
        program = program
            .env("LD_PRELOAD", &artifacts()?.shim)
            .env("RSEQ_SHIM_REPORT", records.report_path());
    }
    if let World::Both(mode) = world {
        program = program.env("RSEQ_SHIM_MODE", mode);
    }
    Ok(Run {
        finished: program.run()?,
        records,
    })
}

/// All registered, and nobody by whom the kernel would not be asked.
fn threads(libc: &Libc, _: bool) -> Outcome {
    let census = libc.build("census", &[])?;
    let bare = run(libc, &census, "", World::Bare)?.finished.expect(0)?;
    assert_eq!(
        bare.out,
        "main nobody -\nthreads nobody 8\ncpu 0 failed 0\n"
    );
    let report = run(libc, &census, "", World::Shim)?
        .says("main ours cpu; threads ours 8; cpu 8 failed 0")?;
    assert_eq!(
        (report.owner()?, report.threads("registered")?),
        ("shim", 9)
    );
    Ok(())
}

/// A filter that comes after the start: glibc aborts where it registers itself.
/// Where the shim registers, glibc must not try as well.
fn denied_later(libc: &Libc, registers: bool) -> Outcome {
    let census = libc.build("census", &[])?;
    if registers {
        let plain = run(libc, &census, "eperm", World::Plain)?.finished;
        assert!(plain.err.contains("rseq registration failed"), "{plain:?}");
    }
    let worlds = [World::Shim, World::Both("takeover")];
    for world in worlds.into_iter().take(1 + usize::from(registers)) {
        for errno in ["eperm", "enosys"] {
            let report = run(libc, &census, errno, world)?
                .says("main ours cpu; threads denied 8; cpu 0 failed 8")?;
            assert_eq!(report.threads("refused")?, 8);
        }
    }
    Ok(())
}

/// The names of glibc 2.35 hold what the kernel does.
fn names(libc: &Libc, _: bool) -> Outcome {
    let names = libc.build("names", &["-DDEFAULT"])?;
    let finished = run(libc, &names, "", World::Shim)?.finished.expect(0)?;
    let registered = "default: registered: flags 0: cpu known\n";
    assert!(finished.out.contains(registered), "{finished:?}");
    assert!(
        finished.out.contains("all that the kernel fills"),
        "{finished:?}"
    );
    Ok(())
}

fn endings(libc: &Libc, _: bool) -> Outcome {
    let endings = libc.build("endings", &[])?;
    for (way, threads) in [
        ("exit", 17),
        ("cancel", 17),
        ("keys", 17),
        ("small-stack", 2),
    ] {
        let plain = run(libc, &endings, way, World::Plain)?.finished.expect(0)?;
        let shim = run(libc, &endings, way, World::Shim)?;
        let report = shim.says(&plain.out.trim_end().replace('\n', "; "))?;
        assert_eq!(report.threads("registered")?, threads, "{way}");
    }
    Ok(())
}

/// Passive, the shim hides nothing: glibc finds its own area.
fn passive(libc: &Libc, _: bool) -> Outcome {
    let census = libc.build("census", &[])?;
    let report = run(libc, &census, "", World::Both("auto"))?
        .says("main foreign -1; threads foreign 8; cpu 0 failed 0")?;
    assert_eq!(
        (report.owner()?, report.threads("registered")?),
        ("libc", 9)
    );
    Ok(())
}

/// Where glibc's references cannot be bound back to its own variables, those of
/// the shim say what glibc's would: then it does not register either.
fn read_only_slots(libc: &Libc, _: bool) -> Outcome {
    let launcher = built("no-unprotect", "default")?;
    let census = libc.build("census", &[])?;
    let names = libc.build("names", &["-DDEFAULT"])?;
    let with = |program: &Path| Program::new(&launcher).args(libc.command(program));
    start(with(&census).arg("eperm"), World::Shim)?
        .says("main ours cpu; threads denied 8; cpu 0 failed 8")?;
    let finished = start(with(&names), World::Shim)?.finished.expect(0)?;
    // what a client takes for "not registered", although the thread is
    let unknown = "default: size 0: but registered\n";
    assert!(finished.out.contains(unknown), "{finished:?}");
    Ok(())
}
