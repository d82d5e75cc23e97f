//! The command's environment: what the user has, with our settings added.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use tls_model::facts::OwnLibrary;
use tls_model::owner::Mode;
use tls_model::protocol::Settings;
use tls_model::protocol::restart::{Handed, Permission};
use tls_model::protocol::variable::{self, RSEQ_TUNABLE, STATIC_TLS_TUNABLE, TUNABLES};

use crate::program::libraries::{SEPARATORS, can_be_preloaded};
use crate::report::complain;
use crate::tunables::{RseqTunable, last_value, number, read_by, rseq_tunable};

/// Names and values; names are unique.
#[derive(Clone, Debug)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Returns a copy of our own.
    pub fn of_this_process() -> Self {
        Self::of(env::vars_os())
    }

    /// Makes one of names and values. Of several variables of one name the first counts, as
    /// for getenv(3).
    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut unique = BTreeMap::new();
        for (name, value) in variables {
            unique.entry(name).or_insert(value);
        }
        Self(unique)
    }

    /// Returns whether a variable is set.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(OsStr::new(name))
    }

    /// Takes a variable out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(OsStr::new(name));
    }

    /// Returns what a plan for this environment is made from.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in &self.0 {
            settings.add(&[name.as_bytes(), value.as_bytes()].join(&b'='));
        }
        settings
    }

    /// Sets a variable of ours.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.insert(name.into(), value.as_ref().to_owned());
    }

    /// Returns all variables.
    pub fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.0
    }

    /// Returns the value of a variable, for people; nothing for one that is not set.
    pub fn value(&self, name: &str) -> String {
        self.0
            .get(OsStr::new(name))
            .map(|value| value.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// Returns the mode of `RSEQ_SHIM_MODE`, which the shim obeys as well; a value that
    /// is not a mode is reported once, and the default holds.
    pub fn mode(&self) -> Mode {
        let Some(word) = self.0.get(OsStr::new(variable::MODE)) else {
            return Mode::default();
        };
        Mode::from_name(word.as_bytes()).unwrap_or_else(|| {
            complain(format_args!(
                "{}={} is not one of {}; taking {}",
                variable::MODE,
                word.display(),
                Mode::ALL.map(Mode::name).join(", "),
                Mode::default().name()
            ));
            Mode::default()
        })
    }

    /// Returns whether the user has said that nothing is to be started once more.
    pub(super) fn forbids_restarts(&self) -> bool {
        let handed = self.0.get(OsStr::new(variable::RESTART));
        handed
            .and_then(|text| Handed::from_bytes(text.as_bytes()))
            .is_some_and(|handed| handed.permission == Permission::Off)
    }

    fn tunables(&self) -> Option<&OsStr> {
        self.0.get(OsStr::new(TUNABLES)).map(OsString::as_os_str)
    }

    /// Returns what the user has said about glibc's registration, as the libc of the
    /// dynamic linker `linker` reads it.
    pub(crate) fn rseq_tunable(&self, linker: Option<&Path>) -> RseqTunable {
        rseq_tunable(self.tunables(), |tunables| {
            read_by(linker?, tunables, RSEQ_TUNABLE)
        })
    }

    /// Returns what the libc of `linker` makes of the tunable where nobody sets it; nothing
    /// where it has none.
    pub(super) fn rseq_default(linker: &Path) -> Option<u64> {
        read_by(linker, OsStr::new(""), RSEQ_TUNABLE)
    }

    /// Returns what the user has written for it; nothing where it is not set.
    pub(crate) fn rseq_tunable_text(&self) -> String {
        let value = self.tunables().and_then(|it| last_value(it, RSEQ_TUNABLE));
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }

    /// Returns whether the libc of `linker` ignores `GLIBC_TUNABLES` as a whole, so that a
    /// setting behind what the user has would be lost (glibc 2.39 and later do so
    /// for one fault).
    pub(crate) fn tunables_are_ignored(&self, linker: &Path) -> bool {
        let mut tuned = Self(self.0.clone());
        tuned.switch_rseq_off();
        let set = self.tunables().is_some_and(|tunables| !tunables.is_empty());
        set && tuned
            .tunables()
            .and_then(|tunables| read_by(linker, tunables, RSEQ_TUNABLE))
            .is_some_and(|read| read != 0)
    }

    /// Switches glibc's registration off, after whatever else is tuned.
    pub fn switch_rseq_off(&mut self) {
        self.tune(RSEQ_TUNABLE, "0");
    }

    /// Returns the bytes of `glibc.rtld.optional_static_tls` that the user has set, as the
    /// libc of `linker` reads it; `None` where it is not set.
    pub fn optional_static_tls(&self, linker: Option<&Path>) -> Option<u64> {
        let tunables = self.tunables()?;
        let value = last_value(tunables, STATIC_TLS_TUNABLE)?;
        let read = linker.and_then(|linker| read_by(linker, tunables, STATIC_TLS_TUNABLE));
        read.or_else(|| number(value))
    }

    /// Sets it, after whatever else is tuned.
    pub fn set_optional_static_tls(&mut self, bytes: u64) {
        self.tune(STATIC_TLS_TUNABLE, &bytes.to_string());
    }

    fn tune(&mut self, name: &str, value: &str) {
        let tunables = self.0.entry(TUNABLES.into()).or_default();
        if !tunables.is_empty() {
            tunables.push(":");
        }
        tunables.push(format!("{name}={value}"));
    }

    /// Takes every entry that names this library out of what is preloaded.
    pub(super) fn forget_preload(&mut self, library: OwnLibrary) {
        let Some(list) = self.0.get_mut(OsStr::new(variable::PRELOAD)) else {
            return;
        };
        let entries = list.as_bytes().split(|byte| SEPARATORS.contains(byte));
        let kept: Vec<_> = entries.filter(|entry| !is_of(entry, library)).collect();
        *list = OsString::from_vec(kept.join(&b':'));
    }

    /// Returns whether a library of ours is preloaded already, from whatever place.
    pub(super) fn preloads(&self, library: OwnLibrary) -> bool {
        let list = self.0.get(OsStr::new(variable::PRELOAD));
        let mut entries = list
            .into_iter()
            .flat_map(|list| list.as_bytes().split(|byte| SEPARATORS.contains(byte)));
        entries.any(|entry| is_of(entry, library))
    }

    /// Preloads a library beside those that the user preloads, unless it is
    /// among them.
    pub fn preload(&mut self, library: &Path, place: PreloadPosition) -> Result<(), CannotPreload> {
        let bytes = library.as_os_str().as_bytes();
        if !can_be_preloaded(library) {
            return Err(CannotPreload(library.to_path_buf()));
        }
        let list = self.0.entry(variable::PRELOAD.into()).or_default();
        let is_there = list
            .as_bytes()
            .split(|byte| SEPARATORS.contains(byte))
            .any(|entry| entry == bytes);
        if is_there {
            return Ok(());
        }
        let mut with = OsString::new();
        let (before, after) = match place {
            PreloadPosition::First => (library.as_os_str(), list.as_os_str()),
            PreloadPosition::Last => (list.as_os_str(), library.as_os_str()),
        };
        with.push(before);
        if !list.is_empty() {
            with.push(":");
        }
        with.push(after);
        *list = with;
        Ok(())
    }
}

/// Returns whether an entry of `LD_PRELOAD` names this library, in whatever place.
fn is_of(entry: &[u8], library: OwnLibrary) -> bool {
    let file = Path::new(OsStr::from_bytes(entry)).file_name();
    file.and_then(|file| OwnLibrary::from_name(file.as_bytes())) == Some(library)
}

/// The path of a library that `LD_PRELOAD` would take apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotPreload(pub PathBuf);

impl fmt::Display for CannotPreload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: LD_PRELOAD cannot name a path with a space or a colon; install it elsewhere",
            self.0.display()
        )
    }
}

