//! The packages of a release, each installed, used, upgraded and removed where there is
//! nothing else of ours: Debian's, those for rpm, the wheel for pip, and the tarball's own
//! script.

mod debian;
mod image;
mod rpm;
mod script;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;

use rseq_kit::release;
use rseq_kit::runner::Suite;

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Returns the packages whose names end so: by what stands before the version.
fn packages(ending: &str) -> Result<Vec<PathBuf>, String> {
    let all = release::packages()?;
    let ours: Vec<_> = all
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    if ours.is_empty() {
        return Err(format!(
            "cargo xtask package has made nothing that ends in {ending}"
        ));
    }
    Ok(ours)
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
