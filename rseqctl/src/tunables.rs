//! glibc's tunables: what `GLIBC_TUNABLES` says, and what the dynamic linker
//! lists.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::elf::Object;
use tls_model::protocol::variable::{RSEQ_TUNABLE, TUNABLES};

use crate::program::FileSource;
use crate::sys::{machine, process};

/// What `GLIBC_TUNABLES` says about glibc's own registration (glibc 2.35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum RseqTunable {
    /// Nothing, or nothing that the libc takes: glibc registers.
    Unset,
    /// The number 1.
    On,
    /// What the libc reads as 0.
    Off,
}

/// Returns what a value of `GLIBC_TUNABLES` says about glibc's own registration, by what
/// the libc `reads`: versions differ in what they take for a number, and in whether
/// one fault makes them ignore the rest. Where the libc cannot be asked (a static
/// program's), numbers count.
pub(crate) fn rseq_tunable(
    tunables: Option<&OsStr>,
    reads: impl FnOnce(&OsStr) -> Option<u64>,
) -> RseqTunable {
    let Some(tunables) = tunables else {
        return RseqTunable::Unset;
    };
    let Some(value) = last_value(tunables, RSEQ_TUNABLE) else {
        return RseqTunable::Unset;
    };
    let said = number(value);
    match reads(tunables).or(said) {
        Some(0) => RseqTunable::Off,
        Some(_) if said == Some(1) => RseqTunable::On,
        Some(_) | None => RseqTunable::Unset,
    }
}

/// Returns the number that every glibc reads in a tunable's value: as strtoul(3) with base
/// 0, and nothing behind it.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value)
        .ok()?
        .trim_start_matches([' ', '\t']);
    if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// Returns what the libc that the dynamic linker `linker` belongs to reads for the tunable
/// `name` in `tunables`: its default where it finds no fit value. None
/// where it does not tell (before glibc 2.33), or knows no such tunable.
pub(crate) fn read_by(linker: &Path, tunables: &OsStr, name: &str) -> Option<u64> {
    let mut command = Command::new(linker);
    command
        .arg("--list-tunables")
        .env_clear()
        .env(TUNABLES, tunables);
    let text = String::from_utf8(process::answer_of(&mut command, PATIENCE)?).ok()?;
    listed_value(&text, name)
}

/// Returns the value of the tunable `name` that counts.
pub(crate) fn last_value<'a>(tunables: &'a OsStr, name: &str) -> Option<&'a [u8]> {
    tunables
        .as_bytes()
        .split(|&byte| byte == b':')
        .filter_map(|tunable| tunable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .next_back()
}

/// How long the dynamic linker may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Returns what our dynamic linker says with `--list-tunables` (glibc 2.33).
pub(crate) fn listed() -> Option<String> {
    let text = process::answer_of(Command::new(own_linker()?).arg("--list-tunables"), PATIENCE)?;
    String::from_utf8(text).ok()
}

fn own_linker() -> Option<PathBuf> {
    let file = fs::File::open(machine::executable()?).ok()?;
    let object = Object::open(FileSource::new(file)).ok()?;
    let mut buffer = [0; 4096];
    let linker = object.interpreter(&mut buffer).ok()??;
    Some(PathBuf::from(OsStr::from_bytes(linker)))
}

/// Returns whether this is the dynamic linker that this program was loaded by.
pub(crate) fn is_own_linker(linker: &Path) -> bool {
    let number = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let own = own_linker().and_then(|own| number(&own));
    own.is_some() && own == number(linker)
}

/// Returns the value of the tunable `name` in a list of lines such as
/// `NAME: 0x200 (min: 0x0, max: 0xffffffffffffffff)`.
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
    fn what_a_value_says_by_what_the_libc_reads() {
        let says = |text: &str, read| rseq_tunable(Some(OsStr::new(text)), |_| read);
        // 2.36 reads what is no number as 0; 2.41 ignores it
        let off = "glibc.pthread.rseq=off";
        assert_eq!(says(off, Some(0)), RseqTunable::Off);
        assert_eq!(says(off, Some(1)), RseqTunable::Unset);
        assert_eq!(says(off, None), RseqTunable::Unset);
        assert_eq!(says("glibc.pthread.rseq=1", Some(1)), RseqTunable::On);
        assert_eq!(says("glibc.pthread.rseq=0x1", None), RseqTunable::On);
        assert_eq!(says("glibc.pthread.rseq=00", None), RseqTunable::Off);
        // ignored as a whole
        assert_eq!(
            says("a=b=c:glibc.pthread.rseq=0", Some(1)),
            RseqTunable::Unset
        );
        // who does not set it need not be asked
        let asked = |_: &OsStr| panic!("asked");
        assert_eq!(
            rseq_tunable(Some(OsStr::new("a=b")), asked),
            RseqTunable::Unset
        );
        assert_eq!(rseq_tunable(None, asked), RseqTunable::Unset);
    }

    #[test]
    fn numbers_as_strtoul_reads_them() {
        let rows = [
            ("0", Some(0)),
            (" 0", Some(0)),
            ("010", Some(8)),
            ("0x10", Some(16)),
            ("10", Some(10)),
            ("", None),
            ("off", None),
            ("0,x", None),
            ("1 ", None),
        ];
        for (text, expected) in rows {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
    }

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
