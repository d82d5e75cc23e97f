//! Definers that are refused, with the words for it.

use std::fs;

use rseq_tests::runner::Outcome;
use rseq_tests::scratch;

use crate::driver::{Room, driver, library, lines, run, same, says, without};

/// The dynamic linker would load it; with the shim it is not loaded, its
/// constructors do not run, and dlerror names object and rule.
pub fn refused(world: &str, open: &str, object: &str, rule: &str) -> Outcome {
    let plain = run(without(world), driver("default", open)?)?;
    if !plain.out.ends_with("opened\n") {
        return Err(format!("{open}: without the shim: {}", plain.out).into());
    }
    let script = format!("{open} error mapped {object} open n {{plain}} error close");
    let finished = run(world, driver("default", &script)?)?;
    let found: Vec<_> = finished.out.lines().collect();
    let [said, rest @ ..] = &found[..] else {
        return Err("no output".into());
    };
    let right = said.contains(&format!("{object}.so: not loaded: it defines __rseq_abi"))
        && said.contains(&format!("(rule {rule}; "))
        && *rest == ["no error", "not mapped", "opened", "no error", "closed 0"]
        && finished.err.is_empty();
    right
        .then_some(())
        .ok_or_else(|| format!("{open}: {}{}", finished.out, finished.err).into())
}

pub fn deep_bind(world: &'static str) -> Outcome {
    let rule = "definer-with-deepbind";
    refused(world, "open nd {definer}", "libdefiner", rule)?;
    refused(world, "open gd {definer}", "libdefiner", rule)?;
    refused(world, "open nd {needs-definer}", "libdefiner", rule)?;
    refused(world, "open nd {needs-needs}", "libdefiner", rule)?;
    // what needs a definer that is there already would prefer it all the same
    let finished = run(
        world,
        driver("default", "open n {definer} open nd {needs-definer}")?,
    )?;
    assert!(finished.out.contains(rule), "{}", finished.out);
    // nothing that defines the symbol: nothing to refuse
    same(
        world,
        "default",
        "open nd {plain} close open nd {hidden} close",
        "opened; closed 0; opened; closed 0",
    )
}

pub fn own_definition(world: &'static str) -> Outcome {
    let rule = "definer-binds-to-itself";
    refused(world, "open n {symbolic}", "libsymbolic", rule)?;
    refused(world, "open gk {symbolic}", "libsymbolic", rule)?;
    refused(world, "open n {protected}", "libprotected", rule)?;
    refused(world, "open n {needs-symbolic}", "libsymbolic", rule)?;
    // it is true what the rule says of it
    says(
        without(world),
        "default",
        "open g {second} open n {symbolic} area symbolic_area",
        "opened; constructor of symbolic; opened; its own",
    )
}

pub fn namespace(world: &'static str) -> Outcome {
    let rule = "definer-in-another-namespace";
    refused(world, "new n {definer}", "libdefiner", rule)?;
    refused(world, "new n {needs-definer}", "libdefiner", rule)?;
    refused(world, "new n {needs-needs}", "libdefiner", rule)?;
    // that the program has it does not help a namespace of its own
    let finished = run(
        world,
        driver("default", "open n {definer} new n {needs-definer}")?,
    )?;
    assert!(finished.out.contains(rule), "{}", finished.out);
    same(
        world,
        "default",
        "new n {plain} close new n {hidden} close",
        "opened; closed 0; opened; closed 0",
    )
}

