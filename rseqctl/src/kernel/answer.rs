//! The doctor's answer for `rseqctl run`: what this kernel does, remembered.
//!
//! It is kept in a small JSON file, for one boot of one kernel, and believed
//! only where nobody else can have written it: a regular file of this user's,
//! mode 0600, one name, in a folder that nobody else can write to. Whether rseq
//! is denied is not remembered: that differs from one process to the next.

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tls_model::rseq::ORIGINAL_LENGTH;

use super::selftest::{self, Abort, Extent, Field, Refusal, SIGNAL_TELLS, SelfTest};
use crate::sys::machine;
use crate::sys::process::effective_ids;

const FILE: &str = "kernel.json";

/// A file that is larger is not ours.
const MOST: u64 = 64 << 10;

/// What the self-test may take where somebody waits for a program to start.
pub const QUICK: Duration = Duration::from_millis(250);

/// What it may take where its answer is written down for good: on a busy machine a
/// quarter of a second may be too little to see a critical section abort.
pub const PATIENT: Duration = Duration::from_secs(10);

/// What the answer holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    /// The version of rseqctl that has tested.
    rseqctl: String,
    /// The kernel's id of the boot.
    boot: String,
    release: String,
    architecture: String,
    feature_size: Option<u32>,
    align: Option<u32>,
}

impl Key {
    /// Returns the key of this boot; `None` without /proc.
    fn here() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let (release, architecture) = machine::kernel();
        Some(Self {
            rseqctl: env!("CARGO_PKG_VERSION").to_owned(),
            boot: boot.trim().to_owned(),
            release,
            architecture,
            feature_size: machine::rseq_feature_size(),
            align: machine::rseq_align(),
        })
    }
}

/// What this kernel does, as far as that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Behaviour {
    /// With 32 bytes a changed `cpu_id_start` stays as it is, is rewritten, or
    /// kills.
    pub cpu_id_start: Field,
    /// A critical section aborts.
    pub sections: Abort,
}

impl Behaviour {
    /// Returns whether the kernel keeps its part with everybody: nobody's critical section
    /// runs on, and nothing stays in `cpu_id_start`.
    #[must_use]
    pub fn keeps_its_part(self) -> bool {
        self.cpu_id_start == Field::Rewritten && self.sections == Abort::Aborts
    }

    /// Returns what a self-test has seen.
    #[must_use]
    pub fn of(test: &SelfTest) -> Option<Self> {
        let length = test.of_length(ORIGINAL_LENGTH)?;
        let fields = &length.cpu_id_start;
        let seen = [Field::Kept, Field::Killed, Field::Rewritten];
        let runs_on = test
            .lengths
            .iter()
            .flat_map(|length| length.aborts.each())
            .any(|(_, abort)| abort == Abort::RunsOn);
        Some(Self {
            cpu_id_start: seen
                .into_iter()
                .find(|&seen| fields.any(seen))
                .unwrap_or(Field::Unknown),
            sections: match length.aborts.proved(SIGNAL_TELLS) {
                _ if runs_on => Abort::RunsOn,
                true => Abort::Aborts,
                false => Abort::Unknown,
            },
        })
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file that an earlier self-test has left.
    Remembered,
    /// A self-test just now.
    Tested,
}

#[derive(Serialize, Deserialize)]
struct Content {
    key: Key,
    behaviour: Behaviour,
}

/// Why it is not known what this kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotKnown {
    /// Nothing can be registered.
    Refused(Refusal),
    /// No experiment came to a result.
    NothingSeen,
}

impl fmt::Display for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::NothingSeen => f.write_str("nothing was seen"),
        }
    }
}

impl std::error::Error for NotKnown {}

/// Whether what was seen is kept for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is, where there is a place for it.
    Kept,
    /// No file is written.
    NotKept,
}

