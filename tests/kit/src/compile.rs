//! C texts that a test brings itself, and the compiler of this machine.

use std::fs;
use std::path::Path;

use crate::child::Program;
use crate::needs::program;

/// A thread-local area as librseq and `TCMalloc` define it.
pub const DEFINES: &str = include_str!("../../../tls-model/tests/cc/defines.c");

/// Compiles a C text with these flags into the file `to`, whose folder is made.
///
/// # Errors
///
/// There is no C compiler, or it does not compile.
pub fn compile(text: &str, flags: &[&str], to: &Path) -> Result<(), String> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let say = |error: std::io::Error| format!("{}: {error}", to.display());
    fs::create_dir_all(folder).map_err(say)?;
    let work = tempfile::tempdir_in(folder).map_err(say)?;
    let source = work.path().join("a.c");
    fs::write(&source, text).map_err(say)?;
    Program::with_callers_environment(program("cc")?)
        .args(["-O2", "-o"])
        .args([to, &source])
        .args(flags)
        .run()?
        .expect(0)
        .map(drop)
}