/// A library of the same name that was opened by its path is another one: the
/// dynamic linker searches for the name, and finds what is to be refused.
pub fn same_name(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib/deep", "symbolic")?;
    for name in ["libsymbolic.so", "libdefiner.so"] {
        fs::copy(library("harmless")?, room.0.join(name)).map_err(|error| error.to_string())?;
    }
    let script = "open n $ORIGIN/libsymbolic.so open n libsymbolic.so mapped deep/libsymbolic";
    let said = |world| {
        let program = room.program("loading-driver", "default", script)?;
        run(
            world,
            program.env("LD_LIBRARY_PATH", room.0.join("lib/deep")),
        )
    };
    let plain = "opened; constructor of symbolic; opened; mapped";
    lines(&said(without(world))?, plain)?;
    let out = said(world)?.out;
    let refused = out.contains("(rule definer-binds-to-itself; ");
    assert!(refused && out.ends_with("\nnot mapped\n"), "{out}");
    // in DT_NEEDED
    let script = "open n $ORIGIN/libdefiner.so open n {needs-definer} global definer_cpu";
    let program = room.program("loading-driver", "default", script)?;
    lines(&run(world, program)?, "opened; opened; global")?;
    // and the same file is the same one, by whatever name
    let script = "open n $ORIGIN/lib/deep/libsecond.so open nd libsecond.so open nd libother.so";
    room.put("lib/deep", "second")?;
    fs::hard_link(
        room.0.join("lib/deep/libsecond.so"),
        room.0.join("lib/libother.so"),
    )
    .map_err(|error| error.to_string())?;
    let search = format!("{0}/lib:{0}/lib/deep", room.0.display());
    let program = room.program("loading-driver", "default", script)?;
    let finished = run(world, program.env("LD_LIBRARY_PATH", search))?;
    lines(&finished, "opened; opened; opened")
}

/// As the dynamic linker's own errors: pending until asked for or until the
/// next call succeeds.
pub fn error_is_said_once(world: &'static str) -> Outcome {
    let text = |script: &str| Ok::<_, String>(run(world, driver("default", script)?)?.out);
    // `said` in the driver asks at once, so ask again
    let out = text(
        "open nd {definer} error open n /none.so error open nd {definer} hold x open n {plain} error",
    )?;
    let found: Vec<_> = out.lines().collect();
    assert_eq!(found.len(), 8, "{out}");
    assert!(found[0].contains("definer-with-deepbind"), "{out}");
    assert_eq!(found[1], "no error", "{out}");
    assert!(found[2].starts_with("/none.so: cannot open"), "{out}");
    assert_eq!(found[3], "no error", "{out}");
    assert!(found[4].contains("definer-with-deepbind"), "{out}");
    assert!(found[5].contains("undefined symbol: x"), "{out}");
    assert_eq!(found[6..], ["opened", "no error"], "{out}");
    Ok(())
}

/// What was looked at and found harmless is looked at again when it has changed.
pub fn changed_file(world: &'static str) -> Outcome {
    let folder = scratch::directory("changed")?;
    let path = folder.join("lib.so");
    let next = folder.join("next.so");
    fs::copy(library("harmless")?, &path).map_err(|error| error.to_string())?;
    fs::copy(library("definer")?, &next).map_err(|error| error.to_string())?;
    let (path, next) = (path.display(), next.display());
    let script = format!(
        "open n {path} close open n {path} close move {next} {path} open n {path} global definer_cpu"
    );
    let out = run(world, driver("default", &script)?)?.out;
    assert_eq!(
        out,
        "opened\nclosed 0\nopened\nclosed 0\nmoved\nopened\nglobal\n"
    );
    Ok(())
}

/// So is what a bare name led to, when it leads elsewhere now.
pub fn changed_search(world: &'static str) -> Outcome {
    for (case, expected) in [
        ("definer", "global"),
        ("symbolic", "definer-binds-to-itself"),
    ] {
        let folder = scratch::directory("searched")?;
        let (first, second) = (folder.join("first"), folder.join("second"));
        let next = folder.join("next.so");
        for directory in [&first, &second] {
            fs::create_dir(directory).map_err(|error| error.to_string())?;
        }
        fs::copy(library("harmless")?, second.join("libx.so"))
            .map_err(|error| error.to_string())?;
        fs::copy(library(case)?, &next).map_err(|error| error.to_string())?;
        let (next, place) = (next.display(), first.join("libx.so"));
        let script = format!(
            "open n libx.so close open n libx.so close move {next} {} open n libx.so global definer_cpu",
            place.display()
        );
        let search = format!("{}:{}", first.display(), second.display());
        let program = driver("default", &script)?.env("LD_LIBRARY_PATH", search);
        let out = run(world, program)?.out;
        let before = "opened\nclosed 0\nopened\nclosed 0\nmoved\n";
        assert!(out.starts_with(before) && out.contains(expected), "{out}");
        assert_eq!(out.ends_with("\nglobal\n"), case == "definer", "{out}");
    }
    Ok(())
}
