//! Packages of any Debian suite, whatever this machine runs: for other glibcs,
//! other kernels, and sources to patch.
//!
//! apt does the work, with a configuration and lists of its own: nothing of the
//! machine's is read but its keyring, and nothing is installed. What was
//! downloaded is kept (`cache.rs`) under a name that holds version and content,
//! so that it is used without a network as long as the lists name it.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::cache;
use crate::child::{Finished, Program};
use crate::needs::{Need, Prerequisite, program};

const MIRROR: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Lists older than this are fetched again, if that can be done.
const FRESH: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A package as the lists of a suite name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Of the binary package.
    pub name: String,
    /// As Debian writes it, with the epoch, if any.
    pub version: String,
    /// Of the .deb, in hexadecimal digits.
    pub sha256: String,
}

/// A suite of Debian's archive: `bullseye`, `bookworm`, `trixie-backports`.
#[derive(Clone, Debug)]
pub struct Suite {
    name: String,
    /// Another architecture than this machine's, as Debian calls it.
    architecture: Option<&'static str>,
    /// apt's configuration, lists and cache for this suite only.
    folder: PathBuf,
}

impl Suite {
    /// Opens the suite `name`, whose lists are fetched when there are none.
    ///
    /// # Errors
    ///
    /// There is no apt, no keyring or no cache folder, or the lists cannot be
    /// fetched and there are no older ones.
    pub fn open(name: &str) -> Result<Self, String> {
        Self::opened(name, None)
    }

