//! Where the dynamic linker will find a library that is needed by its name.
//!
//! The directories are asked of the dynamic linker itself, for the object that
//! calls dlopen (RTLD_DI_SERINFO: DT_RPATH of it and of those that loaded it,
//! LD_LIBRARY_PATH, DT_RUNPATH, the system's). What a library brings along is
//! looked for along its own DT_RUNPATH or DT_RPATH first. Between them and the
//! system's directories comes ld.so.cache.
//!
//! Not looked at: glibc-hwcaps subdirectories outside the cache, and `$LIB` and
//! `$PLATFORM` in a path.

use core::ffi::{CStr, c_void};

use super::cache;
use super::file::File;
use super::memory::{Needed, Needer, Room};
use super::trail::Trail;

/// A path as the kernel takes it.
pub struct Path {
    bytes: [u8; 1024],
    length: usize,
}

impl Path {
    /// An empty path.
    pub const fn new() -> Self {
        Self {
            bytes: [0; 1024],
            length: 0,
        }
    }

    /// `directory/name`; none where it is too long.
    fn set(&mut self, directory: &[u8], name: &[u8]) -> Option<&CStr> {
        self.length = 0;
        self.push(directory)?;
        if !directory.is_empty() {
            self.push(b"/")?;
        }
        self.push(name)?;
        self.push(b"\0")?;
        Some(self.text())
    }

    fn push(&mut self, text: &[u8]) -> Option<()> {
        let place = self.bytes.get_mut(self.length..)?.get_mut(..text.len())?;
        for (to, from) in place.iter_mut().zip(text) {
            *to = *from;
        }
        self.length += text.len();
        Some(())
    }

    /// The path.
    pub fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// `text` with `$ORIGIN` replaced; none where it has another `$`.
    fn expand(&mut self, text: &[u8], origin: &[u8]) -> Option<()> {
        self.length = 0;
        let mut rest = text;
        while let Some(at) = rest.iter().position(|&byte| byte == b'$') {
            let (before, dollar) = rest.split_at(at);
            let after = [b"$ORIGIN".as_slice(), b"${ORIGIN}"]
                .iter()
                .find_map(|&word| dollar.strip_prefix(word))?;
            self.push(before)?;
            self.push(origin)?;
            rest = after;
        }
        self.push(rest)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Calls `visit` with every file that may be meant, the likeliest first, until
/// it answers true: then `path` is that file's, and `trail` what was passed.
pub fn find(
    room: &mut Room,
    caller: *mut c_void,
    needed: Needed,
    path: &mut Path,
    trail: &mut Trail,
    mut visit: impl FnMut(File) -> bool,
) -> bool {
    room.directories.ask(caller);
    let name = room.text(needed.name);
    if name.contains(&b'/') {
        return try_file(path, b"", name, &mut visit);
    }
    if try_own_directories(room, needed.by, name, path, &mut visit) {
        return true;
    }
    if try_directories(room, false, name, path, trail, &mut visit) {
        return true;
    }
    let mut found = false;
    trail.pass(cache::PATH.to_bytes());
    cache::find(name, |file| {
        trail.pass(file);
        found = try_file(path, b"", file, &mut visit);
        found
    });
    found || try_directories(room, true, name, path, trail, &mut visit)
}

/// The directories of the caller, those of the system or the others.
fn try_directories(
    room: &Room,
    system: bool,
    name: &[u8],
    path: &mut Path,
    trail: &mut Trail,
    visit: &mut impl FnMut(File) -> bool,
) -> bool {
    room.directories.any(|directory| {
        is_system(directory) == system && {
            trail.pass(directory);
            try_file(path, directory, name, visit)
        }
    })
}

fn try_own_directories(
    room: &Room,
    by: Needer,
    name: &[u8],
    path: &mut Path,
    visit: &mut impl FnMut(File) -> bool,
) -> bool {
    let mut expanded = Path::new();
    let own = room.text(by.path);
    own.split(|&byte| byte == b':')
        .filter(|directory| !directory.is_empty())
        .any(|directory| {
            expanded.expand(directory, room.text(by.origin)).is_some()
                && try_file(path, expanded.bytes(), name, visit)
        })
}

fn try_file(
    path: &mut Path,
    directory: &[u8],
    name: &[u8],
    visit: &mut impl FnMut(File) -> bool,
) -> bool {
    path.set(directory, name)
        .and_then(File::open)
        .is_some_and(visit)
}

/// A directory of the system: the dynamic linker looks into ld.so.cache first.
fn is_system(directory: &[u8]) -> bool {
    let rest = directory.strip_prefix(b"/usr").unwrap_or(directory);
    let rest = rest.strip_prefix(b"/lib");
    rest.is_some_and(|rest| matches!(rest, b"" | b"64" | b"32") || rest.ends_with(b"-linux-gnu"))
}
