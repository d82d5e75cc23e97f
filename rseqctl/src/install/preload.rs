//! The lines of `/etc/ld.so.preload`.
//!
//! The dynamic linker reads names between blanks and colons, and nothing of a line
//! behind `#` (`do_preload` of glibc's elf/rtld.c).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use tls_model::protocol::SHIM_LIBRARY;

use super::error::Error;

/// What the file says about the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Nothing.
    Nothing,
    /// A line of its own names it.
    Names,
}

/// Returns what the file says about the copy of this name.
///
/// # Errors
///
/// It names the copy among others, or another copy: `file` is its path, for that.
pub fn says(text: &[u8], name: &Path, file: &Path) -> Result<Says, Error> {
    let ours = name.as_os_str().as_bytes();
    let mut says = Says::Nothing;
    for line in text.split(|&byte| byte == b'\n') {
        let names: Vec<_> = names_of(line).collect();
        if line.trim_ascii() == ours {
            says = Says::Names;
        } else if names.contains(&ours) {
            return Err(Error::Mixed(file.to_path_buf()));
        } else if let Some(other) = names.iter().find(|it| is_a_shim(it)) {
            let other = PathBuf::from(OsStr::from_bytes(other));
            return Err(Error::OtherCopy(file.to_path_buf(), other));
        }
    }
    Ok(says)
}

fn names_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b':';
    line.split(is_between).filter(|name| !name.is_empty())
}

fn is_a_shim(name: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(name)).file_name() == Some(SHIM_LIBRARY.as_ref())
}

/// Returns the file with a line for the copy at its end.
pub fn with(text: &[u8], name: &Path) -> Vec<u8> {
    let mut text = text.to_vec();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend(name.as_os_str().as_bytes());
    text.push(b'\n');
    text
}

/// Returns the file without the lines that name the copy; everything else stays as it
/// is.
pub fn without(text: &[u8], name: &Path) -> Vec<u8> {
    let ours = name.as_os_str().as_bytes();
    text.split_inclusive(|&byte| byte == b'\n')
        .filter(|line| line.trim_ascii() != ours)
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "/usr/local/lib/rseq-owner/librseq_shim.so";

    #[test]
    fn what_others_have_written_stays() {
        let name = Path::new(NAME);
        let file = Path::new("/etc/ld.so.preload");
        for text in [
            "",
            "/lib/libjemalloc.so\n",
            "# mine\n/lib/a.so:/lib/b.so /lib/c.so\n\n",
            "\t/lib/a.so # /usr/local/lib/rseq-owner/librseq_shim.so\n",
            "/lib/\u{fffd}.so\n",
        ] {
            let text = text.as_bytes();
            assert_eq!(says(text, name, file).unwrap(), Says::Nothing);
            let on = with(text, name);
            assert_eq!(says(&on, name, file).unwrap(), Says::Names);
            assert_eq!(without(&on, name), text);
        }
        // a last line that has no end gets one
        let on = with(b"/lib/a.so", name);
        assert_eq!(without(&on, name), b"/lib/a.so\n");
    }

    #[test]
    fn what_cannot_be_undone_is_refused() {
        let name = Path::new(NAME);
        let file = Path::new("/etc/ld.so.preload");
        let mixed = format!("/lib/a.so {NAME}\n");
        let said = says(mixed.as_bytes(), name, file);
        assert!(matches!(said, Err(Error::Mixed(_))), "{said:?}");
        let said = says(b"/opt/rseq/lib/librseq_shim.so\n", name, file);
        assert!(matches!(said, Err(Error::OtherCopy(..))), "{said:?}");
    }
}
