//! What stays as it is without the shim: private definitions, failures, closing.

use std::fs;

use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::World;

use crate::driver::{Room, driver, library, lines, run, same, without};

pub fn private_definitions(world: &'static str) -> Outcome {
    for (case, file) in [
        ("hidden", "libhidden"),
        ("symbolic-hidden", "libsymbolichidden"),
        ("not-tls", "libnottls"),
    ] {
        for mode in ["n", "gd"] {
            let script =
                format!("open {mode} {{{case}}} close mapped {file} new n {{{case}}} close");
            same(
                world,
                "default",
                &script,
                "opened; closed 0; not mapped; opened; closed 0",
            )?;
        }
    }
    Ok(())
}

/// Text and errno of what fails, and the calls that load nothing.
pub fn failures(world: &'static str) -> Outcome {
    let folder = scratch::directory("damaged")?;
    let short = folder.join("short.so");
    fs::write(&short, b"\x7fELF").map_err(|error| error.to_string())?;
    let text = folder.join("text.so");
    fs::write(&text, "not a library").map_err(|error| error.to_string())?;
    let cut = folder.join("cut.so");
    let whole = fs::read(library("definer")?).map_err(|error| error.to_string())?;
    fs::write(&cut, &whole[..whole.len() / 2]).map_err(|error| error.to_string())?;
    let missing = folder.join("libmissing.so");
    fs::copy(library("needs-definer")?, &missing).map_err(|error| error.to_string())?;
    let scripts = [
        "open n /nonexistent/lib.so error".to_owned(),
        "open n libnonexistent.so error".to_owned(),
        "open - {definer} error mapped libdefiner".to_owned(),
        "open n NULL close error".to_owned(),
        "close".to_owned(),
        "open n $ORIGIN/nothing.so error".to_owned(),
        "open n $NOTHING/nothing.so error".to_owned(),
        format!("open n {} error", short.display()),
        format!("open n {} error", text.display()),
        format!("open n {} error", cut.display()),
        format!("open n {} error", folder.display()),
        "open no {definer} error mapped libdefiner".to_owned(),
        "open no libc.so.6 close open n libc.so.6 close".to_owned(),
        "open n {plain} open no {plain} close close mapped libplain".to_owned(),
        "new n /nonexistent/lib.so error".to_owned(),
        "new g {plain} error".to_owned(),
        "open n {needs-nowhere} error".to_owned(),
        "base n libnonexistent.so error".to_owned(),
    ];
    for script in scripts {
        // some of these crash the dynamic linker itself
        let end =
            |world| Ok::<_, String>(World::from_name(world)?.run(driver("default", &script)?)?.0);
        let (plain, shim) = (end(without(world))?, end(world)?);
        if plain != shim {
            return Err(format!("{script}: without {plain:?}, with {shim:?}").into());
        }
    }
    // the empty name is the program itself
    let empty = |world: &str| {
        let driver = Program::new(built("loading-driver", "default")?);
        run(world, driver.args(["open", "n", "", "close", "error"]))
    };
    assert_eq!(empty(without(world))?, empty(world)?);
    Ok(())
}

/// A constructor that opens and closes, also while a definer that comes along
/// waits for its own: the order stays.
pub fn constructors(world: &'static str) -> Outcome {
    same(
        world,
        "default",
        "open n {constructor} close mapped libconstructor",
        "constructor begins; in it opened; in it closed 0; constructor ends; opened; closed 0; not mapped",
    )?;
    let script = "open n {needs-after-constructor} close mapped libouter";
    let expected = "constructor begins; in it opened; in it closed 0; constructor ends; \
                    constructor of after; opened; closed 0; not mapped";
    same(world, "default", script, expected)?;
    // with something real to open in it
    for inner in ["plain", "definer", "needs-definer"] {
        for world in [without(world), world] {
            let program = driver("default", script)?.env("OPEN_IN_CONSTRUCTOR", library(inner)?);
            lines(&run(world, program)?, expected)?;
        }
    }
    // found by a search: nobody comes back after it
    let room = Room::new()?;
    room.put("lib", "needs-after-constructor")?;
    let script = "open n libouter.so close mapped libouter";
    for world in [without(world), world] {
        let program = room.program("loading-driver", "runpath", script)?;
        lines(&run(world, program)?, expected)?;
    }
    Ok(())
}

/// From stacks of the program's own, one of which may not be touched any more.
pub fn pooled_stacks(world: &'static str) -> Outcome {
    same(world, "default", "pooled {harmless}", "opened; opened")
}
