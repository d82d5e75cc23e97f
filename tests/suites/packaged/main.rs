//! The packages of a release, each installed, used, upgraded and removed where there is
//! nothing else of ours: Debian's, those for rpm, the wheel for pip, the crate for
//! cargo, and the tarball's own script.

mod cargo;
mod debian;
mod image;
mod lines;
mod rpm;
mod script;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;

use rseq_kit::release::packages;
use rseq_kit::runner::Suite;

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Returns the one whose name begins so.
fn package(name: &str, ending: &str) -> Result<PathBuf, String> {
    let mut ours = packages(ending)?.into_iter().filter(|path| {
        path.file_name()
            .is_some_and(|it| it.to_string_lossy().starts_with(name))
    });
    ours.next()
        .ok_or_else(|| format!("cargo xtask package has made no {name}...{ending}"))
}
