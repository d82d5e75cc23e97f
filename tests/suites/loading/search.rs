//! Where libraries are found: the caller's directories, $ORIGIN, ld.so.cache.

use std::fs;
use std::path::Path;

use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::program;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::driver::{Room, copy, driver, lines, run, with_words, without};

/// The executable's RUNPATH, a plugin's RUNPATH with $ORIGIN, $ORIGIN in a name,
/// and a DT_RPATH that is inherited: each finds what only it can find.
pub fn search_paths(world: &'static str) -> Outcome {
    paths(world, &|program| program)
}

/// The same, with something done to the program first.
pub fn paths(world: &'static str, with: &dyn Fn(Program) -> Program) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "plugin")?;
    room.put("lib", "origin")?;
    room.put("lib", "hidden")?;
    room.put("lib/deep", "plain")?;
    room.put("lib/deep", "second")?;
    for (script, expected) in [
        ("open n libhidden.so", "opened"),
        (
            "open n libplain.so",
            "libplain.so: cannot open shared object file: No such file or directory",
        ),
        (
            "open n libplugin.so plugin n libplain.so close mapped libplain",
            "opened; opened; closed 0; not mapped",
        ),
        (
            "open n libplugin.so plugin n $ORIGIN/deep/libplain.so close mapped libplain",
            "opened; opened; closed 0; not mapped",
        ),
        (
            "open n $ORIGIN/lib/libplugin.so plugin nd libplain.so",
            "opened; opened",
        ),
        ("open n liborigin.so", "opened"),
    ] {
        for world in [without(world), world] {
            let program = room.program("loading-driver", "runpath", script)?;
            lines(&run(world, with(program))?, expected).map_err(|error| {
                format!("{world}: {script}: {}", error.message().unwrap_or_default())
            })?;
        }
    }
    // a definer, found by each of these ways, stays
    for script in [
        "open n libplugin.so plugin n libsecond.so close mapped libsecond",
        "open n libplugin.so plugin n $ORIGIN/deep/libsecond.so close mapped libsecond",
    ] {
        let program = room.program("loading-driver", "runpath", script)?;
        let expected = "opened; opened; closed 0; mapped";
        lines(&run(world, with(program))?, expected)?;
    }
    // and by LD_LIBRARY_PATH
    let program = driver("default", "open n libsecond.so close mapped libsecond")?
        .env("LD_LIBRARY_PATH", room.0.join("lib/deep"));
    lines(&run(world, with(program))?, "opened; closed 0; mapped")
}

/// A library that only ld.so.cache knows, in a mount namespace with such a cache.
pub fn found_in_cache() -> Outcome {
    const MOUNT: &str = "mount --bind \"$0\" /etc/ld.so.cache && exec \"$@\"";

    let folder = scratch::directory("cached")?;
    let libraries = folder.join("lib");
    fs::create_dir(&libraries).map_err(|error| error.to_string())?;
    copy(&built("loading-library", "second")?, &libraries)?;
    let cache = folder.join("cache");
    // -X: no links; what is cached here is known by its DT_SONAME or its name
    let make = Program::new(program("ldconfig").unwrap_or("/sbin/ldconfig".into()));
    make.arg("-X")
        .arg("-C")
        .arg(&cache)
        .arg(&libraries)
        .run()?
        .expect(0)?;
    for (world, script, expected) in [
        (
            "plain",
            "open n libsecond.so close mapped libsecond",
            "opened; closed 0; not mapped",
        ),
        (
            "libc",
            "open n libsecond.so close mapped libsecond",
            "opened; closed 0; mapped",
        ),
    ] {
        let program = in_namespace(MOUNT, &cache, script)?;
        lines(&run(world, program)?, expected)?;
    }
    Ok(())
}

/// The driver after `mount` has been run in a mount namespace of its own.
pub fn in_namespace(mount: &str, argument: &Path, script: &str) -> Result<Program, String> {
    let unshare = Program::new(program("unshare")?).args(["--mount", "sh", "-c", mount]);
    with_words(
        unshare
            .arg(argument)
            .arg(built("loading-driver", "default")?),
        script,
    )
}
