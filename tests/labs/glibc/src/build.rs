//! Builds a patched glibc and keeps what is needed to run programs on it.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use super::own_tests;
use super::recorded;
use super::series::Series;
use super::tree::Tree;
use rseq_kit::cache;
use rseq_kit::machine::Machine;

/// Where it is kept which version was built: the archive may not have had the one
/// that the series was made for.
pub const VERSION: &str = "version";

/// Whether a glibc with this series was built for `machine`.
///
/// # Errors
///
/// There is no place for a cache.
pub fn is_kept(series: &Series, machine: Machine) -> Result<bool, String> {
    cache::made(&name(series, machine)).map(|place| place.is_some())
}

/// What a glibc is: with the series or without, and for which machine if not for this one.
fn kind(series: &Series, machine: Machine) -> String {
    let kind = if series.patches.is_empty() {
        "stock"
    } else {
        "patched"
    };
    match machine.foreign() {
        Some(_) => format!("{kind}-{}", machine.name()),
        None => kind.to_owned(),
    }
}

/// The name that it is kept under.
fn name(series: &Series, machine: Machine) -> String {
    let (kind, content) = (kind(series, machine), series.content(machine));
    format!("glibc-{kind}-{}-{content:016x}", series.version)
}

/// The files of a glibc with this series for `machine`; built the first time, and tested:
/// one that cannot run here leaves the tests' programs instead ([`recorded`]).
///
/// # Errors
///
/// It cannot be fetched, patched or built.
pub fn kept(series: &Series, machine: Machine) -> Result<PathBuf, String> {
    let foreign = machine.foreign().is_some();
    let kind = kind(series, machine);
    cache::kept(&name(series, machine), |into| {
        let say = |what: &str| {
            tell(&format!("glibc {} ({kind}): {what}", series.version));
        };
        say("fetching, unpacking and configuring");
        let work = into.join("work");
        let tree = if foreign {
            Tree::prepare_for(series, &work, machine.libraries())?
        } else {
            Tree::prepare(series, &work, &[])?
        };
        series.apply(&tree.source)?;
        say("building: four minutes of an idle machine with two processors");
        let start = Instant::now();
        tree.make()?;
        say(&format!("built in {} s", start.elapsed().as_secs()));
        if foreign {
            say("building its own tests");
            recorded::keep(&tree, into)?;
        } else if !series.patches.is_empty() {
            say("running its own tests: two minutes more");
            own_tests::run(&tree, into)?;
        }
        tree.keep(into, machine)?;
        fs::write(into.join(VERSION), series.found_version()?)
            .map_err(|error| format!("{VERSION}: {error}"))?;
        fs::remove_dir_all(into.join("work")).map_err(|error| format!("work: {error}"))
    })
}

/// Says how far a build is that somebody waits for, whoever asked for it.
fn tell(line: &str) {
    eprintln!("{line}");
}

/// Builds after each patch: every one of them must leave a glibc that builds,
/// without a warning, as glibc's maintainers ask for.
///
/// # Errors
///
/// One does not apply or build.
pub fn each(series: &Series, mut say: impl FnMut(&str)) -> Result<(), String> {
    let work = cache::work()?;
    let tree = Tree::prepare(series, work.path(), &["--enable-werror"])?;
    let mut build = |what: &str| {
        let start = Instant::now();
        tree.make()?;
        say(&format!("{what}: builds ({} s)", start.elapsed().as_secs()));
        Ok::<(), String>(())
    };
    build("base")?;
    for patch in &series.patches {
        patch.apply(&tree.source)?;
        build(&patch.name())?;
    }
    Ok(())
}
