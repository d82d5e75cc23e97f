//! The guests' own programs, `kernels/*.c`.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::artifacts::room;
use crate::child::Program;
use crate::needs::program;
use crate::scratch;

/// Static programs: name, source, options.
const PROGRAMS: [(&str, &str, &[&str]); 3] = [
    ("init", "init.c", &[]),
    ("facts", "facts.c", &[]),
    ("cached", "cached.c", &[]),
];

/// The static program of this name.
///
/// # Errors
///
/// It does not build.
pub fn built(name: &str) -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = scratch::directory("guest-programs")?;
        for (name, source, options) in PROGRAMS {
            Program::with_callers_environment(program("cc")?)
                .args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"])
                .args(["-static", "-pthread"])
                .args(options)
                .arg("-o")
                .args([folder.join(name), room().join("kernels").join(source)])
                .run()?
                .expect(0)?;
        }
        Ok(folder)
    });
    Ok(FOLDER.clone()?.join(name))
}
