//! Definers that are promoted, and those that were there at start-up.

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::Finished;
use rseq_tests::runner::Outcome;
use rseq_tests::world::World;

use crate::driver::{Room, driver, library, lines, run, says, without};

pub fn opened(world: &'static str) -> Outcome {
    let script = |mode: &str| {
        format!(
            "open {mode} {{definer}} hold definer_cpu close mapped libdefiner global definer_cpu call"
        )
    };
    for mode in ["n", "z", "g", "gk", "k"] {
        let expected = "opened; held; closed 0; mapped; global; called, other";
        match run(world, driver("default", &script(mode))?) {
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
    says(
        world,
        "default",
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
        says(world, "default", &script, expected)?;
    }
    says(
        without(world),
        "default",
        "open n {needs-definer} global definer_cpu close mapped libdefiner",
        "opened; not global; closed 0; not mapped",
    )
}

/// Found by a search, so that the dynamic linker is jumped to and nobody comes
/// back: it must stay all the same.
pub fn needed_by_name(world: &'static str) -> Outcome {
    let room = Room::new()?;
    let script = "open n libneeds.so hold needs_calls close mapped libneeds mapped libdefiner global definer_cpu";
    let program = room.program("loading-driver", "runpath", script)?;
    room.put("lib", "needs-definer")?;
    lines(
        &run(world, program)?,
        "opened; held; closed 0; not mapped; mapped; global",
    )?;
    let program = room.program("loading-driver", "runpath", script)?;
    lines(
        &run(without(world), program)?,
        "opened; held; closed 0; not mapped; not mapped; not global",
    )
}

/// What came along that way is promoted before the next load.
pub fn owed(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    let script = "open n libneeds.so open n {plain} global definer_cpu";
    for (world, global) in [(without(world), "not global"), (world, "global")] {
        let program = room.program("loading-driver", "runpath", script)?;
        lines(&run(world, program)?, &format!("opened; opened; {global}"))?;
    }
    Ok(())
}

pub fn opened_after_needed(world: &'static str) -> Outcome {
    says(
        world,
        "default",
        "open n {needs-definer} open n {definer} close close mapped libdefiner global definer_cpu",
        "opened; opened; closed 0; closed 0; mapped; global",
    )?;
    says(
        world,
        "default",
        "open n {definer} open n {needs-definer} close close mapped libneeds mapped libdefiner",
        "opened; opened; closed 0; closed 0; not mapped; mapped",
    )
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
            says(
                world,
                "default",
                &script,
                "opened; the winner's; opened; the winner's; closed 0; closed 0; mapped; mapped; global; global",
            )?;
        }
    }
    Ok(())
}

pub fn base_namespace(world: &'static str) -> Outcome {
    says(
        world,
        "default",
        "base n {definer} close mapped libdefiner global definer_cpu",
        "opened; closed 0; mapped; global",
    )?;
    says(
        world,
        "default",
        "base n {needs-definer} global definer_cpu close mapped libneeds mapped libdefiner",
        "opened; global; closed 0; not mapped; mapped",
    )
}

// A definer that was there at start-up

pub fn linked(world: &'static str) -> Outcome {
    let script = "open n {definer} area definer_area close open n {second} area second_area close \
                  mapped libdefiner mapped libsecond";
    let expected = "opened; the winner's; closed 0; opened; the winner's; closed 0; mapped; mapped";
    let finished = run(world, driver("linked", script)?)?;
    lines(&finished, expected)
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
