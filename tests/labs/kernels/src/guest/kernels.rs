//! The kernels that a guest can have, as Debian packages.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::debian::{Package, Suite};
use rseq_kit::needs::program;

use rseq_kit::machine::Machine;

use super::machine;

/// A kernel of a Debian suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// As people call it: `5.10`, `7.0.9`.
    pub name: &'static str,
    /// Where it runs.
    pub machine: Machine,
    suite: &'static str,
    /// What the names of its packages begin with.
    prefix: &'static str,
    /// What they end with; that of its machine's usual ones where that is not said.
    flavour: Option<&'static str>,
    /// The package itself, where it is not Debian's.
    pinned: Option<Pinned>,
}

/// A package of another distribution: what stands at this place and has this digest. The
/// keys that its lists are signed with are in no package of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pinned {
    place: &'static str,
    file: &'static str,
    sha256: &'static str,
}

/// One row per kernel, oldest first. From 6.19 on the kernel is in
/// `linux-binary-*`, and `linux-image-*` is empty.
pub const ALL: [Kernel; 10] = [
    kernel("5.10", "bullseye", "linux-image-5.10."),
    kernel("6.1", "bookworm", "linux-image-6.1."),
    kernel("6.12", "trixie", "linux-image-6.12."),
    kernel("6.18", "trixie-backports", "linux-image-6.18."),
    kernel("6.19", "trixie-backports", "linux-binary-6.19."),
    kernel("7.0.9", "trixie-backports", "linux-binary-7.0.9+"),
    kernel("7.0.13", "trixie-backports", "linux-binary-7.0.13+"),
    kernel("7.1", "trixie-backports", "linux-binary-7.1."),
    kernel("7.2", "trixie-backports", "linux-binary-7.2."),
    kernel("7.3", "trixie-backports", "linux-binary-7.3."),
];

/// Those that run where nobody asks for more: the oldest, one that breaks
/// clients which count on `cpu_id_start` being rewritten, and the newest.
const USUAL: &str = "5.10,7.0.9,7.3";

/// The kernels to run: those that `RSEQ_KERNELS` names, separated by commas, or
/// `all`; three otherwise.
///
/// # Errors
///
/// One of the names is none.
pub fn chosen() -> Result<Vec<Kernel>, String> {
    named(&std::env::var("RSEQ_KERNELS").unwrap_or_else(|_| USUAL.to_owned()))
}

/// The kernels of a list, separated by commas; or `all`, or `none`.
///
/// # Errors
///
/// One of the names is none.
pub fn named(list: &str) -> Result<Vec<Kernel>, String> {
    named_of(Machine::X86_64, list)
}

/// All kernels of a machine, oldest first.
#[must_use]
pub fn of(machine: Machine) -> &'static [Kernel] {
    match machine {
        Machine::X86_64 => &ALL,
        Machine::Aarch64 => &AARCH64,
        Machine::S390x => &S390X,
    }
}

/// As [`named`], for any machine.
///
/// # Errors
///
/// One of the names is none.
pub fn named_of(machine: Machine, list: &str) -> Result<Vec<Kernel>, String> {
    let all = of(machine);
    let kernel = |name: &str| {
        let names: Vec<_> = all.iter().map(|kernel| kernel.name).collect();
        let found = all.iter().find(|kernel| kernel.name == name).copied();
        found.ok_or_else(|| format!("no kernel {name:?}; there are {}", names.join(", ")))
    };
    match list {
        "all" => Ok(all.to_vec()),
        "none" => Ok(Vec::new()),
        list => list.split(',').map(kernel).collect(),
    }
}

const fn kernel(name: &'static str, suite: &'static str, prefix: &'static str) -> Kernel {
    Kernel {
        name,
        machine: Machine::X86_64,
        suite,
        prefix,
        flavour: None,
        pinned: None,
    }
}

const fn aarch64_kernel(name: &'static str, suite: &'static str, prefix: &'static str) -> Kernel {
    Kernel {
        machine: Machine::Aarch64,
        ..kernel(name, suite, prefix)
    }
}

