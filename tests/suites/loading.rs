//! The loading rules, seen from outside: a program that knows nothing of the
//! shim opens and closes libraries, and says what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::{Finished, Program};
use rseq_tests::fixture::built;
use rseq_tests::needs::{Need, program};
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::scratch;
use rseq_tests::world::World;

/// The shim passive, and the shim as the owner: the rules are the same.
const WORLDS: [&str; 2] = ["libc", "shim"];

/// A test, given the world that it runs in.
type Test = fn(&'static str) -> Outcome;

fn main() -> ExitCode {
    let needs = [Need::Cc, Need::X86_64, Need::Glibc(2, 35)];
    let mut suite = Suite::new();
    let tests: [(&str, Test); 28] = [
        ("promoted::opened", opened),
        ("promoted::needed", needed),
        ("promoted::needed_by_name", needed_by_name),
        ("promoted::opened_after_needed", opened_after_needed),
        ("promoted::two_definers", two_definers),
        ("promoted::base_namespace", base_namespace),
        ("start_up::linked", linked),
        ("start_up::preloaded", preloaded),
        ("refused::deep_bind", deep_bind),
        ("refused::own_definition", own_definition),
        ("refused::namespace", namespace),
        ("refused::same_name", same_name),
        ("refused::dlerror", error_is_said_once),
        ("same::private_definitions", private_definitions),
        ("same::failures", failures),
        ("same::failure_while_due", failure_while_due),
        ("same::search_paths", search_paths),
        ("same::constructors", constructors),
        ("same::closed_for_real", closed_for_real),
        ("same::pooled_stacks", pooled_stacks),
        ("refused::changed_file", changed_file),
        ("refused::changed_search", changed_search),
        ("promoted::owed", owed),
        ("policy::warn", warn),
        ("policy::off", off),
        ("refused::little_memory", little_memory),
        ("threads::eight", threads),
        ("threads::small_stack", small_stack),
    ];
    for (name, test) in tests {
        for world in WORLDS {
            suite.add(format!("{name}::{world}"), &needs, move || test(world));
        }
    }
    let as_root = [&needs[..], &[Need::Root, Need::MountNamespace]].concat();
    suite.add("same::ld_so_cache", &as_root, found_in_cache);
    suite.add("static_tls::hint", &needs, static_tls_hint);
    suite.add("log::promotions_and_refusals", &needs, log);
    suite.add("mode::off", &needs, mode_off);
    suite.run()
}

/// The path of a library.
fn library(case: &str) -> Result<String, String> {
    Ok(built("loading-library", case)?.display().to_string())
}

/// The driver with the words of `script`; `{CASE}` stands for a library.
fn driver(case: &str, script: &str) -> Result<Program, String> {
    with_words(Program::new(built("loading-driver", case)?), script)
}

fn with_words(mut program: Program, script: &str) -> Result<Program, String> {
    for word in script.split_whitespace() {
        let case = word
            .strip_prefix('{')
            .and_then(|word| word.strip_suffix('}'));
        program = match case {
            Some(case) => program.arg(library(case)?),
            None => program.arg(word),
        };
    }
    Ok(program)
}

/// The world without the shim that belongs to one with it.
fn without(world: &str) -> &'static str {
    if world == "libc" { "plain" } else { "bare" }
}

fn run(world: &str, program: Program) -> Result<Finished, String> {
    let (finished, _records) = World::from_name(world)?.run(program)?;
    finished.expect(0)
}

/// Runs a script and compares its lines, `; ` between them, with `expected`.
fn says(world: &str, case: &str, script: &str, expected: &str) -> Outcome {
    lines(&run(world, driver(case, script)?)?, expected)
}

fn lines(finished: &Finished, expected: &str) -> Outcome {
    let found = finished.out.trim_end().replace('\n', "; ");
    if found == expected && finished.err.is_empty() {
        return Ok(());
    }
    Err(format!(
        "expected {expected}\n found    {found}\n stderr   {}",
        finished.err
    )
    .into())
}

/// Runs a script with and without the shim: the same lines, and `expected` ones.
fn same(world: &str, case: &str, script: &str, expected: &str) -> Outcome {
    says(without(world), case, script, expected)?;
    says(world, case, script, expected)
}

// Promotion

