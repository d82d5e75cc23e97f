//! Builds of a patched glibc for other architectures. Nothing of them can run
//! here; that they build, and export just what glibc's lists for them say, can be
//! asked.

use std::fs;

use super::build::Tree;
use super::own_tests::{self, OwnTest};
use super::series::Series;
use crate::cache;
use crate::needs::program;

/// What a machine that builds for another calls it: both places that the thread
/// control block can have, both byte orders, both widths.
pub const TARGETS: [&str; 3] = ["aarch64-linux-gnu", "i686-linux-gnu", "s390x-linux-gnu"];

/// What came of one of them.
#[derive(Clone, Debug)]
pub struct Built {
    /// One of [`TARGETS`].
    pub target: &'static str,
    /// The symbol lists that were compared, or why it was not built: the compiler
    /// is not there.
    pub lists: Result<Vec<OwnTest>, String>,
}

/// Builds the series for each of [`TARGETS`] and compares the symbol lists.
///
/// # Errors
///
/// The series does not apply, or a compiler that is there does not build it.
pub fn all(series: &Series, mut say: impl FnMut(&Built)) -> Result<(), String> {
    for target in TARGETS {
        let lists = match program(&format!("{target}-gcc")) {
            Ok(_) => Ok(lists(series, target).map_err(|error| format!("{target}: {error}"))?),
            Err(error) => Err(error),
        };
        say(&Built { target, lists });
    }
    Ok(())
}

fn lists(series: &Series, target: &str) -> Result<Vec<OwnTest>, String> {
    let work = cache::folder(&format!("glibc-cross-{}-{target}", series.version))?;
    let say = |error| format!("{}: {error}", work.display());
    fs::remove_dir_all(&work).map_err(say)?;
    let host = format!("--host={target}");
    let options = [
        "--build=x86_64-linux-gnu",
        &host,
        // else this machine's C++ compiler would be taken
        "libc_cv_cxx_link_ok=no",
    ];
    let tree = Tree::prepare(series, &work, &options)?;
    for patch in &series.patches {
        patch.apply(&tree.source)?;
    }
    tree.make()?;
    let lists = own_tests::symbol_lists(&tree)?;
    fs::remove_dir_all(&work).map_err(say)?;
    Ok(lists)
}
