//! What is downloaded or takes long to build is kept outside of the checkout,
//! under a name that holds its version.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Returns the folder `name` of the cache, which `make` fills the first time: it is
/// given a temporary folder, and whatever it leaves there is kept if it succeeds.
///
/// # Errors
///
/// There is no place for a cache, or `make` fails.
pub fn kept(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    kept_in(&cache()?, name, make)
}

/// Returns the folder that [`kept`] has made under this name, if it has.
///
/// # Errors
///
/// There is no place for a cache.
pub fn made(name: &str) -> Result<Option<PathBuf>, String> {
    let place = cache()?.join(name);
    Ok(place.is_dir().then_some(place))
}

fn kept_in(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let say = |error: std::io::Error| format!("{name}: {error}");
    let place = cache.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    fs::create_dir_all(cache).map_err(say)?;
    // what takes minutes is made once: others who want it wait
    let lock = File::create(cache.join(format!(".{name}.lock"))).map_err(say)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| say(error.into()))?;
    if place.is_dir() {
        return Ok(place);
    }
    let folder = tempfile::tempdir_in(cache).map_err(say)?;
    make(folder.path())?;
    let _ = fs::rename(folder.path(), &place);
    if place.is_dir() {
        Ok(place)
    } else {
        Err(format!("cannot keep {name} in {}", cache.display()))
    }
}

/// Returns a folder of the cache whose content changes: made when missing, never
/// removed. Whoever uses it keeps others out.
///
/// # Errors
///
/// There is no place for a cache.
pub fn folder(name: &str) -> Result<PathBuf, String> {
    let place = cache()?.join(name);
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(place)
}

/// Returns a folder beside the cache's for work that takes much space; it is removed with
/// the value.
///
/// # Errors
///
/// There is no place for a cache.
pub fn work() -> Result<tempfile::TempDir, String> {
    let cache = cache()?;
    fs::create_dir_all(&cache)
        .and_then(|()| tempfile::tempdir_in(&cache))
        .map_err(|error| format!("{}: {error}", cache.display()))
}

fn cache() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("RSEQ_CACHE") {
        return Ok(path.into());
    }
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .ok_or("needs RSEQ_CACHE or HOME for a cache")?;
    Ok(base.join("rseq-owner"))
}

/// Returns the version of the package `name` in a Cargo.lock.
#[must_use]
pub fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let entry = lock.split("[[package]]").find(|entry| {
        let mut lines = entry.lines();
        lines.any(|line| line == format!("name = \"{name}\""))
    })?;
    let line = entry
        .lines()
        .find_map(|line| line.strip_prefix("version = "))?;
    Some(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_want_is_made_once() {
        let cache = tempfile::tempdir().expect("a folder");
        let calls = std::sync::atomic::AtomicU32::new(0);
        let make = |into: &Path| {
            calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(100));
            fs::write(into.join("file"), "").map_err(|error| error.to_string())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let place = kept_in(cache.path(), "a", make).expect("it is made");
                    assert!(place.join("file").is_file());
                });
            }
        });
        assert_eq!(calls.into_inner(), 1);
    }

    #[test]
    fn finds_the_version() {
        let lock = "[[package]]\nname = \"cc\"\nversion = \"1.0\"\n\n\
            [[package]]\nname = \"libtcmalloc-sys\"\nversion = \"0.1.14\"\n";
        assert_eq!(locked_version(lock, "libtcmalloc-sys"), Some("0.1.14"));
        assert_eq!(locked_version(lock, "tcmalloc"), None);
    }
}
