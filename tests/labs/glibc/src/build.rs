//! Builds a patched glibc and keeps what is needed to run programs on it.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use super::own_tests;
use super::series::Series;
use super::tree::Tree;
use rseq_kit::cache;

/// Where it is kept which version was built: the archive may not have had the one
/// that the series was made for.
pub const VERSION: &str = "version";

/// The files of a glibc with this series; built the first time, and tested.
///
/// # Errors
///
/// It cannot be fetched, patched or built.
pub fn kept(series: &Series) -> Result<PathBuf, String> {
    let kind = if series.patches.is_empty() {
        "stock"
    } else {
        "patched"
    };
    let content = series.content();
    cache::kept(
        &format!("glibc-{kind}-{}-{content:016x}", series.version),
        |into| {
            let say = |what: &str| tell(&format!("glibc {} ({kind}): {what}", series.version));
            say("fetching, unpacking and configuring");
            let tree = Tree::prepare(series, &into.join("work"), &[])?;
            series.apply(&tree.source)?;
            say("building: four minutes of an idle machine with two processors");
            let start = Instant::now();
            tree.make()?;
            say(&format!("built in {} s", start.elapsed().as_secs()));
            if !series.patches.is_empty() {
                say("running its own tests: two minutes more");
                own_tests::run(&tree, into)?;
            }
            tree.keep(into)?;
            fs::write(into.join(VERSION), series.found_version()?)
                .map_err(|error| format!("{VERSION}: {error}"))?;
            fs::remove_dir_all(into.join("work")).map_err(|error| format!("work: {error}"))
        },
    )
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
