//! Definers that are promoted on request, and those that were there at start-up.

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Finished;
use rseq_kit::runner::Outcome;
use rseq_kit::world::World;

use crate::driver::{Room, driver, enforced, enforcing, library, lines, run, says, without};

/// Runs a script where definers are promoted.
fn promoted(world: &str, script: &str, expected: &str) -> Outcome {
    lines(&run(world, enforced("default", script)?)?, expected)
}

pub fn opened(world: &'static str) -> Outcome {
    let script = |mode: &str| {
        format!(
            "open {mode} {{definer}} hold definer_cpu close mapped libdefiner global definer_cpu call"
        )
    };
    for mode in ["n", "z", "g", "gk", "k"] {
        let expected = "opened; held; closed 0; mapped; global; called, other";
        match run(world, enforced("default", &script(mode))?) {
            Ok(finished) => {
                let out = finished
                    .out
                    .replace("called, unregistered", "called, other");
                lines(&Finished { out, ..finished }, expected)?;
            }
            Err(error) => return Err(format!("{mode}: {error}").into()),
        }
    }
    // the oracle is not blind: without the shim it goes
    says(
        without(world),
        "default",
        "open n {definer} global definer_cpu close mapped libdefiner",
        "opened; not global; closed 0; not mapped",
    )?;
    promoted(
        world,
        "open n {definer} area definer_area",
        "opened; the winner's",
    )
}

pub fn needed(world: &'static str) -> Outcome {
    for needs in ["needs-definer", "needs-needs"] {
        let file = if needs == "needs-definer" {
            "libneeds"
        } else {
            "libfar"
        };
        // global as soon as it is there, and it stays when what needs it goes
        let script = format!(
            "open n {{{needs}}} global definer_cpu close mapped {file} mapped libdefiner open no {{definer}} area definer_area"
        );
        let expected = "opened; global; closed 0; not mapped; mapped; opened; the winner's";
        promoted(world, &script, expected)?;
    }
    says(
        without(world),
        "default",
        "open n {needs-definer} global definer_cpu close mapped libdefiner",
        "opened; not global; closed 0; not mapped",
    )
}

/// Found by a search: global at once where the search does not depend on who
/// asks (LD_LIBRARY_PATH, an executable's DT_RPATH). Where it does (DT_RUNPATH)
/// the dynamic linker is jumped to and nobody comes back: then it stays, is
/// promoted when what holds it is closed, and what is not is said.
pub fn needed_by_name(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    let script = "open n libneeds.so global definer_cpu close mapped libneeds mapped libdefiner";
    let expected = "opened; global; closed 0; not mapped; mapped";
    let path = room.0.join("lib");
    let program = driver("default", script)?.env("LD_LIBRARY_PATH", &path);
    lines(&run(world, enforcing(program))?, expected)?;
    let other = Room::new()?;
    other.put("lib", "needs-definer")?;
    let program = other.program("loading-driver", "rpath", script)?;
    lines(&run(world, enforcing(program))?, expected)?;
    let script = "open n libneeds.so hold needs_calls global definer_cpu open n {plain} close \
                  close mapped libneeds mapped libdefiner global definer_cpu";
    let program = room.program("loading-driver", "runpath", script)?;
    let program = program.env("RSEQ_SHIM_LOG", "stderr");
    let mut finished = run(world, enforcing(program))?;
    let said = std::mem::take(&mut finished.err);
    lines(
        &finished,
        "opened; held; not global; opened; closed 0; closed 0; not mapped; mapped; global",
    )?;
    assert!(said.contains("(rule definer-not-promoted)"), "{said}");
    Ok(())
}

/// A plug-in's own search, its `$ORIGIN` and the DT_RPATH that it hands down stay
/// what they are where definers are promoted.
pub fn searches(world: &'static str) -> Outcome {
    super::search::paths(world, &|program| enforcing(program))
}

pub fn opened_after_needed(world: &'static str) -> Outcome {
    promoted(
        world,
        "open n {needs-definer} open n {definer} close close mapped libdefiner global definer_cpu",
        "opened; opened; closed 0; closed 0; mapped; global",
    )?;
    promoted(
        world,
        "open n {definer} open n {needs-definer} close close mapped libneeds mapped libdefiner",
        "opened; opened; closed 0; closed 0; not mapped; mapped",
    )
}

/// One that uses its own definition is not made global: it only stays.
pub fn own_definition(world: &'static str) -> Outcome {
    for (open, case, file) in [
        ("open n", "symbolic", "libsymbolic"),
        ("open n", "protected", "libprotected"),
        ("open nd", "definer", "libdefiner"),
    ] {
        let begin = match case {
            "definer" => String::new(),
            _ => format!("constructor of {case}; "),
        };
        promoted(
            world,
            &format!("{open} {{{case}}} area {case}_area global {case}_cpu close mapped {file}"),
            &format!("{begin}opened; its own; not global; closed 0; mapped"),
        )?;
    }
    Ok(())
}

/// One after the other, in both orders and modes: one area, and both stay.
pub fn two_definers(world: &'static str) -> Outcome {
    for (first, second) in [("definer", "second"), ("second", "definer")] {
        for modes in ["n n", "n g", "g n", "g g"] {
            let (one, other) = modes.split_once(' ').unwrap_or_default();
            let script = format!(
                "open {one} {{{first}}} area {first}_area open {other} {{{second}}} area {second}_area \
                 close close mapped libdefiner mapped libsecond global {first}_cpu global {second}_cpu"
            );
            promoted(
                world,
                &script,
                "opened; the winner's; opened; the winner's; closed 0; closed 0; mapped; mapped; global; global",
            )?;
        }
    }
    Ok(())
}

// A definer that was there at start-up

pub fn linked(world: &'static str) -> Outcome {
    let script = "open n {definer} area definer_area close open n {second} area second_area close \
                  mapped libdefiner mapped libsecond";
    let expected = "opened; the winner's; closed 0; opened; the winner's; closed 0; mapped; mapped";
    for driver in [driver("linked", script)?, enforced("linked", script)?] {
        lines(&run(world, driver)?, expected)?;
    }
    Ok(())
}

pub fn preloaded(world: &'static str) -> Outcome {
    let script = "open n {definer} area definer_area close mapped libdefiner open n {second} area second_area \
                  close mapped libsecond open n {needs-definer} close mapped libneeds";
    let expected = "opened; the winner's; closed 0; mapped; opened; the winner's; closed 0; mapped; \
                    opened; closed 0; not mapped";
    let shim = artifacts()?.shim.display().to_string();
    let definer = library("definer")?;
    for preload in [format!("{definer} {shim}"), format!("{shim} {definer}")] {
        let (program, _records) = World::from_name(world)?.prepare(driver("default", script)?)?;
        let finished = program.env("LD_PRELOAD", &preload).run()?.expect(0)?;
        lines(&finished, expected)?;
    }
    Ok(())
}
