//! The objects of a program, as its own dynamic linker names them.
//!
//! `ld.so --list` (glibc) maps the libraries and runs nothing of them. What it says
//! is exact where a rebuilt search is a second opinion, but it executes the
//! dynamic linker, which an audit of other people's files must not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Loaded;
use crate::sys::process;

/// How long the dynamic linker may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the files that the dynamic linker `linker` would load for `program`, in load
/// order. None where it does not answer in time, or could not start the program.
pub(super) fn ask(linker: &Path, program: &Path) -> Vec<PathBuf> {
    let mut command = Command::new(linker);
    command.arg("--list").arg(program);
    process::answer_of(&mut command, PATIENCE)
        .unwrap_or_default()
        .split(|&byte| byte == b'\n')
        .filter_map(path_of)
        .collect()
}

/// Returns the position of the object that needs `library` first; the program for what
/// nobody needs, because it is preloaded.
pub(super) fn needer(objects: &[Loaded], library: &Path) -> usize {
    let file = library.file_name().unwrap_or_default();
    let last = |name: &[u8]| Path::new(OsStr::from_bytes(name)).file_name() == Some(file);
    objects
        .iter()
        .position(|object| object.needed.iter().any(|name| last(name)))
        .unwrap_or(0)
}

/// Returns the path in a line `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)`.
fn path_of(line: &[u8]) -> Option<PathBuf> {
    let line = line.trim_ascii();
    let end = line.windows(4).rposition(|window| window == b" (0x")?;
    let entry = line.get(..end)?;
    let path = match entry.windows(4).position(|window| window == b" => ") {
        Some(arrow) => entry.get(arrow + 4..)?,
        None => entry,
    };
    // a DT_NEEDED with a slash may be relative to the current directory; the
    // vDSO has no file
    path.contains(&b'/')
        .then(|| PathBuf::from(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_dynamic_linker() {
        let found = |path: &str| Some(PathBuf::from(path));
        let cases = [
            (
                "\tlibc.so.6 => /lib/libc.so.6 (0x00007f0000000000)",
                found("/lib/libc.so.6"),
            ),
            (
                "\t/lib64/ld-linux-x86-64.so.2 (0x00007f0000000000)",
                found("/lib64/ld-linux-x86-64.so.2"),
            ),
            (
                "\tlibx.so => /a (b)/libx.so (0x0000700000000000)",
                found("/a (b)/libx.so"),
            ),
            ("\tsub/libtc.so (0x0000700000000000)", found("sub/libtc.so")),
            ("\tlinux-vdso.so.1 (0x00007ffc00000000)", None),
            ("\tlibgone.so => not found", None),
            ("\tstatically linked", None),
        ];
        for (line, expected) in cases {
            assert_eq!(path_of(line.as_bytes()), expected, "{line}");
        }
    }
}