fn opened(world: &'static str) -> Outcome {
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

fn needed(world: &'static str) -> Outcome {
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
fn needed_by_name(world: &'static str) -> Outcome {
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
fn owed(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    let script = "open n libneeds.so open n {plain} global definer_cpu";
    for (world, global) in [(without(world), "not global"), (world, "global")] {
        let program = room.program("loading-driver", "runpath", script)?;
        lines(&run(world, program)?, &format!("opened; opened; {global}"))?;
    }
    Ok(())
}

fn opened_after_needed(world: &'static str) -> Outcome {
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
fn two_definers(world: &'static str) -> Outcome {
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

fn base_namespace(world: &'static str) -> Outcome {
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

fn linked(world: &'static str) -> Outcome {
    let script = "open n {definer} area definer_area close open n {second} area second_area close \
                  mapped libdefiner mapped libsecond";
    let expected = "opened; the winner's; closed 0; opened; the winner's; closed 0; mapped; mapped";
    let finished = run(world, driver("linked", script)?)?;
    lines(&finished, expected)
}

fn preloaded(world: &'static str) -> Outcome {
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

// Refusal

/// The dynamic linker would load it; with the shim it is not loaded, its
/// constructors do not run, and dlerror names object and rule.
fn refused(world: &str, open: &str, object: &str, rule: &str) -> Outcome {
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

fn deep_bind(world: &'static str) -> Outcome {
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

fn own_definition(world: &'static str) -> Outcome {
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

fn namespace(world: &'static str) -> Outcome {
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
fn same_name(world: &'static str) -> Outcome {
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
fn error_is_said_once(world: &'static str) -> Outcome {
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

// The same as without the shim

fn private_definitions(world: &'static str) -> Outcome {
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
fn failures(world: &'static str) -> Outcome {
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

/// A load that would have brought a definer fails while another still waits to
/// be promoted: the error is the dynamic linker's.
fn failure_while_due(world: &'static str) -> Outcome {
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    for open in ["open n", "base n"] {
        let script = format!("open n libneeds.so {open} {{needs-nowhere}} error");
        let expected = format!(
            "opened; {}: undefined symbol: defined_nowhere; no error",
            library("needs-nowhere")?
        );
        for world in [without(world), world] {
            let program = room.program("loading-driver", "runpath", &script)?;
            lines(&run(world, program)?, &expected)?;
        }
    }
    Ok(())
}

/// A folder with a program, `lib` beside it, and `deep` in that.
struct Room(PathBuf);

impl Room {
    fn new() -> Result<Self, String> {
        let folder = scratch::directory("room")?;
        fs::create_dir_all(folder.join("lib/deep")).map_err(|error| error.to_string())?;
        Ok(Self(folder))
    }

    fn put(&self, folder: &str, case: &str) -> Result<(), String> {
        copy(&built("loading-library", case)?, &self.0.join(folder))
    }

    /// A copy of a fixture, in this folder.
    fn program(&self, source: &str, case: &str, script: &str) -> Result<Program, String> {
        let file = built(source, case)?;
        copy(&file, &self.0)?;
        with_words(
            Program::new(self.0.join(file.file_name().unwrap_or_default())),
            script,
        )
    }
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let target = folder.join(file.file_name().unwrap_or_default());
    if target.exists() {
        return Ok(());
    }
    fs::copy(file, &target)
        .map(drop)
        .map_err(|error| format!("{}: {error}", target.display()))
}

/// The executable's RUNPATH, a plugin's RUNPATH with $ORIGIN, $ORIGIN in a name,
/// and a DT_RPATH that is inherited: each finds what only it can find.
fn search_paths(world: &'static str) -> Outcome {
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
            lines(&run(world, program)?, expected).map_err(|error| {
                format!("{world}: {script}: {}", error.message().unwrap_or_default())
            })?;
        }
    }
    // a definer, found by each of these ways, is promoted
    for script in [
        "open n libplugin.so plugin n libsecond.so close mapped libsecond global second_cpu",
        "open n libplugin.so plugin n $ORIGIN/deep/libsecond.so close mapped libsecond global second_cpu",
    ] {
        let program = room.program("loading-driver", "runpath", script)?;
        lines(
            &run(world, program)?,
            "opened; opened; closed 0; mapped; global",
        )?;
    }
    // and by LD_LIBRARY_PATH
    let program = driver(
        "default",
        "open n libsecond.so global second_cpu close mapped libsecond",
    )?
    .env("LD_LIBRARY_PATH", room.0.join("lib/deep"));
    lines(&run(world, program)?, "opened; global; closed 0; mapped")?;
    let program =
        driver("default", "open nd libsecond.so")?.env("LD_LIBRARY_PATH", room.0.join("lib/deep"));
    let finished = run(world, program)?;
    assert!(
        finished.out.contains("definer-with-deepbind"),
        "{}",
        finished.out
    );
    Ok(())
}

/// A library that only ld.so.cache knows, in a mount namespace with such a cache.
fn found_in_cache() -> Outcome {
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
            "open n libsecond.so global second_cpu close mapped libsecond",
            "opened; global; closed 0; mapped",
        ),
        ("plain", "open nd libsecond.so", "opened"),
    ] {
        let program = in_namespace(MOUNT, &cache, script)?;
        lines(&run(world, program)?, expected)?;
    }
    let finished = run("libc", in_namespace(MOUNT, &cache, "open nd libsecond.so")?)?;
    assert!(
        finished.out.contains("definer-with-deepbind"),
        "{}",
        finished.out
    );
    Ok(())
}

/// The driver after `mount` has been run in a mount namespace of its own.
fn in_namespace(mount: &str, argument: &Path, script: &str) -> Result<Program, String> {
    let unshare = Program::new(program("unshare")?).args(["--mount", "sh", "-c", mount]);
    with_words(
        unshare
            .arg(argument)
            .arg(built("loading-driver", "default")?),
        script,
    )
}

/// A constructor that opens and closes, also while a definer that comes along
/// waits for its own: the order stays.
fn constructors(world: &'static str) -> Outcome {
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
    let program = room.program(
        "loading-driver",
        "runpath",
        "open n libouter.so close mapped libafter",
    )?;
    lines(
        &run(world, program)?,
        "constructor begins; in it opened; in it closed 0; constructor ends; \
         constructor of after; opened; closed 0; mapped",
    )
}

/// A dlclose that is, or only looks as if it was, inside a dlopen unloads what it
/// would unload without the shim, but for definers.
fn closed_for_real(world: &'static str) -> Outcome {
    // the return address of a dlopen that has ended still stands on the stack
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    let script = "frames libneeds.so mapped libneeds mapped libdefiner global definer_cpu";
    let said = |world| run(world, room.program("loading-driver", "runpath", script)?);
    lines(&said(world)?, "closed 0; not mapped; mapped; global")?;
    lines(
        &said(without(world))?,
        "closed 0; not mapped; not mapped; not global",
    )?;
    // in a constructor, while another definer waits for its own
    let script = "open n {needs-after-constructor} mapped libneeds mapped libdefiner";
    let said = |world| {
        let inner = library("needs-definer")?;
        run(
            world,
            driver("default", script)?.env("OPEN_IN_CONSTRUCTOR", inner),
        )
    };
    let begin = "constructor begins; in it opened; in it closed 0; constructor ends; \
                 constructor of after; opened; not mapped; ";
    lines(&said(world)?, &format!("{begin}mapped"))?;
    lines(&said(without(world))?, &format!("{begin}not mapped"))
}

/// The stack of an earlier dlopen is there, but may not be read.
fn pooled_stacks(world: &'static str) -> Outcome {
    same(world, "default", "pooled {harmless}", "opened; opened")
}

/// What was looked at and found harmless is looked at again when it has changed.
fn changed_file(world: &'static str) -> Outcome {
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
fn changed_search(world: &'static str) -> Outcome {
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

// What RSEQ_SHIM_LOADING, RSEQ_SHIM_LOG and RSEQ_SHIM_MODE select

const BREACHES: &str = "open n {definer} close open n {definer} close mapped libdefiner open nd {second} close \
                        open n {symbolic} close new n {definer} close open n {needs-definer} close mapped libdefiner";
const TOLERATED: &str = "opened; closed 0; opened; closed 0; not mapped; opened; closed 0; \
                         constructor of symbolic; opened; closed 0; opened; closed 0; opened; closed 0; not mapped";

fn warn(world: &'static str) -> Outcome {
    let program = driver("default", BREACHES)?.env("RSEQ_SHIM_LOADING", "warn");
    let mut finished = run(world, program)?;
    let said = std::mem::take(&mut finished.err);
    lines(&finished, TOLERATED)?;
    // once per object, whatever else is done with it
    for (object, rule) in [
        ("libdefiner.so", "definer-not-promoted"),
        ("libsecond.so", "definer-with-deepbind"),
        ("libsymbolic.so", "definer-binds-to-itself"),
    ] {
        let about: Vec<_> = said.lines().filter(|line| line.contains(object)).collect();
        assert_eq!(about.len(), 1, "{object}: {said}");
        assert!(
            about[0].starts_with("librseq_shim: ") && about[0].contains(rule),
            "{said}"
        );
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    Ok(())
}

fn off(world: &'static str) -> Outcome {
    let program = driver("default", BREACHES)?.env("RSEQ_SHIM_LOADING", "off");
    lines(&run(world, program)?, TOLERATED)?;
    says(without(world), "default", BREACHES, TOLERATED)
}

fn mode_off() -> Outcome {
    says("off", "default", BREACHES, TOLERATED)
}

fn log() -> Outcome {
    let script = "open n {definer} open nd {second} open n {needs-definer} close open nd {second}";
    let program = driver("default", script)?.env("RSEQ_SHIM_LOG", "stderr");
    let said = run("shim", program)?.err;
    for words in [
        "libdefiner.so: promoted to RTLD_GLOBAL",
        "libsecond.so: refused: definer-with-deepbind",
    ] {
        let count = said.lines().filter(|line| line.contains(words)).count();
        assert_eq!(count, 1, "{words}: {said}");
    }
    Ok(())
}

/// The hint is there, and the number in it is enough: for one library, and for
/// one that brings another along.
fn static_tls_hint() -> Outcome {
    for case in ["large", "large-needs-large"] {
        let script = format!("open n {{{case}}}");
        let plain = run("plain", driver("default", &script)?)?.out;
        let plain = plain.trim_end();
        assert!(
            plain.ends_with("cannot allocate memory in static TLS block"),
            "{plain}"
        );
        let out = run("libc", driver("default", &script)?)?.out;
        let hint = out
            .trim_end()
            .strip_prefix(plain)
            .ok_or_else(|| out.clone())?;
        let tunable = hint
            .strip_prefix(" (start the program with GLIBC_TUNABLES=")
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or_else(|| out.clone())?;
        let program = driver("default", &script)?.env("GLIBC_TUNABLES", tunable);
        lines(&run("libc", program)?, "opened")?;
        // the number is not simply huge: a quarter is not enough
        let (name, number) = tunable.split_once('=').ok_or("no number")?;
        let number: u64 = number.parse().map_err(|_| "no number")?;
        let program =
            driver("default", &script)?.env("GLIBC_TUNABLES", format!("{name}={}", number / 4));
        let finished = run("libc", program)?;
        assert!(
            finished.out.contains("static TLS block"),
            "{}",
            finished.out
        );
        // what is set already counts
        let again = finished.out.rsplit_once('=').ok_or("no hint")?.1;
        let again: u64 = again
            .trim_end()
            .trim_end_matches(')')
            .parse()
            .map_err(|_| finished.out.clone())?;
        assert!(
            again > number / 4 && again < number * 2,
            "{number} and {again}"
        );
    }
    Ok(())
}

fn threads(world: &'static str) -> Outcome {
    says(
        world,
        "default",
        "threads 4 {definer} {needs-definer} {plain} {second} mapped libdefiner mapped libsecond mapped libplain",
        "0 failed; mapped; mapped; not mapped",
    )
}

/// What dlopen needs of the caller's stack is all that is needed.
fn small_stack(world: &'static str) -> Outcome {
    let script = "small {plain} small {definer} small {needs-definer} small {second}";
    let expected = "opened and closed; opened and closed; opened and closed; opened and closed";
    same(world, "default", script, expected)?;
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    for world in [without(world), world] {
        let program = room.program("loading-driver", "runpath", "small libneeds.so")?;
        lines(&run(world, program)?, "opened and closed")?;
    }
    Ok(())
}

/// The rules are kept where there is little room left for keeping them.
fn little_memory(world: &'static str) -> Outcome {
    let script = "limit 200 open nd {definer}";
    says(without(world), "default", script, "limited; opened")?;
    let out = run(world, driver("default", script)?)?.out;
    assert!(out.contains("definer-with-deepbind"), "{out}");
    Ok(())
}
