//! The two shared libraries: beside rseqctl, in `../lib` from it, or built in.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tls_model::protocol::{ABI_LIBRARY as ABI, SHIM_LIBRARY as SHIM};
use tls_model::rseq::arch;

use crate::report::text;
use crate::sys::machine;
use crate::sys::process::effective_ids;

/// What cargo calls the library with the symbol: nothing that is started asks for it by
/// this name.
const ABI_AS_BUILT: &str = "librseq_abi.so";

/// What separates the names in `LD_PRELOAD`.
pub const SEPARATORS: &[u8] = b" :";

/// Why the libraries cannot be preloaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// This executable's own path is not known.
    OwnPath,
    /// They are there and cannot be read.
    Read {
        /// Which of them.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// They are nowhere.
    Missing {
        /// Where they were looked for.
        looked: Vec<PathBuf>,
    },
    /// No folder takes a copy.
    NoPlace {
        /// The folders that were tried, and what was wrong with each.
        failures: Vec<(PathBuf, io::Error)>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnPath => f.write_str("cannot find my own path"),
            Self::Read { path, .. } => path.display().fmt(f),
            Self::Missing { looked } => {
                let looked: Vec<_> = looked.iter().map(|it| it.display().to_string()).collect();
                write!(
                    f,
                    "{SHIM} and {ABI} are neither in {} nor built in; put them beside rseqctl",
                    looked.join(" nor in ")
                )
            }
            Self::NoPlace { failures } => {
                let failures = failures.iter();
                let failures: Vec<_> = failures
                    .map(|(folder, error)| format!("{}: {}", folder.display(), text::cause(error)))
                    .collect();
                write!(
                    f,
                    "found no folder of yours to put {SHIM} into ({}); set XDG_CACHE_HOME to one",
                    failures.join("; ")
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::OwnPath | Self::Missing { .. } | Self::NoPlace { .. } => None,
        }
    }
}

/// Where the libraries are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Libraries {
    /// `librseq_shim.so`; `librseq_abi.so.1` lies in the same directory.
    pub shim: PathBuf,
}

/// What glibc's dynamic linker puts in place of [`PLATFORM`] in a program for this
/// machine.
pub const PLATFORMS: &[&str] = match arch::native() {
    Some(native) => native.platforms(),
    None => &[],
};

/// A folder's name that only glibc's dynamic linker knows (ld.so(8), "Dynamic string
/// tokens"). musl's takes it as it stands, finds nothing there, and says nothing.
pub const PLATFORM: &str = "$PLATFORM";

impl Libraries {
    /// Returns the shim's file, by a name that everybody understands.
    #[must_use]
    pub fn shim_file(&self) -> PathBuf {
        let parts = self.shim.components();
        parts.filter(|part| part.as_os_str() != PLATFORM).collect()
    }

    /// Returns those of a folder. Where it has links to itself under the names that
    /// glibc knows, only glibc's dynamic linker finds them.
    fn of(folder: &Path) -> Self {
        let mut links = PLATFORMS.iter().map(|it| folder.join(it).join(SHIM));
        let has_links = !PLATFORMS.is_empty() && links.all(|it| it.is_file());
        let shim = if has_links {
            folder.join(PLATFORM).join(SHIM)
        } else {
            folder.join(SHIM)
        };
        Self { shim }
    }

    /// Returns those to preload: where the host has a shim in every program, it is that one,
    /// because another one would be a second one in the process.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub fn to_preload() -> Result<Self, Error> {
        Self::of_every_program().map_or_else(Self::find, Ok)
    }

    /// Returns the shim that `/etc/ld.so.preload` names, if it is there.
    #[must_use]
    pub fn of_every_program() -> Option<Self> {
        let text = fs::read("/etc/ld.so.preload").ok()?;
        let mut names = text.split(|byte| byte.is_ascii_whitespace() || SEPARATORS.contains(byte));
        let shim = names.find_map(|name| {
            let path = Path::new(OsStr::from_bytes(name));
            (path.file_name()? == SHIM && path.is_file()).then_some(path)
        })?;
        Some(Self::of(shim.parent()?))
    }

    /// Returns those that [`Self::to_preload`] would return, and makes no copy: where one
    /// would be made, it is the first place for it.
    ///
    /// # Errors
    ///
    /// They are nowhere.
    pub fn that_would_be() -> Result<Self, Error> {
        if let Some(libraries) = Self::of_every_program() {
            return Ok(libraries);
        }
        Ok(match Self::look()? {
            Found::InPlace(libraries) => libraries,
            Found::ToCopy(_) => {
                let is_fit = |folder: &PathBuf| {
                    folder.is_absolute() && can_be_preloaded(folder) && is_ours(folder).is_ok()
                };
                let folder = places().find(is_fit).unwrap_or_default();
                Self {
                    shim: folder.join(PLATFORM).join(SHIM),
                }
            }
        })
    }

    /// Looks beside this executable, in `../lib`, and inside it. Where `LD_PRELOAD` could
    /// not name the place, or the shim would not find its library there (in a folder that
    /// cargo has filled), a copy is made elsewhere.
    ///
    /// # Errors
    ///
    /// They are nowhere, or there is no place for a copy.
    pub fn find() -> Result<Self, Error> {
        match Self::look()? {
            Found::InPlace(libraries) => Ok(libraries),
            Found::ToCopy(bytes) => bytes.unpack(),
        }
    }

    fn look() -> Result<Found, Error> {
        let own = machine::executable().ok_or(Error::OwnPath)?;
        let mut looked = Vec::new();
        for directory in [own.parent(), own.parent().and_then(Path::parent)]
            .into_iter()
            .flatten()
            .zip(["", "lib"])
            .map(|(base, below)| base.join(below))
        {
            let shim = directory.join(SHIM);
            let mut named = [ABI, ABI_AS_BUILT]
                .map(|name| directory.join(name))
                .into_iter();
            if let Some(abi) = named.find(|abi| shim.is_file() && abi.is_file()) {
                if abi.ends_with(ABI) && can_be_preloaded(&shim) {
                    return Ok(Found::InPlace(Self::of(&directory)));
                }
                let read = |path: &Path| {
                    fs::read(path).map_err(|source| Error::Read {
                        path: path.to_path_buf(),
                        source,
                    })
                };
                return Ok(Found::ToCopy(Bytes {
                    shim: read(&shim)?.into(),
                    abi: read(&abi)?.into(),
                }));
            }
            looked.push(directory);
        }
        embedded()
            .map(Found::ToCopy)
            .ok_or(Error::Missing { looked })
    }
}

