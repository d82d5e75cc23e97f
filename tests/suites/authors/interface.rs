//! The shared libraries' interface only ever grows: compared with what the last release
//! had (`tests/authors/abi`), by libabigail.

use std::path::{Path, PathBuf};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;

use crate::installed::source;

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
