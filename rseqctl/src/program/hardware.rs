//! Folders for better processors: below which names a dynamic linker looks first,
//! and which entries of ld.so.cache it takes.
//!
//! glibc has had two ways. `glibc-hwcaps/NAME` (2.33) is a list. Before 2.37 there
//! were the combinations of `tls`, the platform and some features, too: all of them
//! first, none of them last (`_dl_important_hwcaps`).

use super::linker::Linker;
use crate::sys::{machine, processor::Processor};

/// Marks an entry of a `tls` folder in ld.so.cache.
const TLS: u64 = 1 << 63;

/// What one dynamic linker makes of this processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hardware {
    /// `$PLATFORM`, where there is one.
    pub(super) platform: Option<String>,
    /// Folders below each searched one, the best first.
    pub(super) folders: Vec<String>,
    /// Names below `glibc-hwcaps`, the best first.
    pub(super) named: Vec<&'static str>,
    /// The entries of ld.so.cache that it takes besides; none where it takes no
    /// legacy ones.
    legacy: Option<Legacy>,
}

/// Bits of an entry in ld.so.cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Legacy {
    /// Features that the processor has.
    features: u64,
    /// All platforms that have a bit.
    platforms: u64,
    /// The processor's.
    platform: u64,
}

impl Hardware {
    /// Returns what `linker` makes of `processor` for programs of `machine`. Of a processor
    /// of another machine nothing is known: it has no feature.
    pub(super) fn of(linker: &Linker, machine: &str, processor: Processor) -> Self {
        let platform = platform(linker, machine, processor);
        let features = features(linker, machine, processor);
        let named: Vec<_> = [(4, "x86-64-v4"), (3, "x86-64-v3"), (2, "x86-64-v2")]
            .into_iter()
            .filter(|(level, _)| machine == "x86_64" && *level <= processor.level)
            .filter(|_| linker.has_named)
            .map(|(_, name)| name)
            .collect();
        let mut folders: Vec<_> = named
            .iter()
            .map(|name| format!("glibc-hwcaps/{name}"))
            .collect();
        let mut legacy = None;
        if linker.has_legacy {
            let parts = features.iter().map(|(name, _)| *name);
            let parts: Vec<_> = parts.chain(platform.as_deref()).chain(["tls"]).collect();
            folders.extend(combinations(&parts));
            let platforms = platforms(linker, machine);
            let ours = |(name, _): &&(&str, u64)| Some(*name) == platform.as_deref();
            legacy = Some(Legacy {
                features: features.iter().map(|(_, bit)| bit).sum(),
                platforms: platforms.1,
                platform: platforms.0.iter().find(ours).map_or(0, |(_, bit)| *bit),
            });
        }
        Self {
            platform,
            folders,
            named,
            legacy,
        }
    }

    /// Returns whether an entry of ld.so.cache without a name in `glibc-hwcaps` is for
    /// this processor. Those of a plain folder have 0.
    pub(super) fn takes(&self, hwcap: u64) -> bool {
        let Some(legacy) = self.legacy else {
            return hwcap == 0;
        };
        let platform = hwcap & legacy.platforms;
        hwcap & !(legacy.features | legacy.platforms | TLS) == 0
            && (platform == 0 || platform == legacy.platform)
    }
}

/// Returns the platforms that have a bit in ld.so.cache, and all bits that are kept for
/// platforms.
fn platforms(linker: &Linker, machine: &str) -> (&'static [(&'static str, u64)], u64) {
    match machine {
        "x86_64" if linker.knows_haswell => {
            (&[("haswell", 1 << 50), ("xeon_phi", 1 << 51)], 0xf << 48)
        }
        "i386" => (&[("i686", 1 << 49)], 0x3 << 48),
        _ => (&[], 0),
    }
}

/// Returns the kernel's word for the processor, or on x86-64 glibc's own.
fn platform(linker: &Linker, machine: &str, processor: Processor) -> Option<String> {
    let name = match machine {
        "x86_64" if linker.knows_haswell && processor.xeon_phi => "xeon_phi",
        "x86_64" if linker.knows_haswell && processor.haswell => "haswell",
        "i386" => "i686",
        here if here == std::env::consts::ARCH => return machine::platform(),
        "x86_64" | "aarch64" => machine,
        "arm" => "v7l",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Returns the features that have legacy folders, each with its bit in ld.so.cache, the
/// lowest first.
fn features(linker: &Linker, machine: &str, processor: Processor) -> Vec<(&'static str, u64)> {
    let all: &[(bool, &str, u64)] = match machine {
        "x86_64" => &[
            (linker.knows_x86_64, "x86_64", 1 << 1),
            (
                linker.knows_avx512 && processor.avx512_1,
                "avx512_1",
                1 << 2,
            ),
        ],
        "i386" => &[(true, "sse2", 1)],
        "aarch64" => &[(processor.atomics, "atomics", 1 << 8)],
        _ => &[],
    };
    let had = all.iter().filter(|(has, ..)| *has);
    had.map(|(_, name, bit)| (*name, *bit)).collect()
}

/// Returns all names, the last one first, down to the first one alone.
fn combinations(names: &[&str]) -> impl Iterator<Item = String> {
    (1..1_u32 << names.len()).rev().map(|chosen| {
        let names = names.iter().enumerate().rev();
        let chosen = names.filter(|(place, _)| chosen & 1 << place != 0);
        chosen.map(|(_, name)| *name).collect::<Vec<_>>().join("/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a linker as Debian 12 has it.
    fn both() -> Linker {
        Linker {
            has_legacy: true,
            knows_avx512: true,
            knows_x86_64: true,
            ..Linker::usual()
        }
    }

    #[test]
    fn an_old_dynamic_linker_has_every_combination() {
        let processor = Processor {
            level: 2,
            ..Processor::default()
        };
        let hardware = Hardware::of(&both(), "x86_64", processor);
        // the platform is called like the feature; glibc does not mind
        let expected = [
            "glibc-hwcaps/x86-64-v2",
            "tls/x86_64/x86_64",
            "tls/x86_64",
            "tls/x86_64",
            "tls",
            "x86_64/x86_64",
            "x86_64",
            "x86_64",
        ];
        assert_eq!(hardware.folders, expected);
        assert!(hardware.takes(0) && hardware.takes(TLS | 1 << 1));
        assert!(!hardware.takes(1 << 50) && !hardware.takes(1 << 2));
    }

    #[test]
    fn a_xeon_phi_is_no_haswell() {
        let processor = Processor {
            level: 3,
            xeon_phi: true,
            ..Processor::default()
        };
        let hardware = Hardware::of(&both(), "x86_64", processor);
        assert_eq!(hardware.platform.as_deref(), Some("xeon_phi"));
        assert!(hardware.takes(1 << 51 | 1 << 1) && !hardware.takes(1 << 50));
        let new = Hardware::of(&Linker::usual(), "x86_64", processor);
        assert_eq!(
            new.folders,
            ["glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2"]
        );
        assert_eq!(new.platform.as_deref(), Some("xeon_phi"));
        assert!(new.takes(0) && !new.takes(1 << 51));
    }

    #[test]
    fn nothing_is_known_about_another_machine() {
        let hardware = Hardware::of(&both(), "s390x", Processor::default());
        assert_eq!(hardware.platform, None);
        assert_eq!(hardware.folders, ["tls"]);
    }
}
