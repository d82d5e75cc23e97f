//! Manual pages and completions.

use super::files::{files_of, read};
use super::tarball::Tarball;
use crate::step::Steps;

/// Where the folders that `--example pages` fills are below the tarball's folder.
const FOLDERS: [(&str, &str); 4] = [
    ("man1", "share/man/man1"),
    ("bash", "share/bash-completion/completions"),
    ("zsh", "share/zsh/site-functions"),
    ("fish", "share/fish/vendor_completions.d"),
];

/// What is written by hand.
const BY_HAND: (&str, &str) = ("loader-shim/man/rseq-shim.7", "share/man/man7/rseq-shim.7");

/// Puts them into the tarball.
pub(super) fn fill(steps: &mut Steps, tarball: &mut Tarball) -> Result<(), String> {
    let made = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let mut pages = steps.cargo();
    pages.args([
        "run",
        "--quiet",
        "-p",
        "rseqctl",
        "--example",
        "pages",
        "--",
    ]);
    steps.run("manual pages and completions", pages.arg(made.path()))?;
    for (from, to) in FOLDERS {
        for path in files_of(&made.path().join(from))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // bash looks for the command's name
            let name = name.strip_suffix(".bash").unwrap_or(&name);
            tarball.file(&format!("{to}/{name}"), read(&path)?);
        }
    }
    let (from, to) = BY_HAND;
    tarball.file(to, read(&steps.root().join(from))?);
    Ok(())
}
