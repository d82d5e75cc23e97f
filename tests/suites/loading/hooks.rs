//! By what a hook could be noticed: signals, collectors, sandboxes and race
//! detectors. A hook runs on its caller's stack, and takes little of it.

use std::collections::BTreeMap;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::world::World;

use crate::driver::{library, lines, run, without};

/// What is done about loading: each of them is tried.
const POLICIES: [&str; 3] = ["keep", "enforce", "warn"];

/// Opened and closed over and over: what goes, and what stays.
const LIBRARIES: [&str; 3] = ["plain", "needs-definer", "definer"];

/// A handler that needs 400 KiB of its thread's stack.
pub fn large_frames(world: &'static str) -> Outcome {
    same_line(world, "large-frame", "many signals, 0 wrong")
}

/// A thread that is stopped anywhere is on its own stack: a collector scans it from
/// there to its end.
pub fn stopped(world: &'static str) -> Outcome {
    same_line(world, "stopped", "many signals, 0 wrong")
}

/// A handler on the alternate stack loads, and is interrupted by another one.
pub fn alternate_stack(world: &'static str) -> Outcome {
    same_line(world, "alternate", "many signals, 0 wrong")
}

/// Only read, write, exit and sigreturn may be called, and what is loaded already
/// is opened and closed.
pub fn strict(world: &'static str) -> Outcome {
    same_line(world, "strict", "alive")
}

/// Threads that load, under a race detector.
pub fn races(world: &'static str) -> Outcome {
    let loaders = || with_libraries(Program::new(built("loading-threads", "thread-sanitizer")?));
    lines(&run(without(world), loaders()?)?, "0 failed")?;
    for policy in POLICIES {
        // said by the shim, not by the detector
        let program = loaders()?.env("RSEQ_SHIM_LOADING", policy);
        let program = program.env("RSEQ_SHIM_LOG", "/dev/null");
        let found = run(world, program)?;
        lines(&found, "0 failed").map_err(|error| about(policy, error.message()))?;
    }
    Ok(())
}

/// The same line without the shim, and with it under every policy.
fn same_line(world: &str, what: &str, expected: &str) -> Outcome {
    let hooks = || with_libraries(Program::new(built("loading-hooks", "default")?).arg(what));
    lines(&run(without(world), hooks()?)?, expected)?;
    for policy in POLICIES {
        let program = hooks()?.env("RSEQ_SHIM_LOADING", policy);
        let mut found = run(world, program)?;
        // a warning is no harm
        if policy == "warn" {
            found.err.clear();
        }
        lines(&found, expected).map_err(|error| about(policy, error.message()))?;
    }
    Ok(())
}

fn with_libraries(mut program: Program) -> Result<Program, String> {
    for case in LIBRARIES {
        program = program.arg(library(case)?);
    }
    Ok(program)
}

fn about(policy: &str, message: Option<&str>) -> String {
    format!("{policy}: {}", message.unwrap_or_default())
}

/// Each call takes no more stack than the dynamic linker's own, and where something
/// is made to stay no more than it took to open it.
pub fn depth(world: &'static str) -> Outcome {
    for case in LIBRARIES {
        let plain = depths(without(world), "keep", case, Behind::DynamicLinker)?;
        let [opens, closes] = [plain["dlopen"], plain["dlclose"]];
        // the oracle is not blind
        assert!(opens > 2000 && closes > 500, "{plain:?}");
        for policy in POLICIES {
            let ours = depths(world, policy, case, Behind::Nothing)?;
            let whole = depths(world, policy, case, Behind::DynamicLinker)?;
            let most = if case == "plain" { closes } else { opens };
            let about = format!("{case}, {policy}: {ours:?}, {whole:?}, without {plain:?}");
            assert!(ours["dlopen"] < opens / 2, "{about}");
            assert!(ours["dlclose"] <= most, "{about}");
            assert!(ours["dlerror"] < opens / 2, "{about}");
            assert!(whole["dlopen"] <= opens + FRAME, "{about}");
            assert!(whole["dlclose"] <= most + FRAME, "{about}");
        }
    }
    Ok(())
}

/// The frame from which the dynamic linker's dlopen is called on request, and what
/// the dynamic linker itself takes for two more libraries.
const FRAME: u64 = 64;

/// What stands behind the shim.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// What always does.
    DynamicLinker,
    /// A library that answers at once: what is used then is the shim's alone.
    Nothing,
}

/// The bytes of stack that each call takes, its caller's frame included.
fn depths(
    world: &str,
    policy: &str,
    case: &str,
    behind: Behind,
) -> Result<BTreeMap<String, u64>, String> {
    let program = Program::new(built("loading-hooks", "default")?)
        .args(["depths", &library(case)?])
        .env("RSEQ_SHIM_LOADING", policy);
    let (mut program, _records) = World::from_name(world)?.prepare(program)?;
    if behind == Behind::Nothing {
        let nothing = built("loading-hooks", "nothing-behind")?;
        let preload = format!("{} {}", artifacts()?.shim.display(), nothing.display());
        program = program.env("LD_PRELOAD", preload);
    }
    let finished = program.run()?.expect(0)?;
    let words: Vec<_> = finished.out.split_whitespace().collect();
    let pairs = words.chunks_exact(2).map(|pair| {
        let bytes = pair[1].parse().map_err(|_| finished.out.clone())?;
        Ok((pair[0].to_owned(), bytes))
    });
    pairs.collect()
}
