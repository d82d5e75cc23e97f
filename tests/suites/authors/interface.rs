//! The shared libraries' interface only ever grows: compared with what the last release
//! had (`tests/authors/abi`), by libabigail.

use std::fs;
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::installed::{include, source};

/// abidiff(1): something that programs may rely on is gone or changed.
const INCOMPATIBLE: i32 = 8;
/// abidiff(1): it could not compare.
const ERROR: i32 = 1 | 2;

fn dump(name: &str) -> PathBuf {
    source("abi").join(format!("{name}.abi"))
}

/// The status of abidiff, and what it says.
fn compare(before: &Path, now: &Path) -> Result<(i32, String), String> {
    let done = Program::new(program("abidiff")?)
        .args([before, now])
        .run()?;
    let code = done.code();
    assert_eq!(code & ERROR, 0, "{}", done.err);
    Ok((code, done.out))
}

#[rseq_kit::test(Need::X86_64, Need::of(Tool("abidiff")))]
fn only_grows() -> Outcome {
    let artifacts = artifacts()?;
    for (name, library) in [
        ("librseq_abi", &artifacts.abi),
        ("librseq_shim", &artifacts.shim),
    ] {
        let (code, said) = compare(&dump(name), library)?;
        assert_eq!(code & INCOMPATIBLE, 0, "{name}: {said}");
    }
    Ok(())
}

/// It would be noticed: the one library in the place of the other.
#[rseq_kit::test(Need::X86_64, Need::of(Tool("abidiff")))]
fn would_be_noticed() -> Outcome {
    let (code, said) = compare(&dump("librseq_shim"), &artifacts()?.abi)?;
    assert_ne!(code & INCOMPATIBLE, 0, "{said}");
    Ok(())
}

/// Why neither library gives its names versions. The first is asked for by one version
/// and defined with another: then a program that is linked with a `__rseq_abi` of some
/// version does not share the area of a library whose own has another. And what stands
/// before a name of the libc is found by that name's version only in a library that has
/// no versions at all.
#[rseq_kit::test(Need::CC, Need::X86_64, Need::READELF)]
fn versions_would_part_what_is_shared() -> Outcome {
    let folder = scratch::directory("versions")?;
    let script = |name: &str| -> Result<String, String> {
        let place = folder.join(format!("{name}.map"));
        let text = format!("{name} {{ global: *; }};\n");
        fs::write(&place, text).map_err(|error| error.to_string())?;
        Ok(format!("-Wl,--version-script={}", place.display()))
    };
    let build = |name: &str, options: &[&str]| -> Result<PathBuf, String> {
        let place = folder.join(name);
        Program::with_callers_environment(program("cc")?)
            .args(["-O2", "-o"])
            .arg(&place)
            .arg(source("versions.c"))
            .arg("-I")
            .arg(include()?)
            .args(options)
            .arg("-Wl,-rpath,$ORIGIN")
            .run()?
            .expect(0)?;
        Ok(place)
    };
    let library = ["-shared", "-fPIC", "-Wl,-z,nodelete"];
    let [ours, theirs] = ["OURS_1", "THEIRS_1"].map(script);
    let (ours, theirs) = (ours?, theirs?);
    let plain = build("libplain.so", &library)?;
    let versioned = build("libversioned.so", &[&library[..], &[&theirs]].concat())?;
    let twin = build("libtwin.so", &[&library[..], &[&ours]].concat())?;
    let abi = &artifacts()?.abi;

    let beside = abi.parent().unwrap_or(Path::new("/"));
    let beside = format!("-Wl,-rpath,{}", beside.display());
    let with = |name: &str, linked: &Path| -> Result<PathBuf, String> {
        let linked = linked.display().to_string();
        build(name, &["-DASK", &linked, &beside, "-ldl"])
    };
    let asks = |program: &Path, first: &Path| -> Result<String, String> {
        let asked = Program::new(program).env("LD_PRELOAD", first);
        Ok(asked.run()?.expect(0)?.out)
    };
    let (ours, twins) = (with("ours", abi)?, with("twins", &twin)?);
    for (program, first, areas) in [
        (&ours, &plain, 1),
        (&ours, &versioned, 1),
        (&twins, &plain, 1),
        (&twins, &versioned, 2),
    ] {
        let said = asks(program, first)?;
        assert!(said.contains(&format!("areas: {areas}\n")), "{said}");
    }
    let by_version = format!("by version: {}\n", plain.display());
    assert!(asks(&ours, &plain)?.contains(&by_version));
    assert!(asks(&ours, &versioned)?.contains("libc.so.6"));

    for library in [&artifacts()?.abi, &artifacts()?.shim] {
        let dumped = Program::new(program("readelf")?)
            .arg("--version-info")
            .arg(library)
            .run()?
            .expect(0)?;
        assert!(
            dumped.out.contains("No version information"),
            "{}",
            dumped.out
        );
    }
    Ok(())
}
