//! Programs for AArch64, which an emulator runs; it answers ENOSYS to rseq(2).

use std::path::Path;

use rseq_kit::child::Program;
use rseq_kit::debian;
use rseq_kit::needs::Need;

const PACKAGE: &str = "qemu-user-static";

/// Returns the emulator, which is downloaded and not installed.
pub fn need() -> Need {
    debian::need(PACKAGE)
}

/// Returns the emulated run of a statically linked program.
///
/// # Errors
///
/// The emulator cannot be downloaded.
pub fn program(binary: &Path) -> Result<Program, String> {
    let root = debian::files(PACKAGE)?;
    Ok(Program::new(root.join("usr/bin/qemu-aarch64-static")).arg(binary))
}