/// What was found.
enum Found {
    /// Libraries that can be preloaded where they are.
    InPlace(Libraries),
    /// Their bytes, for a copy.
    ToCopy(Bytes),
}

/// The libraries as bytes, to be written where they can be preloaded from.
struct Bytes {
    shim: Cow<'static, [u8]>,
    abi: Cow<'static, [u8]>,
}

/// Returns the libraries built in, present when the build was given `RSEQCTL_EMBED` (see build.rs).
fn embedded() -> Option<Bytes> {
    #[cfg(embedded_libraries)]
    return Some(Bytes {
        shim: include_bytes!(env!("RSEQCTL_EMBED_SHIM")).into(),
        abi: include_bytes!(env!("RSEQCTL_EMBED_ABI")).into(),
    });
    #[cfg(not(embedded_libraries))]
    None
}

impl Bytes {
    /// Writes the libraries into the first place that takes them, once per
    /// content.
    fn unpack(&self) -> Result<Libraries, Error> {
        let mut failures = Vec::new();
        for directory in places() {
            match self.unpack_into(&directory) {
                Ok(libraries) => return Ok(libraries),
                Err(error) => failures.push((directory, error)),
            }
        }
        Err(Error::NoPlace { failures })
    }

    fn unpack_into(&self, directory: &Path) -> io::Result<Libraries> {
        if !directory.is_absolute() || !can_be_preloaded(directory) {
            return Err(io::Error::other("LD_PRELOAD cannot name it"));
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        is_ours(directory)?;
        if directory.starts_with(OF_ROOT) {
            for folder in directory.ancestors().take(2) {
                fs::set_permissions(folder, Permissions::from_mode(0o755))?;
            }
        }
        for (name, bytes) in [(ABI, &self.abi), (SHIM, &self.shim)] {
            let path = directory.join(name);
            if fs::read(&path).is_ok_and(|found| *found == **bytes) {
                continue;
            }
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(bytes)?;
            fs::set_permissions(file.path(), Permissions::from_mode(0o755))?;
            file.persist(&path).map_err(|error| error.error)?;
        }
        for platform in PLATFORMS {
            match symlink(".", directory.join(platform)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(Libraries::of(directory))
    }
}

/// Checks that nobody else can change what is in a folder, as far as it is there: that
/// would run in the user's programs. Who has the folder above can put another one in this
/// one's place.
fn is_ours(directory: &Path) -> io::Result<()> {
    for folder in directory.ancestors().take(2) {
        let metadata = match fs::symlink_metadata(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if !metadata.is_dir()
            || metadata.uid() != effective_ids().0
            || metadata.permissions().mode() & 0o022 != 0
        {
            return Err(io::Error::other("it is not yours alone"));
        }
    }
    Ok(())
}

/// Root's own place; as what is started may run as somebody else, others can read it.
pub const OF_ROOT: &str = "/run/rseqctl";

/// Returns the cache that the user has named, root's own place, the user's cache, and a
/// folder of the user's among the temporary ones.
fn places() -> impl Iterator<Item = PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let named = set("XDG_CACHE_HOME").map(|cache| cache.join("rseqctl"));
    let root = (effective_ids().0 == 0 && named.is_none()).then(|| PathBuf::from(OF_ROOT));
    let own = set("HOME").filter(|_| named.is_none());
    let own = own.map(|home| home.join(".cache/rseqctl"));
    let temporary = |base: PathBuf| base.join(format!("rseqctl-{}", effective_ids().0));
    [named, root, own]
        .into_iter()
        .flatten()
        .chain([temporary(env::temp_dir()), temporary(PathBuf::from("/tmp"))])
        .map(|base| base.join(env!("CARGO_PKG_VERSION")))
}

/// Returns whether `LD_PRELOAD` would not take the path apart.
#[must_use]
pub fn can_be_preloaded(library: &Path) -> bool {
    !library
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|byte| SEPARATORS.contains(byte))
}
