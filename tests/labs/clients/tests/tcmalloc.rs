//! A real allocator with per-CPU caches: they are on where the shim or `rseqctl
//! run` decides, and nothing breaks anywhere else.

use std::collections::BTreeSet;
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::{Report, World};
use rseq_lab_clients::tcmalloc;
use rseq_lab_clients::tcmalloc::{Linked, binary};

/// How it is linked, and who owns the registration under `rseqctl run`.
const WAYS: [(&str, Linked, &str); 3] = [
    ("hidden", Linked::Hidden, "client"),
    ("exported", Linked::Exported, "adopter"),
    ("shared", Linked::Shared, "adopter"),
];

/// Whether the caches are on, by world.
const WORLDS: [(&str, bool); 9] = [
    ("plain", false),
    ("bare", true),
    ("libc", false),
    ("takeover", true),
    ("shim", true),
    ("own", true),
    ("defer", true),
    ("off", true),
    ("shim+eperm", false),
];

fn main() -> ExitCode {
    let needs = [
        Need::X86_64,
        Need::GLIBC_2_35,
        Need::RSEQ,
        Need::CXX,
        tcmalloc::NEED,
    ];
    let mut traced = needs.to_vec();
    traced.push(Need::PTRACE);
    let mut suite = Suite::new();
    for (name, linked, owner) in WAYS {
        for (world, on) in WORLDS {
            // a client is refused where the user says that the shim is to own it
            let is_refused = owner == "client" && ["own", "takeover"].contains(&world);
            let on = on && !is_refused;
            let title = format!("tcmalloc::{name}::{world}");
            suite.add(title, &needs, move || in_world(linked, world, on));
        }
        let title = format!("tcmalloc::{name}::run");
        suite.add(title, &needs, move || under_run(linked, owner));
        let title = format!("tcmalloc::{name}::run_traced");
        suite.add(title, &traced, move || traced_run(linked));
    }
    for (name, linked) in [
        ("owned", Linked::Owned),
        ("owned_static", Linked::OwnedStatic),
    ] {
        // the archive registers the area that the allocator defines
        for (world, on) in [("bare", true), ("plain", false), ("bare+eperm", false)] {
            let title = format!("tcmalloc::{name}::{world}");
            suite.add(title, &needs, move || {
                let (finished, _) = World::from_name(world)?.run(Program::new(binary(linked)?))?;
                check_owned(&finished, on)
            });
        }
        let title = format!("tcmalloc::{name}::run");
        suite.add(title, &needs, move || {
            let run = Program::new(&artifacts()?.rseqctl).args(["run", "--"]);
            check_owned(&run.arg(binary(linked)?).run()?, true)
        });
    }
    suite.run()
}

/// It ended well, no block was given out twice, and the caches are as they
/// should be.
fn check(finished: &Finished, on: bool) -> Outcome {
    assert_eq!(tcmalloc::said(finished)?.caches, on, "{}", finished.err);
    Ok(())
}

/// The same, and the owner had registered every thread before the allocator asked.
fn check_owned(finished: &Finished, owns: bool) -> Outcome {
    let early = if owns { tcmalloc::THREADS } else { 0 };
    assert_eq!(tcmalloc::said(finished)?.early, early);
    check(finished, owns)
}

fn in_world(linked: Linked, world: &str, on: bool) -> Outcome {
    let (finished, _) = World::from_name(world)?.run(Program::new(binary(linked)?))?;
    check(&finished, on)
}

fn under_run(linked: Linked, owner: &str) -> Outcome {
    let path = rseq_kit::scratch::directory("report")?.join("report.json");
    let run = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--report"])
        .arg(&path)
        .arg("--")
        .arg(binary(linked)?);
    check(&run.run()?, true)?;
    let report = Report::read(&path)?;
    assert_eq!(report.owner()?, owner);
    assert_eq!(report.threads("refused")?, 0);
    assert_eq!(report.threads("registered")?, u64::from(tcmalloc::THREADS));
    Ok(())
}

/// The kernel has granted a registration to every thread, of 32 bytes each: the
/// only length with which every kernel overwrites what TCMalloc keeps there.
fn traced_run(linked: Linked) -> Outcome {
    let run = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--"])
        .arg(binary(linked)?);
    let trace = run.trace()?.finish()?.of_command()?;
    check(&trace.finished, true)?;
    let threads: BTreeSet<_> = trace.threads.keys().copied().collect();
    assert_eq!(trace.registered(), threads, "{:?}", trace.calls);
    let granted = trace.calls.iter();
    let lengths: BTreeSet<_> = granted
        .filter(|call| call.registers() && call.result == 0)
        .map(|call| call.length)
        .collect();
    assert_eq!(lengths, BTreeSet::from([32]), "{:?}", trace.calls);
    Ok(())
}
