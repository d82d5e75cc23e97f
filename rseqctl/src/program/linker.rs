//! What a dynamic linker of glibc says about itself: strings in its file.
//!
//! Its version would not tell: distributions carry changes back to older ones.

use std::fs;
use std::path::Path;

/// The largest dynamic linker that is searched, in bytes. They have 250 KiB.
const LARGEST: u64 = 16 << 20;

/// What a dynamic linker has built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linker {
    /// The default folders, in order, without a slash at the end.
    pub(super) folders: Vec<Vec<u8>>,
    /// It searches `glibc-hwcaps` (2.33).
    pub(super) has_named: bool,
    /// It searches `tls`, the platform and such in every combination (before
    /// 2.37).
    pub(super) has_legacy: bool,
    /// It knows `haswell` and `xeon_phi` (2.26).
    pub(super) knows_haswell: bool,
    /// The names of [`Processor::avx512_1`](crate::sys::processor::Processor)
    /// (2.26), and of all x86-64 processors (2.27), are among the legacy folders.
    pub(super) knows_avx512: bool,
    pub(super) knows_x86_64: bool,
}

impl Linker {
    /// Reads the one in the file `path`, where it can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        if fs::metadata(path).ok()?.len() > LARGEST {
            return None;
        }
        Some(Self::of(&fs::read(path).ok()?))
    }

    fn of(bytes: &[u8]) -> Self {
        let strings: Vec<&[u8]> = bytes.split(|&byte| byte == 0).collect();
        let has = |text: &str| strings.contains(&text.as_bytes());
        let has_named = has("--glibc-hwcaps-prepend");
        // a heading of `--help`, as long as there is something below it
        let lists_legacy = strings.iter().any(|text| {
            text.trim_ascii_start()
                .starts_with(b"Legacy HWCAP subdirectories")
        });
        // a table of three names, nine bytes each
        let table: [&[u8]; 4] = [b"x86_64", b"", b"", b"avx512_1"];
        Self {
            folders: folders(&strings),
            has_named,
            has_legacy: lists_legacy || !has_named,
            knows_haswell: has("haswell"),
            knows_avx512: has("avx512_1"),
            knows_x86_64: strings.windows(4).any(|names| names == table),
        }
    }

    /// Returns a new one, where there is none to read.
    pub(super) const fn usual() -> Self {
        Self {
            folders: Vec::new(),
            has_named: true,
            has_legacy: false,
            knows_haswell: true,
            knows_avx512: false,
            knows_x86_64: false,
        }
    }
}

/// Returns the default folders. They stand one after the other: `/lib/x86_64-linux-gnu/`, then
/// `/usr` and the same, then others.
fn folders(strings: &[&[u8]]) -> Vec<Vec<u8>> {
    let is_folder = |text: &[u8]| {
        text.len() > 2 && text.len() < 256 && text.starts_with(b"/") && text.ends_with(b"/")
    };
    let start = strings.windows(2).position(|pair| {
        is_folder(pair[0])
            && pair[0].starts_with(b"/lib")
            && pair[1].strip_prefix(b"/usr") == Some(pair[0])
    });
    start
        .and_then(|start| strings.get(start..))
        .into_iter()
        .flatten()
        .take_while(|text| is_folder(text))
        .map(|text| text[..text.len() - 1].to_vec())
        .collect()
}