    /// Opens the same for another architecture, as Debian calls it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_for(name: &str, architecture: &'static str) -> Result<Self, String> {
        Self::opened(name, Some(architecture))
    }

    fn opened(name: &str, architecture: Option<&'static str>) -> Result<Self, String> {
        for tool in ["apt-get", "apt-cache", "dpkg-deb", "flock"] {
            program(tool)?;
        }
        if !Path::new(KEYRING).is_file() {
            return Err(format!("needs {KEYRING}"));
        }
        let folder = match architecture {
            None => format!("apt-{name}"),
            Some(architecture) => format!("apt-{name}-{architecture}"),
        };
        let suite = Self {
            name: name.into(),
            architecture,
            folder: cache::folder(&folder)?,
        };
        suite.configure()?;
        if !suite.is_fresh() {
            let done = suite.apt("apt-get", &["-qq", "update"])?;
            let stamp = suite.stamp();
            if done.code() == 0 {
                fs::write(&stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))?;
            } else if !stamp.is_file() {
                let last = done.err.lines().last().unwrap_or_default();
                return Err(format!("needs the package lists of {name}: {last}"));
            }
        }
        Ok(suite)
    }

    /// Returns what the suite has of this name now.
    ///
    /// # Errors
    ///
    /// It has no such package.
    pub fn package(&self, name: &str) -> Result<Package, String> {
        // every test that needs it asks
        static KNOWN: Mutex<BTreeMap<String, Result<Package, String>>> =
            Mutex::new(BTreeMap::new());

        let key = format!("{} {name}", self.folder.display());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| self.shown(name)).clone()
    }

    fn shown(&self, name: &str) -> Result<Package, String> {
        let shown = self.told(&["show", "--no-all-versions", name]).ok();
        let field = |key: &str| {
            let mut lines = shown.iter().flat_map(|shown| shown.lines());
            let value = lines.find_map(|line| line.strip_prefix(key));
            value.map(|value| value.trim().to_owned())
        };
        match (field("Version:"), field("SHA256:")) {
            (Some(version), Some(sha256)) => Ok(Package {
                name: name.into(),
                version,
                sha256,
            }),
            _ => Err(format!("needs {name}, which {} does not have", self.name)),
        }
    }

    /// Returns the names of all packages that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// apt fails.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>, String> {
        let names = self.told(&["pkgnames", prefix])?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Returns the .deb of a package.
    ///
    /// # Errors
    ///
    /// It cannot be downloaded.
    pub fn archive(&self, package: &Package) -> Result<PathBuf, String> {
        let digest = package.sha256.get(..16).unwrap_or(&package.sha256);
        let kept = cache::kept(
            &format!("{}_{}-{digest}", package.name, package.version),
            |into| self.fetch(into, &["download"], package),
        )?;
        only_file(&kept)
    }

    /// Downloads the .deb of a package into an empty folder: for those of which
    /// little is kept.
    ///
    /// # Errors
    ///
    /// It cannot be downloaded.
    pub fn download(&self, package: &Package, into: &Path) -> Result<PathBuf, String> {
        self.fetch(into, &["download"], package)?;
        only_file(into)
    }

    /// Returns the files of these packages, all in one folder as below `/`.
    ///
    /// # Errors
    ///
    /// One of them cannot be had or unpacked.
    pub fn root(&self, names: &[&str]) -> Result<PathBuf, String> {
        let packages: Vec<_> = names
            .iter()
            .map(|name| self.package(name))
            .collect::<Result<_, _>>()?;
        let mut content = DefaultHasher::new();
        for package in &packages {
            package.sha256.hash(&mut content);
        }
        cache::kept(
            &format!("root-{}-{:016x}", self.name, content.finish()),
            |into| {
                packages.iter().try_for_each(|package| {
                    Program::with_callers_environment("dpkg-deb")
                        .arg("-x")
                        .arg(self.archive(package)?)
                        .arg(into)
                        .limit(Duration::from_secs(300))
                        .run()?
                        .expect(0)
                        .map(drop)
                })
            },
        )
    }

    /// Returns the folder with the source package (its .dsc and archives, not unpacked)
    /// that `name`'s version in this suite was made from.
    ///
    /// # Errors
    ///
    /// It cannot be downloaded.
    pub fn source(&self, name: &str, version: &str) -> Result<PathBuf, String> {
        let package = Package {
            name: name.into(),
            version: version.into(),
            sha256: String::new(),
        };
        cache::kept(&format!("{name}_{version}-source"), |into| {
            self.fetch(into, &["source", "--download-only"], &package)
        })
    }

    /// Returns the versions of a source package that the suite's lists have, the newest
    /// first.
    ///
    /// # Errors
    ///
    /// apt fails.
    pub fn source_versions(&self, name: &str) -> Result<Vec<String>, String> {
        let shown = self.told(&["showsrc", "--only-source", name])?;
        let mut versions: Vec<_> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("Version: "))
            .map(str::to_owned)
            .collect();
        // numbers count as numbers: 2.43-10 is newer than 2.43-9
        versions.sort_by_cached_key(|version| {
            let numbers = version.split(|letter: char| !letter.is_ascii_digit());
            let numbers: Vec<u32> = numbers.filter_map(|word| word.parse().ok()).collect();
            std::cmp::Reverse(numbers)
        });
        versions.dedup();
        Ok(versions)
    }

    fn fetch(&self, into: &Path, verb: &[&str], package: &Package) -> Result<(), String> {
        let wanted = format!("{}={}", package.name, package.version);
        let arguments: Vec<_> = ["-qq"].iter().chain(verb).copied().collect();
        self.command("apt-get")
            .args(arguments)
            .arg(&wanted)
            .directory(into)
            .run()?
            .expect(0)
            .map(drop)
            .map_err(|error| format!("needs {wanted} of {}: {error}", self.name))
    }

    /// Returns what `apt-cache` answers. Answers are kept until the lists are fetched
    /// again: each takes half a second of processor time, or two where apt keeps no cache
    /// of its own, and every test target asks for several.
    fn told(&self, arguments: &[&str]) -> Result<String, String> {
        let name = arguments.join("_");
        let kept = self.folder.join("answers").join(&name);
        let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
        let is_newer = modified(&kept)
            .zip(modified(&self.stamp()))
            .is_some_and(|(answer, lists)| answer > lists);
        if is_newer && let Ok(text) = fs::read_to_string(&kept) {
            return Ok(text);
        }
        let text = self.apt("apt-cache", arguments)?.expect(0)?.out;
        // it is asked again where it cannot be kept
        let _ = fs::create_dir_all(self.folder.join("answers"))
            .and_then(|()| write_whole(&kept, &text));
        Ok(text)
    }

    fn apt(&self, tool: &str, arguments: &[&str]) -> Result<Finished, String> {
        self.command(tool).args(arguments).run()
    }

    /// Returns apt with this suite's configuration, one at a time.
    fn command(&self, tool: &str) -> Program {
        Program::with_callers_environment("flock")
            .arg(self.folder.join("lock"))
            .arg(tool)
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .limit(Duration::from_secs(600))
    }

    fn configure(&self) -> Result<(), String> {
        let folder = self.folder.display();
        let line =
            |kind: &str| format!("{kind} [signed-by={KEYRING}] {MIRROR} {} main\n", self.name);
        let write = |name: &str, text: String| {
            let path = self.folder.join(name);
            // the same words whoever writes them, but never half of them
            if fs::read_to_string(&path).is_ok_and(|there| there == text) {
                return Ok(());
            }
            write_whole(&path, &text).map_err(|error| format!("{}: {error}", path.display()))
        };
        for place in ["lists/partial", "archives/partial"] {
            let place = self.folder.join(place);
            fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        }
        write("sources.list", line("deb") + &line("deb-src"))?;
        write(
            "apt.conf",
            format!(
                "Dir::Etc::sourcelist \"{folder}/sources.list\";\n\
                 Dir::Etc::sourceparts \"/dev/null\";\n\
                 Dir::Etc::preferencesparts \"/dev/null\";\n\
                 Dir::State::lists \"{folder}/lists\";\n\
                 Dir::State::status \"/dev/null\";\n\
                 Dir::Cache \"{folder}\";\n\
                 Acquire::Languages \"none\";\n\
                 Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
                 APT::Sandbox::User \"root\";\n{}",
                self.architecture.map_or_else(String::new, |name| format!(
                    "APT::Architecture \"{name}\";\nAPT::Architectures {{ \"{name}\"; }};\n"
                ))
            ),
        )
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("fetched")
    }

    fn is_fresh(&self) -> bool {
        fs::metadata(self.stamp())
            .and_then(|stamp| stamp.modified())
            .is_ok_and(|then| {
                SystemTime::now()
                    .duration_since(then)
                    .is_ok_and(|age| age < FRESH)
            })
    }
}

fn only_file(folder: &Path) -> Result<PathBuf, String> {
    fs::read_dir(folder)
        .ok()
        .and_then(|mut entries| entries.next())
        .and_then(Result::ok)
        .map(|entry| entry.path())
        .ok_or_else(|| format!("{} is empty: remove it and try again", folder.display()))
}

/// Returns the package `name` of Debian bookworm, which apt-get can download.
#[must_use]
pub fn need(name: &'static str) -> Need {
    Need::of(Downloaded(name))
}

/// Returns the files of that package, in a folder as below `/`; nothing is installed.
///
/// # Errors
///
/// It cannot be had or unpacked.
pub fn files(name: &str) -> Result<PathBuf, String> {
    Suite::open("bookworm")?.root(&[name])
}

#[derive(Debug)]
struct Downloaded(&'static str);

impl Prerequisite for Downloaded {
    fn check(&self) -> Result<(), String> {
        files(self.0).map(drop)
    }
}

/// Writes a file so that whoever reads it, in another thread or process, sees all of it.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // an id would not do as a name: processes of two namespaces may have the same one
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(new.path(), text)?;
    new.persist(path)?;
    Ok(())
}
