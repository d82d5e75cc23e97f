//! Kernels that keep `cpu_id_start`: who is not granted a registration there.

use super::BUILDS;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::runner::{Outcome, none_of};
use rseq_kit::scratch;
use rseq_kit::world::GLIBC_OFF;

use super::{holds, run};

/// A folder for what rseqctl remembers, with what it has seen of this kernel.
fn remembering() -> Result<(PathBuf, PathBuf), String> {
    let cache = scratch::directory("cache")?;
    Program::new(&artifacts()?.rseqctl)
        .args(["doctor", "--seconds", "20", "--fail-on", "never"])
        .env("XDG_CACHE_HOME", &cache)
        .limit(Duration::from_secs(60))
        .run()?;
    let file = cache.join("rseqctl/kernel.json");
    if file.is_file() {
        Ok((cache, file))
    } else {
        Err(format!("{} was not written", file.display()))
    }
}

/// Changes one value in what is remembered.
fn pretend(file: &Path, key: &str, value: &str) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| say(&error))?;
    let mut content: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| say(&error))?;
    content["behaviour"][key] = value.into();
    // in place: owner and mode stay
    fs::write(file, content.to_string()).map_err(|error| say(&error))
}

/// On a kernel that keeps `cpu_id_start`, a program that writes there is not
/// granted a registration of its own, unless that is forced.
#[rseq_kit::test(BUILDS)]
fn corruption_is_refused() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "cpu_id_start", "kept")?;
    let writer = built("kernel-field", "cpu-id-start")?;
    let refused = |options: &[&str]| -> Result<Finished, String> {
        run(options, &[&writer])?
            .env("XDG_CACHE_HOME", &cache)
            .run()
    };
    let finished = refused(&[])?.expect(125)?;
    let words = ["not started", "cpu_id_start", "--mode defer", "--force"];
    holds(&finished.err, &words)?;
    // what it advises, starts
    refused(&["--mode", "defer"])?.expect(0)?;
    refused(&["--mode", "own"])?.expect(0)?;
    refused(&["--force"])?.expect(0)?;
    let finished = refused(&["--dry-run"])?.expect(0)?;
    holds(&finished.out, &["refused ", "does not rewrite"])?;
    // launchers hide nothing
    run(&[], &["nice".as_ref(), writer.as_os_str()])?
        .env("XDG_CACHE_HOME", &cache)
        .run()?
        .expect(125)?;
    // where the libc is told not to register, there is nobody to leave it to
    let finished = run(&["--mode", "defer"], &[&writer])?
        .env("XDG_CACHE_HOME", &cache)
        .env("GLIBC_TUNABLES", GLIBC_OFF)
        .run()?
        .expect(125)?;
    holds(&finished.err, &["--mode own"])?;
    // programs that keep to the kernel's rules start
    for (source, case) in [
        ("kernel-field", "own-field"),
        ("kernel-field", "load"),
        ("nothing", "default"),
    ] {
        let program = built(source, case)?;
        let finished = run(&[], &[&program])?.env("XDG_CACHE_HOME", &cache).run()?;
        finished
            .expect(0)
            .map_err(|error| format!("{case}: {error}"))?;
    }
    pretend(&file, "cpu_id_start", "rewritten")?;
    refused(&[])?.expect(0)?;
    Ok(())
}

/// What is done with a pointer to the area is followed over jumps and calls; who
/// gives it away is not started, and who only reads is.
#[rseq_kit::test(BUILDS)]
fn pointers_are_followed() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "cpu_id_start", "kept")?;
    let (writes, perhaps) = ("keeps a value of its own", "cannot be excluded");
    let mut wrong = Vec::new();
    for case in &rseq_kit::fixture::all().cases {
        let name = case.directives.name.as_str();
        if case.source != "area-pointer" {
            continue;
        }
        let expected = match name.split_once('-') {
            Some(("writes", "somewhere") | ("gives", _)) => Some(perhaps),
            Some(("writes", _)) => Some(writes),
            _ if name == "computes" => Some(perhaps),
            _ => None,
        };
        let finished = run(&[], &[case.build()?])?
            .env("XDG_CACHE_HOME", &cache)
            .run()?;
        let holds = match expected {
            None => finished.code() == 0,
            Some(words) => {
                finished.code() == 125
                    && finished.err.contains(words)
                    && finished.err.contains("--mode defer")
                    && (words == perhaps || !finished.err.contains(perhaps))
            }
        };
        if !holds {
            wrong.push(format!("{name}: {} {}", finished.code(), finished.err));
        }
    }
    none_of(wrong)
}

/// Where sections do not abort, no program gets to use them.
#[rseq_kit::test(BUILDS)]
fn sections_that_do_not_abort() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "sections", "runs-on")?;
    let program = built("adopter", "exports")?;
    let finished = run(&[], &[&program])?
        .env("XDG_CACHE_HOME", &cache)
        .run()?
        .expect(125)?;
    holds(&finished.err, &["critical-sections-do-not-abort"])?;
    Ok(())
}

/// What corrupts memory is refused, too, where a program is stripped and has no section
/// headers: only a search of its code shows that it brings an area.
#[rseq_kit::test(BUILDS)]
fn definer_without_sections() -> Outcome {
    let program = built("definer-executable", "sectionless")?;
    for (key, value, words) in [
        ("sections", "runs-on", "critical-sections-do-not-abort"),
        ("cpu_id_start", "kept", "cpu-id-start-kept"),
    ] {
        let (cache, file) = remembering()?;
        let started = |options: &[&str]| -> Result<Finished, String> {
            run(options, &[&program])?
                .env("XDG_CACHE_HOME", &cache)
                .run()
        };
        started(&[])?.expect(0)?;
        pretend(&file, key, value)?;
        let refused = started(&[])?.expect(125)?;
        holds(&refused.err, &["not started", words])?;
        let planned = started(&["--dry-run"])?.expect(0)?;
        holds(&planned.out, &["refused "])?;
    }
    Ok(())
}

/// An answer that somebody else could have written is not believed.
#[rseq_kit::test(BUILDS)]
fn remembered_answer() -> Outcome {
    let (cache, file) = remembering()?;
    let writer = built("kernel-field", "cpu-id-start")?;
    let plan = || -> Result<String, String> {
        let options = ["--dry-run", "--format", "json"];
        let program = run(&options, &[&writer])?.env("XDG_CACHE_HOME", &cache);
        Ok(program.run()?.expect(0)?.out)
    };
    assert!(plan()?.contains("earlier in this boot"));
    pretend(&file, "cpu_id_start", "kept")?;
    assert!(plan()?.contains("that corrupts memory"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    let text = plan()?;
    assert!(text.contains("tested just now"), "{text}");
    // and a start replaces it by what was seen
    run(&["--mode", "defer"], &[&writer])?
        .env("XDG_CACHE_HOME", &cache)
        .run()?;
    assert!(!plan()?.contains("that corrupts memory"));
    let mode = fs::metadata(&file)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // of another boot
    let text = fs::read_to_string(&file)?;
    let mut content: serde_json::Value = serde_json::from_str(&text)?;
    content["key"]["boot"] = "another".into();
    content["behaviour"]["cpu_id_start"] = "kept".into();
    fs::write(&file, content.to_string())?;
    assert!(plan()?.contains("tested just now"));
    Ok(())
}
