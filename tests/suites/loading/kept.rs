//! By default: what may hold an area is not unmapped, and nothing else changes.

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::world::World;

use crate::driver::{Room, driver, library, lines, run, same, says, without};

/// A definer stays, however it has come, and is no more global than before.
pub fn definers(world: &'static str) -> Outcome {
    for mode in ["n", "z", "k"] {
        let script = format!("open {mode} {{definer}} global definer_cpu close mapped libdefiner");
        says(
            world,
            "default",
            &script,
            "opened; not global; closed 0; mapped",
        )?;
    }
    let script = "open g {definer} global definer_cpu close mapped libdefiner";
    says(world, "default", script, "opened; global; closed 0; mapped")?;
    for (case, file) in [("needs-definer", "libneeds"), ("needs-needs", "libfar")] {
        let script = format!("open n {{{case}}} close mapped {file} mapped libdefiner");
        says(
            world,
            "default",
            &script,
            "opened; closed 0; not mapped; mapped",
        )?;
    }
    // the oracle is not blind: without the shim it goes
    says(
        without(world),
        "default",
        "open n {definer} close mapped libdefiner open n {needs-definer} close mapped libdefiner",
        "opened; closed 0; not mapped; opened; closed 0; not mapped",
    )
}

/// Found by a search, of the program's or of a plug-in's.
pub fn found_by_name(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    let script = "open n libneeds.so hold needs_calls close mapped libneeds mapped libdefiner";
    for (world, stays) in [(without(world), "not mapped"), (world, "mapped")] {
        let program = room.program("loading-driver", "runpath", script)?;
        let expected = format!("opened; held; closed 0; not mapped; {stays}");
        lines(&run(world, program)?, &expected)?;
    }
    Ok(())
}

/// Two that come with each other or one after the other, closed in any order.
pub fn two_definers(world: &'static str) -> Outcome {
    for opens in ["{definer} open n {second}", "{second} open n {definer}"] {
        let script = format!("open n {opens} close close mapped libdefiner mapped libsecond");
        let expected = "opened; opened; closed 0; closed 0; mapped; mapped";
        says(world, "default", &script, expected)?;
    }
    Ok(())
}

/// What a constructor opens and closes before the shim's has run is not taken for a part
/// of the program's start.
pub fn before_the_shim(world: &'static str) -> Outcome {
    let first = built("first-opens", "default")?;
    let run = |world: &str, opens: &str, script: &str| {
        let program = driver("default", script)?
            .env("FIRST_OPENS", library(opens)?)
            .env("MALLOC_PERTURB_", "165");
        let (program, _records) = World::from_name(world)?.prepare(program)?;
        let mut preloads = first.display().to_string();
        if world != without(world) {
            preloads = format!("{}:{preloads}", artifacts()?.shim.display());
        }
        program.env("LD_PRELOAD", preloads).run()?.expect(0)
    };
    for world in [without(world), world] {
        let stays = if world == without(world) {
            "not mapped"
        } else {
            "mapped"
        };
        let script = "mapped libplain open n {definer} close mapped libdefiner";
        let expected = format!("not mapped; opened; closed 0; {stays}");
        lines(&run(world, "plain", script)?, &expected)?;
        lines(&run(world, "definer", "mapped libdefiner")?, stays)?;
    }
    Ok(())
}

/// What uses its own definition works without an owner, so it works with one:
/// loaded as ever, by whatever call, and not unmapped in the program's namespace.
pub fn own_definitions(world: &'static str) -> Outcome {
    for (open, begin) in [
        (
            "open n {symbolic} area symbolic_area",
            "constructor of symbolic; ",
        ),
        (
            "open gk {symbolic} area symbolic_area",
            "constructor of symbolic; ",
        ),
        (
            "open n {protected} area protected_area",
            "constructor of protected; ",
        ),
        ("open nd {definer} area definer_area", ""),
        ("open gd {definer} area definer_area", ""),
    ] {
        let expected = format!("{begin}opened; its own");
        says(world, "default", open, &expected)?;
        let file = open.split(['{', '}']).nth(1).unwrap_or_default();
        let script = format!("{open} close mapped lib{file}");
        says(
            world,
            "default",
            &script,
            &format!("{expected}; closed 0; mapped"),
        )?;
    }
    same(
        world,
        "default",
        "new n {definer} close new n {needs-definer} close open n {definer} new n {needs-needs}",
        "opened; closed 0; opened; closed 0; opened; opened",
    )
}

/// The library of a client, which defines nothing for others, goes when it is
/// closed, unless it has registered an area.
pub fn clients(world: &'static str) -> Outcome {
    let run = |world: &str, how: &str| {
        let client = built("loading-client", "client")?;
        let reuser = built("loading-client", "reuser")?;
        let program = Program::new(built("loading-client", "program")?);
        run(world, program.arg(client).arg(reuser).arg(how))
    };
    lines(&run(world, "idle")?, "idle; closed; not mapped")?;
    if world == "shim" {
        for how in ["main", "thread"] {
            let found = run(world, how)?;
            lines(
                &found,
                "registered; closed; mapped; what came later is intact",
            )?;
            // what it is for: the kernel goes on writing
            let found = run("bare", how)?;
            lines(
                &found,
                "registered; closed; not mapped; what came later is damaged",
            )?;
        }
        // and reading: what the area still names is gone
        let client = built("loading-client", "client")?;
        let reuser = built("loading-client", "reuser")?;
        let program = Program::new(built("loading-client", "program")?);
        let program = program.arg(client).arg(reuser).arg("inside");
        let (found, _) = World::from_name("bare")?.run(program)?;
        assert_eq!(found.code(), -libc::SIGSEGV, "{}", found.out);
        let found = run(world, "inside")?;
        lines(
            &found,
            "registered; closed; mapped; what came later is intact",
        )?;
    } else {
        lines(&run(world, "main")?, "refused; closed; not mapped")?;
    }
    Ok(())
}

/// dlclose in constructors, of whatever is held and of the very library that is
/// being loaded: constructors run once, in the order they have without the shim.
pub fn in_constructors(world: &'static str) -> Outcome {
    let script = "open n {needs-after-constructor} close mapped libouter";
    for inner in ["plain", "definer", "needs-definer", "constructor"] {
        let expected = "constructor begins; in it opened; in it closed 0; constructor ends; \
                        constructor of after; opened; closed 0; not mapped";
        for world in [without(world), world] {
            let program = driver("default", script)?.env("OPEN_IN_CONSTRUCTOR", library(inner)?);
            lines(&run(world, program)?, expected)
                .map_err(|error| format!("{inner}: {}", error.message().unwrap_or_default()))?;
        }
    }
    // the definer that waited there stays all the same
    let script = "open n {needs-after-constructor} close mapped libouter mapped libafter";
    let program = driver("default", script)?.env("OPEN_IN_CONSTRUCTOR", library("definer")?);
    let finished = run(world, program)?;
    assert!(
        finished.out.ends_with("closed 0\nnot mapped\nmapped\n"),
        "{}",
        finished.out
    );
    Ok(())
}