/// The same for AArch64, from 6.1 on.
pub const AARCH64: [Kernel; 8] = [
    aarch64_kernel("6.1", "bookworm", "linux-image-6.1."),
    aarch64_kernel("6.12", "trixie", "linux-image-6.12."),
    aarch64_kernel("6.18", "trixie-backports", "linux-image-6.18."),
    aarch64_kernel("6.19", "trixie-backports", "linux-binary-6.19."),
    aarch64_kernel("7.0.13", "trixie-backports", "linux-binary-7.0.13+"),
    aarch64_kernel("7.1", "trixie-backports", "linux-binary-7.1."),
    aarch64_kernel("7.2", "trixie-backports", "linux-binary-7.2."),
    aarch64_kernel("7.3", "trixie-backports", "linux-binary-7.3."),
];

/// The same for s390x.
pub const S390X: [Kernel; 1] = [Kernel {
    machine: Machine::S390x,
    ..kernel("7.2", "forky", "linux-binary-7.2.")
}];

/// Those for AArch64 that run where nobody asks for more: one of the last that takes 32 bytes
/// alone, and the newest.
const AARCH64_USUAL: &str = "6.1,7.3";

/// The newest of them.
#[must_use]
pub const fn newest_for_aarch64() -> Kernel {
    AARCH64[AARCH64.len() - 1]
}

/// One with pages of 16 KiB, which the processor of other guests does not have.
pub const LARGE_PAGES: Kernel = Kernel {
    flavour: Some("-arm64-16k"),
    ..aarch64_kernel("7.3-16k", "trixie-backports", "linux-binary-7.3.")
};

/// One with pages of 64 KiB, which no suite of Debian has: that of Ubuntu 26.04.
pub const LARGEST_PAGES: Kernel = Kernel {
    pinned: Some(Pinned {
        place: "http://archive.ubuntu.com/ubuntu/pool/main/l/linux-signed",
        file: "linux-image-7.0.0-14-generic-64k_7.0.0-14.14_arm64.deb",
        sha256: "5b0ea575e7d6aa4da56f3d97db1af18aac31f2f2b5e24b1df8499961f7ea683d",
    }),
    ..aarch64_kernel("7.0.0-64k", "", "")
};

/// The kernels to run for AArch64: those that `RSEQ_AARCH64_KERNELS` names, separated by
/// commas, or `all`; two otherwise.
///
/// # Errors
///
/// One of the names is none.
pub fn chosen_for_aarch64() -> Result<Vec<Kernel>, String> {
    let list = std::env::var("RSEQ_AARCH64_KERNELS");
    named_of(Machine::Aarch64, list.as_deref().unwrap_or(AARCH64_USUAL))
}

/// One for AArch64 that does not abort critical sections.
///
/// # Errors
///
/// It is not in the list.
pub fn that_runs_on() -> Result<Kernel, String> {
    let found = of(Machine::Aarch64).iter().find(|it| it.name == "6.19");
    found.copied().ok_or_else(|| "no kernel 6.19".to_owned())
}