impl std::error::Error for CannotPreload {}

/// Where a library goes in `LD_PRELOAD`.
#[derive(Clone, Copy, Debug)]
pub enum PreloadPosition {
    /// Before what the user preloads.
    First,
    /// After it.
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn the_first_of_two_counts() {
        let ours = environment(&[("A", "first"), ("A", "second")]);
        assert_eq!(ours.value("A"), "first");
    }

    #[test]
    fn settings_are_added_to_what_the_user_has() {
        let mut ours = environment(&[
            ("GLIBC_TUNABLES", "glibc.malloc.check=1"),
            ("LD_PRELOAD", "libjemalloc.so /opt/other.so"),
        ]);
        ours.switch_rseq_off();
        ours.preload(Path::new("/lib/libasan.so"), PreloadPosition::First)
            .unwrap();
        ours.preload(Path::new("/lib/librseq_shim.so"), PreloadPosition::Last)
            .unwrap();
        ours.preload(Path::new("/lib/librseq_shim.so"), PreloadPosition::Last)
            .unwrap();
        assert_eq!(
            ours.value("GLIBC_TUNABLES"),
            "glibc.malloc.check=1:glibc.pthread.rseq=0"
        );
        assert_eq!(
            ours.value("LD_PRELOAD"),
            "/lib/libasan.so:libjemalloc.so /opt/other.so:/lib/librseq_shim.so"
        );
    }

    #[test]
    fn the_surplus_is_added_and_read() {
        let mut ours = environment(&[("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=0x100")]);
        assert_eq!(ours.optional_static_tls(None), Some(256));
        ours.set_optional_static_tls(4096);
        assert_eq!(ours.optional_static_tls(None), Some(4096));
        assert_eq!(environment(&[]).optional_static_tls(None), None);
    }

    #[test]
    fn the_last_setting_of_the_tunable_counts() {
        let cases = [
            ("", RseqTunable::Unset),
            ("glibc.pthread.rseq=0", RseqTunable::Off),
            ("glibc.pthread.rseq=0:glibc.pthread.rseq=1", RseqTunable::On),
            ("a=b:glibc.pthread.rseq=0:c=d", RseqTunable::Off),
            ("glibc.pthread.rseqs=0", RseqTunable::Unset),
        ];
        for (value, expected) in cases {
            let ours = environment(&[("GLIBC_TUNABLES", value)]);
            assert_eq!(ours.rseq_tunable(None), expected, "{value}");
        }
    }

    #[test]
    fn a_path_that_ld_preload_would_split_is_refused() {
        let mut ours = environment(&[]);
        assert!(
            ours.preload(Path::new("/my libs/librseq_shim.so"), PreloadPosition::Last)
                .is_err()
        );
        assert!(ours.value("LD_PRELOAD").is_empty());
    }
}
