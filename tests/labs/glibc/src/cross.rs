//! Builds of a patched glibc for other architectures. Nothing of them can run
//! here; that they build, and export just what glibc's lists for them say, can be
//! asked.

use super::own_tests::{self, OwnTest};
use super::series::Series;
use super::tree::Tree;
use rseq_kit::cache;
use rseq_kit::needs::program;

/// What a machine that builds for another calls it: both places that the thread
/// control block can have, both byte orders, both widths.
pub const TARGETS: [&str; 3] = ["aarch64-linux-gnu", "i686-linux-gnu", "s390x-linux-gnu"];

/// What came of one of them.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It builds, and the symbol lists were compared.
    Built(Vec<OwnTest>),
    /// It does not build, and why.
    Failed(String),
    /// The compiler is not there.
    Skipped(String),
}

/// Builds the series for each of [`TARGETS`], compares the symbol lists, and says
/// what came of it.
pub fn all(series: &Series, mut say: impl FnMut(&str, Outcome)) {
    for target in TARGETS {
        let outcome = match program(&format!("{target}-gcc")) {
            Ok(_) => lists(series, target).map_or_else(Outcome::Failed, Outcome::Built),
            Err(error) => Outcome::Skipped(error),
        };
        say(target, outcome);
    }
}

fn lists(series: &Series, target: &str) -> Result<Vec<OwnTest>, String> {
    let work = cache::work()?;
    let tree = Tree::prepare_for(series, work.path(), target)?;
    series.apply(&tree.source)?;
    tree.make()?;
    own_tests::symbol_lists(&tree)
}
