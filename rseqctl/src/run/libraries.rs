//! The two shared libraries: beside rseqctl, in `../lib` from it, or built in.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The preload.
pub const SHIM: &str = "librseq_shim.so";
/// The library that the preload needs, which lies beside it.
pub const ABI: &str = "librseq_abi.so";

/// Where the libraries are.
pub struct Libraries {
    /// `librseq_shim.so`; `librseq_abi.so` lies in the same directory.
    pub shim: PathBuf,
}

impl Libraries {
    /// Looks beside this executable, in `../lib`, and inside it.
    pub fn find() -> Result<Self, String> {
        let own =
            env::current_exe().map_err(|error| format!("cannot find my own path: {error}"))?;
        let mut looked = Vec::new();
        for directory in [own.parent(), own.parent().and_then(Path::parent)]
            .into_iter()
            .flatten()
            .zip(["", "lib"])
            .map(|(base, below)| base.join(below))
        {
            if directory.join(SHIM).is_file() && directory.join(ABI).is_file() {
                return Ok(Self {
                    shim: directory.join(SHIM),
                });
            }
            looked.push(directory.display().to_string());
        }
        if let Some(embedded) = embedded() {
            return embedded
                .unpack()
                .map_err(|error| format!("cannot unpack the built-in libraries: {error}"));
        }
        Err(format!(
            "{SHIM} and {ABI} are neither in {} nor built in; put them beside rseqctl",
            looked.join(" nor in ")
        ))
    }
}

/// The libraries as bytes in this executable.
struct Embedded {
    shim: &'static [u8],
    abi: &'static [u8],
}

/// Present when the build was given `RSEQCTL_EMBED` (see build.rs).
fn embedded() -> Option<Embedded> {
    #[cfg(embedded_libraries)]
    return Some(Embedded {
        shim: include_bytes!(env!("RSEQCTL_EMBED_SHIM")),
        abi: include_bytes!(env!("RSEQCTL_EMBED_ABI")),
    });
    #[cfg(not(embedded_libraries))]
    None
}

impl Embedded {
    /// Writes the libraries into the user's cache, once per content. Whoever
    /// could change them there could change the user's programs as well.
    fn unpack(&self) -> io::Result<Libraries> {
        let directory = cache_directory()?;
        fs::create_dir_all(&directory)?;
        for (name, bytes) in [(ABI, self.abi), (SHIM, self.shim)] {
            let path = directory.join(name);
            if fs::read(&path).is_ok_and(|found| found == bytes) {
                continue;
            }
            let mut file = tempfile::NamedTempFile::new_in(&directory)?;
            io::Write::write_all(&mut file, bytes)?;
            fs::set_permissions(
                file.path(),
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )?;
            file.persist(&path).map_err(|error| error.error)?;
        }
        Ok(Libraries {
            shim: directory.join(SHIM),
        })
    }
}

fn cache_directory() -> io::Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .filter(|path| Path::new(path).is_absolute())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or_else(|| io::Error::other("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(base.join("rseqctl").join(env!("CARGO_PKG_VERSION")))
}
