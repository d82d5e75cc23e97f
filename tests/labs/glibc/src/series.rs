//! A series of patches and what it applies to.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::room;
use rseq_kit::child::Program;
use rseq_kit::debian::Suite;
use rseq_kit::folder;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;

/// The folders below `patches-glibc/`, the main series first.
pub const BASES: [&str; 2] = ["2.43", "2.36"];

/// A patch file.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A series, in its order, and its base.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name of the folder: the upstream version.
    pub base: String,
    /// The same as numbers.
    pub glibc: (u32, u32),
    /// Of the Debian suite that has the source.
    pub suite: String,
    /// The source package's version that the series was made for.
    pub version: String,
    /// The patches.
    pub patches: Vec<Patch>,
}

impl Series {
    /// Reads `patches-glibc/BASE`.
    ///
    /// # Errors
    ///
    /// There is none, or its `base` file does not say what it applies to.
    pub fn read(base: &str) -> Result<Self, String> {
        let folder = room().join("../patches-glibc").join(base);
        let say = |error: std::io::Error| format!("{}: {error}", folder.display());
        let about = fs::read_to_string(folder.join("base")).map_err(say)?;
        let field = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
                .ok_or_else(|| format!("{}/base: no {name:?}", folder.display()))
        };
        Ok(Self {
            base: base.to_owned(),
            glibc: numbers(base).ok_or_else(|| format!("{base:?} is no version"))?,
            suite: field("suite ")?,
            version: field("version ")?,
            patches: patches_in(&folder)?,
        })
    }

    /// The patches in the folder `upstream`, for what Debian's source lacks: they
    /// are neither applied nor built here.
    ///
    /// # Errors
    ///
    /// As [`Series::read`].
    pub fn for_upstream(base: &str) -> Result<Self, String> {
        let series = Self::read(base)?;
        let folder = room().join("../patches-glibc").join(base).join("upstream");
        let patches = if folder.is_dir() {
            patches_in(&folder)?
        } else {
            Vec::new()
        };
        Ok(Self { patches, ..series })
    }

    /// The base alone.
    #[must_use]
    pub fn without_patches(mut self) -> Self {
        self.patches.clear();
        self
    }

    /// The source package (its .dsc). The archive keeps a version only until the
    /// next one is there: then the newest of the same upstream version is taken.
    ///
    /// # Errors
    ///
    /// None can be downloaded.
    pub fn source(&self) -> Result<PathBuf, String> {
        let suite = Suite::open(&self.suite)?;
        let first = suite.source("glibc", &self.version);
        let folder = first.or_else(|error| {
            let others = suite.source_versions("glibc")?;
            let same = format!("{}-", self.base);
            let mut found = others
                .iter()
                .filter(|version| version.starts_with(&same))
                .map(|version| suite.source("glibc", version));
            found
                .find(Result::is_ok)
                .unwrap_or(Err(format!("{error}; and no other {same}*")))
        })?;
        let described = folder::with_extension(&folder, "dsc")?;
        described
            .into_iter()
            .next()
            .ok_or_else(|| format!("no .dsc in {}", folder.display()))
    }

    /// The version that [`Series::source`] has found.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn found_version(&self) -> Result<String, String> {
        let described = self.source()?;
        let name = described.file_stem().unwrap_or_default().to_string_lossy();
        let version = name.split_once('_').map_or(&*name, |(_, version)| version);
        Ok(version.to_owned())
    }

    /// Unpacks the source, with Debian's patches, as `into`, which must not be
    /// there yet.
    ///
    /// # Errors
    ///
    /// dpkg-source's.
    pub fn unpack(&self, into: &Path) -> Result<(), String> {
        Program::with_callers_environment(program("dpkg-source")?)
            .args(["--no-check", "--no-copy", "-x"])
            .arg(self.source()?)
            .arg(into)
            .limit(super::recipe::LIMIT)
            .run()?
            .expect(0)
            .map(drop)
    }

    /// Applies all patches, in their order, to the tree at `source`.
    ///
    /// # Errors
    ///
    /// One does not apply.
    pub fn apply(&self, source: &Path) -> Result<(), String> {
        self.patches
            .iter()
            .try_for_each(|patch| patch.apply(source))
    }

    /// A number that changes with everything that decides what is kept for `machine`: not
    /// with the words of a message.
    #[must_use]
    pub fn content(&self, machine: Machine) -> u64 {
        let mut content = DefaultHasher::new();
        if machine.foreign().is_some() {
            machine.name().hash(&mut content);
            super::recipe::FOREIGN.hash(&mut content);
        }
        self.version.hash(&mut content);
        super::recipe::CONFIGURE.hash(&mut content);
        super::recipe::SHARED.hash(&mut content);
        super::recipe::DEVELOPMENT.hash(&mut content);
        super::recipe::HEADER.hash(&mut content);
        super::recipe::TESTS.hash(&mut content);
        super::recipe::ABI.hash(&mut content);
        for patch in &self.patches {
            let (_, change) = patch.text.split_once("\ndiff ").unwrap_or_default();
            let lines = change.lines().filter(|line| !line.starts_with("index "));
            lines.for_each(|line| line.hash(&mut content));
        }
        content.finish()
    }
}

impl Patch {
    /// The file's name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Applies it to the tree at `source`: no line of context may differ.
    ///
    /// # Errors
    ///
    /// It does not apply.
    pub fn apply(&self, source: &Path) -> Result<(), String> {
        let done = Program::with_callers_environment(program("patch")?)
            .args(["-p1", "--fuzz=0", "--forward", "--silent", "--input"])
            .arg(&self.path)
            .directory(source)
            .limit(super::recipe::LIMIT)
            .run()?;
        if done.code() == 0 {
            return Ok(());
        }
        Err(format!(
            "{} does not apply: {}{}",
            self.name(),
            done.out,
            done.err
        ))
    }
}

/// The patches in a folder, in the order of their names.
fn patches_in(folder: &Path) -> Result<Vec<Patch>, String> {
    folder::with_extension(folder, "patch")?
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(Patch { path, text })
        })
        .collect()
}

fn numbers(base: &str) -> Option<(u32, u32)> {
    let (major, minor) = base.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
