//! Where things go.

use std::env;
use std::path::{Component, Path, PathBuf};

use tls_model::protocol::SHIM_LIBRARY;

use super::error::Error;
use crate::program::libraries::PLATFORM;

/// Which programs are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every program of the host.
    Host,
    /// What the system's manager starts.
    System,
    /// What this user's manager starts.
    User,
}

impl Scope {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Host, Self::System, Self::User];

    /// Returns what is meant, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Host => "every program of this host",
            Self::System => "what the system's systemd starts",
            Self::User => "what this user's systemd starts",
        }
    }

    /// Returns the option of `enable` and `disable` that means it.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Host => "",
            Self::System => " --system",
            Self::User => " --user",
        }
    }
}

/// The places of one scope: paths as programs see them, below a root.
#[derive(Clone, Debug)]
pub struct Places {
    scope: Scope,
    root: PathBuf,
    folder: PathBuf,
    setting: PathBuf,
}

/// The host's copy: `/usr/local` is the administrator's own, and not a package's.
const FOLDER: &str = "/usr/local/lib/rseq-owner";

/// The same below a user's home.
const OF_USER: &str = ".local/lib/rseq-owner";

/// The drop-in's name: late enough to see who else sets the variable.
const DROP_IN: &str = "50-rseq-owner.conf";

impl Places {
    /// Returns those of a scope below `root`.
    pub fn of(scope: Scope, root: &Path) -> Result<Self, Error> {
        let absolute = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let (folder, setting) = match scope {
            Scope::Host => (FOLDER.into(), "/etc/ld.so.preload".into()),
            Scope::System => (
                FOLDER.into(),
                Path::new("/etc/systemd/system.conf.d").join(DROP_IN),
            ),
            Scope::User => {
                let home = absolute("HOME").ok_or(Error::NoHome)?;
                let settings = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
                (
                    home.join(OF_USER),
                    settings.join("systemd/user.conf.d").join(DROP_IN),
                )
            }
        };
        let places = Self {
            scope,
            root: root.to_path_buf(),
            folder,
            setting,
        };
        places.check()?;
        Ok(places)
    }

    /// Refuses a path that the dynamic linker or systemd would read otherwise, and one
    /// that leads out of the root.
    fn check(&self) -> Result<(), Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@~".contains(&byte);
        let folder = self.folder.as_os_str().as_encoded_bytes();
        if !folder.iter().all(|&byte| is_plain(byte)) {
            return Err(Error::Path(self.folder.clone()));
        }
        if self.root == Path::new("/") {
            return Ok(());
        }
        if !self.root.is_dir() {
            return Err(Error::NoRoot(self.root.clone()));
        }
        for path in [self.library(), self.setting()] {
            let within = path.strip_prefix(&self.root).unwrap_or(&path);
            let mut so_far = self.root.clone();
            for part in within.parent().into_iter().flat_map(Path::components) {
                so_far.push(part);
                if so_far.is_symlink() {
                    return Err(Error::LeadsElsewhere(so_far));
                }
            }
        }
        Ok(())
    }

    /// Returns whose places these are.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the file of the copy.
    pub fn library(&self) -> PathBuf {
        self.below_root(&self.folder.join(SHIM_LIBRARY))
    }

    /// Returns the folder of the copy.
    pub fn folder(&self) -> PathBuf {
        self.below_root(&self.folder)
    }

    /// Returns the file of the setting.
    pub fn setting(&self) -> PathBuf {
        self.below_root(&self.setting)
    }

    /// Returns the copy's name in the setting. In the environment it is one that only
    /// glibc's dynamic linker finds: musl's reads the variable as well.
    pub fn name(&self) -> PathBuf {
        match self.scope {
            Scope::Host => self.folder.join(SHIM_LIBRARY),
            Scope::System | Scope::User => self.folder.join(PLATFORM).join(SHIM_LIBRARY),
        }
    }

    /// Returns whether these are the places of programs that can be started now.
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Returns a path as seen from here.
    pub fn below_root(&self, path: &Path) -> PathBuf {
        let parts = path.components().filter(|it| *it != Component::RootDir);
        self.root.join(parts.collect::<PathBuf>())
    }
}
