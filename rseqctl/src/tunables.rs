//! glibc's tunables: what `GLIBC_TUNABLES` says, and what the dynamic linker
//! lists.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tls_model::elf::Object;

use crate::program::FileSource;
use crate::sys::{machine, process};

pub(crate) const TUNABLES: &str = "GLIBC_TUNABLES";
pub(crate) const RSEQ_TUNABLE: &[u8] = b"glibc.pthread.rseq=";
pub(crate) const SURPLUS_TUNABLE: &[u8] = b"glibc.rtld.optional_static_tls=";

/// What `GLIBC_TUNABLES` says about glibc's own registration (glibc 2.35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RseqTunable {
    /// Nothing: glibc registers.
    Unset,
    /// `glibc.pthread.rseq=1`.
    On,
    /// `glibc.pthread.rseq=0`.
    Off,
}

/// What a value of `GLIBC_TUNABLES` says about glibc's own registration.
pub(crate) fn rseq_tunable(tunables: Option<&OsStr>) -> RseqTunable {
    match tunables.and_then(|tunables| last_value(tunables, RSEQ_TUNABLE)) {
        None => RseqTunable::Unset,
        Some(b"0") => RseqTunable::Off,
        Some(_) => RseqTunable::On,
    }
}

/// The value that counts of the tunable `name` (with its `=`).
pub(crate) fn last_value<'a>(tunables: &'a OsStr, name: &[u8]) -> Option<&'a [u8]> {
    tunables
        .as_bytes()
        .split(|&byte| byte == b':')
        .filter_map(|tunable| tunable.strip_prefix(name))
        .next_back()
}

/// How long the dynamic linker may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// What our dynamic linker says with `--list-tunables` (glibc 2.33).
pub(crate) fn listed() -> Option<String> {
    let file = fs::File::open(machine::executable()?).ok()?;
    let object = Object::open(FileSource::new(file)).ok()?;
    let mut buffer = [0; 4096];
    let linker = object.interpreter(&mut buffer).ok()??;
    let linker = Path::new(OsStr::from_bytes(linker));
    let text = process::answer_of(Command::new(linker).arg("--list-tunables"), PATIENCE)?;
    String::from_utf8(text).ok()
}

/// `NAME: 0x200 (min: 0x0, max: 0xffffffffffffffff)`
pub(crate) fn listed_value(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let value = line.strip_prefix(": ")?.split_whitespace().next()?;
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dynamic_linker_lists() {
        let text = "glibc.rtld.nns: 0x4 (min: 0x1, max: 0x10)\n\
                    glibc.rtld.optional_static_tls: 0x200 (min: 0x0, max: 0xffffffffffffffff)\n\
                    glibc.pthread.rseq: 1 (min: 0, max: 1)\n";
        assert_eq!(
            listed_value(text, "glibc.rtld.optional_static_tls"),
            Some(512)
        );
        assert_eq!(listed_value(text, "glibc.rtld.nns"), Some(4));
        assert_eq!(listed_value(text, "glibc.pthread.rseq"), Some(1));
        assert_eq!(listed_value(text, "glibc.rtld"), None);
    }
}
