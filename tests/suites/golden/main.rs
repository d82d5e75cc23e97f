//! What the two shared libraries look like from outside, as golden text; what the crates
//! that can be published offer; the table of traps, as the book has it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseq-tests --test golden` writes it anew.

mod api;

use std::path::Path;
use std::process::ExitCode;

use rseq_kit::artifacts::{artifacts, room, workspace};
use rseq_kit::fixture::table;
use rseq_kit::golden::dump;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite, none_of};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    // cargo builds for the machine it runs on: these files describe x86-64
    let needs = [Need::X86_64];
    suite.add("golden::librseq_abi", &needs, || compare(&artifacts()?.abi));
    suite.add("golden::librseq_shim", &needs, || {
        compare(&artifacts()?.shim)
    });
    suite.add("golden::traps", &table::needs(), traps);
    api::add(&mut suite);
    suite.run()
}

/// The page of the book with the table of traps.
fn traps() -> Outcome {
    let rows = table::rows();
    let wrong = rows.iter().filter(|row| !row.is_right);
    none_of(wrong.map(|row| &*row.text))?;
    let page = workspace().join("docs/traps.md");
    held(&page, table::page(&rows))
}

fn compare(library: &Path) -> Outcome {
    let name = library.file_name().unwrap_or_default();
    let golden = room()
        .join("golden")
        .join(format!("{}.txt", name.to_string_lossy()));
    held(&golden, dump(library)?)
}

/// Compares a committed file with what it has to hold, or writes it.
fn held(golden: &Path, found: String) -> Outcome {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return Ok(std::fs::write(golden, found)?);
    }
    let expected = std::fs::read_to_string(golden)
        .map_err(|error| format!("{}: {error}; UPDATE_GOLDEN=1 makes it", golden.display()))?;
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "{} differs; UPDATE_GOLDEN=1 writes it anew\n--- expected\n{expected}--- found\n{found}",
        golden.display()
    )
    .into())
}