impl Kernel {
    /// The kernel of this name, for this machine.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kernel| kernel.name == name)
    }

    /// Its image, which is kept without the rest of its package.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub fn image(&self) -> Result<PathBuf, String> {
        let package = self.package()?;
        let digest = package.sha256.get(..16).unwrap_or(&package.sha256);
        let folder = cache::kept(&format!("vmlinuz-{}-{digest}", self.name), |into| {
            let archive = match &self.pinned {
                Some(pinned) => pinned.download(into)?,
                None => self.suite()?.download(&package, into)?,
            };
            // up to 7.1 below boot, from 7.2 below usr/lib/modules
            let script = "dpkg-deb --fsys-tarfile \"$1\" | \
                tar -xO --wildcards --no-anchored 'vmlinuz*' > vmlinuz && test -s vmlinuz";
            Program::with_callers_environment("sh")
                .args(["-c", script, "sh"])
                .arg(&archive)
                .directory(into)
                .limit(Duration::from_secs(120))
                .run()?
                .expect(0)
                .map_err(|error| format!("{}: {error}", archive.display()))?;
            std::fs::remove_file(&archive)
                .map_err(|error| format!("{}: {error}", archive.display()))?;
            plain(into)
        })?;
        Ok(folder.join("vmlinuz"))
    }

    /// Its version: 7.0.10 is (7, 0, 10).
    ///
    /// # Errors
    ///
    /// The suite does not have it.
    pub fn version(&self) -> Result<(u32, u32, u32), String> {
        match numbers(&self.package()?.name)[..] {
            [major, minor, patch, ..] => Ok((major, minor, patch)),
            _ => Err(format!("Linux {} has no version", self.name)),
        }
    }

    fn suite(&self) -> Result<Suite, String> {
        self.machine.suite(self.suite)
    }

    /// The newest package of this kernel.
    ///
    /// # Errors
    ///
    /// The suite does not have it.
    pub fn package(&self) -> Result<Package, String> {
        if let Some(Pinned { file, sha256, .. }) = self.pinned {
            return Ok(Package {
                name: file.to_owned(),
                version: String::new(),
                sha256: sha256.to_owned(),
            });
        }
        let suite = self.suite()?;
        let names = suite.names(self.prefix)?;
        let flavour = self.flavour.unwrap_or(machine::flavour(self.machine));
        let newest = names
            .iter()
            .filter(|name| name.ends_with(flavour))
            .max_by_key(|name| numbers(name));
        let name = newest.ok_or_else(|| {
            format!(
                "needs Linux {}, which {} does not have",
                self.name, self.suite
            )
        })?;
        suite.package(name)
    }
}

impl Pinned {
    /// Downloads it into a folder, unless it has become another.
    fn download(&self, into: &Path) -> Result<PathBuf, String> {
        let Self {
            place,
            file,
            sha256,
        } = self;
        let url = format!("{place}/{file}");
        let to = into.join(file);
        Program::with_callers_environment(APT_HELPER)
            .args(["download-file", &url])
            .arg(&to)
            .arg(format!("SHA256:{sha256}"))
            .limit(Duration::from_secs(300))
            .run()?
            .expect(0)
            .map_err(|error| format!("needs {url}: {error}"))?;
        Ok(to)
    }
}

/// What downloads and compares digests.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// What an image that unpacks itself begins with (`drivers/firmware/efi/libstub`), and
/// where in it are the place, the length and the compression of what is packed.
const PACKED: &[u8] = b"MZ\0\0zimg";
const AT_PLACE: usize = 8;
const AT_LENGTH: usize = 12;
const AT_COMPRESSION: usize = 24;

/// Replaces an image that firmware would unpack, wherever in the file it begins, by what
/// it unpacks: there is no firmware.
fn plain(folder: &Path) -> Result<(), String> {
    let path = folder.join("vmlinuz");
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let image = std::fs::read(&path).map_err(|error| say(&error))?;
    let begins = image
        .windows(PACKED.len())
        .position(|bytes| bytes == PACKED);
    let Some(packed) = begins.and_then(|begins| image.get(begins..)) else {
        return Ok(());
    };
    let word = |at: usize| {
        let bytes = packed.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let content = word(AT_PLACE).zip(word(AT_LENGTH));
    let content = content.and_then(|(place, length)| packed.get(place..)?.get(..length));
    let content = content.ok_or_else(|| say(&"cut off"))?;
    let is_zstd = packed[AT_COMPRESSION..].starts_with(b"zstd");
    let tool = program(if is_zstd { "zstd" } else { "gzip" })?;
    let file = folder.join("packed");
    std::fs::write(&file, content).map_err(|error| say(&error))?;
    Program::with_callers_environment("sh")
        .args(["-c", "\"$1\" -dc < packed > vmlinuz && rm packed", "sh"])
        .arg(tool)
        .directory(folder)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)
        .map(drop)
        .map_err(|error| say(&error))
}

/// The numbers in a name, to order versions by.
fn numbers(name: &str) -> Vec<u32> {
    name.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_by_number() {
        assert!(numbers("linux-binary-7.1.13+deb13") > numbers("linux-binary-7.1.8+deb13"));
        assert!(numbers("linux-image-5.10.0-32-cloud") > numbers("linux-image-5.10.0-9-cloud"));
    }
}