/// Returns what is remembered of this boot, else what a quick self-test sees within `limit`.
/// It ends as soon as it has seen everything.
///
/// # Errors
///
/// The self-test came to nothing: why.
pub fn probe_kernel(keep: Keep, limit: Duration) -> Result<(Behaviour, Origin), NotKnown> {
    // a doctor in haste may have seen less than there is
    let remembered = remembered();
    if let Some(behaviour) = remembered.filter(|it| it.sections != Abort::Unknown) {
        return Ok((behaviour, Origin::Remembered));
    }
    let test = selftest::self_test(Extent::Quick, limit);
    if let Some(refused) = test.refused {
        return Err(NotKnown::Refused(refused));
    }
    let behaviour = Behaviour::of(&test).ok_or(NotKnown::NothingSeen)?;
    if let Some(earlier) = remembered.filter(|_| behaviour.sections == Abort::Unknown) {
        return Ok((earlier, Origin::Remembered));
    }
    if keep == Keep::Kept {
        remember(behaviour, Rank::Quick);
    }
    Ok((behaviour, Origin::Tested))
}

/// Which self-test an answer is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// `run`'s own: it fills a hole.
    Quick,
    /// The doctor's: it replaces whatever is there.
    Whole,
}

/// Keeps an answer, where there is a place for it and nothing is unknown.
pub fn remember(behaviour: Behaviour, rank: Rank) {
    let is_known = behaviour.cpu_id_start != Field::Unknown
        && (behaviour.sections != Abort::Unknown || rank == Rank::Whole);
    let Some(key) = Key::here().filter(|_| is_known) else {
        return;
    };
    let content = Content { key, behaviour };
    let Ok(text) = serde_json::to_vec_pretty(&content) else {
        return;
    };
    // no place for it: it is tested again next time
    let _ = places()
        .into_iter()
        .find(|place| write(place, &text).is_ok());
}

fn remembered() -> Option<Behaviour> {
    let key = Key::here()?;
    places().iter().find_map(|place| {
        let text = read(&place.join(FILE)).ok()?;
        let content: Content = serde_json::from_slice(&text).ok()?;
        (content.key == key).then_some(content.behaviour)
    })
}

/// Returns the folders that may hold it: the user's cache; root's own place is gone
/// with the boot.
fn places() -> Vec<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if machine::is_secure() {
        return Vec::new();
    }
    let below = |base: PathBuf| base.join("rseqctl");
    let run = (effective_ids().0 == 0).then(|| PathBuf::from("/run"));
    set("XDG_CACHE_HOME")
        .or(run)
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(below)
        .into_iter()
        .collect()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if let Some(folder) = path.parent() {
        is_ours_alone(folder)?;
    }
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let metadata = file.metadata()?;
    let is_ours = metadata.is_file()
        && metadata.uid() == effective_ids().0
        && metadata.permissions().mode() & 0o777 == 0o600
        && metadata.nlink() == 1
        && metadata.len() <= MOST;
    if !is_ours {
        return Err(io::Error::other("it is not this user's alone"));
    }
    let mut text = Vec::new();
    File::take(file, MOST).read_to_end(&mut text)?;
    Ok(text)
}

fn write(folder: &Path, text: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    is_ours_alone(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    fs::set_permissions(file.path(), Permissions::from_mode(0o600))?;
    file.write_all(text)?;
    file.persist(folder.join(FILE))
        .map_err(|error| error.error)?;
    Ok(())
}

fn is_ours_alone(folder: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(folder)?;
    let is_ours = metadata.is_dir()
        && metadata.uid() == effective_ids().0
        && metadata.permissions().mode() & 0o022 == 0;
    if is_ours {
        Ok(())
    } else {
        Err(io::Error::other("it is not this user's alone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_ones_own_is_believed() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let place = folder.path().join("rseqctl");
        write(&place, b"{}").expect("it can be written");
        let path = place.join(FILE);
        assert_eq!(read(&path).expect("our own"), b"{}");

        let mode = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own");
        };
        for wrong in [0o640, 0o604, 0o620] {
            mode(&path, wrong);
            assert!(read(&path).is_err(), "{wrong:o}");
        }
        mode(&path, 0o600);
        for wrong in [0o770, 0o707] {
            mode(&place, wrong);
            assert!(read(&path).is_err(), "{wrong:o}");
        }
        mode(&place, 0o700);
        assert!(read(&path).is_ok());

        let second = place.join("second");
        fs::hard_link(&path, &second).expect("a second name");
        assert!(read(&path).is_err(), "a file with two names");
        fs::remove_file(&second).expect("ours");

        let link = place.join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(read(&link).is_err(), "a link");
    }
}
