//! On and off.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use tls_model::protocol::installed::NO_KERNEL;
use tls_model::protocol::variable;

use super::error::Error;
use super::files::{read, remove, replace};
use super::image::{Installed, installable};
use super::manager::{check_others, drop_in};
use super::place::{Places, Scope};
use super::preload::{self, Says};
use crate::kernel::{Keep, PATIENT, probe_kernel};
use crate::program::libraries::{Libraries, PLATFORMS};
use crate::sys::machine;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which programs are meant.
    pub scope: Scope,
    /// The files that were written or removed.
    pub changed: Vec<PathBuf>,
    /// Programs may be started once more on this kernel.
    pub may_restart: bool,
}

/// Switches the shim on for a scope; below a root other than `/`, for an image. Doing so
/// again renews the copy.
///
/// # Errors
///
/// It cannot be done, or not undone. Nothing has changed then, but that the copy may be
/// there.
pub fn enable(scope: Scope, root: &Path) -> Result<Done, Error> {
    let places = Places::of(scope, root)?;
    let setting = places.setting();
    let before = read(&setting)?;
    let after = match scope {
        Scope::Host => {
            let text = before.clone().unwrap_or_default();
            match preload::says(&text, &places.name(), &setting)? {
                Says::Names => text,
                Says::Nothing => preload::with(&text, &places.name()),
            }
        }
        Scope::System | Scope::User => {
            let text = drop_in(&places).into_bytes();
            if before.as_ref().is_some_and(|it| *it != text) {
                return Err(Error::Edited(setting));
            }
            check_others(&places)?;
            text
        }
    };
    let library = places.library();
    let there = read(&library)?;
    if there.as_ref().is_some_and(|it| !is_ours(it)) {
        return Err(Error::NotOurs(library));
    }
    let (file, may_restart) = copy()?;
    let mut changed = Vec::new();
    if there.as_ref() != Some(&file) {
        if places.is_here() {
            try_it(&file, &places.folder())?;
        }
        replace(&library, &file, 0o755)?;
        changed.push(library.clone());
    }
    for platform in PLATFORMS {
        let link = places.folder().join(platform);
        match symlink(".", &link) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::Write(link, error));
            }
            _ => {}
        }
    }
    if before.as_ref() != Some(&after) {
        replace(&setting, &after, 0o644)?;
        changed.push(setting);
    }
    Ok(Done {
        scope,
        changed,
        may_restart,
    })
}

/// Switches it off again: the setting goes first, and the copy where no other setting
/// names it.
///
/// # Errors
///
/// Something is not as [`enable`] has left it, or cannot be removed.
pub fn disable(scope: Scope, root: &Path) -> Result<Done, Error> {
    let places = Places::of(scope, root)?;
    let setting = places.setting();
    let mut changed = Vec::new();
    if let Some(before) = read(&setting)? {
        let after = match scope {
            Scope::Host => {
                preload::says(&before, &places.name(), &setting)?;
                preload::without(&before, &places.name())
            }
            Scope::System | Scope::User if before == drop_in(&places).as_bytes() => Vec::new(),
            Scope::System | Scope::User => return Err(Error::Edited(setting)),
        };
        if after != before {
            if after.is_empty() {
                remove(&setting)?;
            } else {
                replace(&setting, &after, 0o644)?;
            }
            changed.push(setting);
        }
    }
    if !is_named(&places, root)? {
        changed.extend(remove_copy(&places)?);
    }
    Ok(Done {
        scope,
        changed,
        may_restart: false,
    })
}

/// Returns whether a setting of another scope names the same copy.
fn is_named(places: &Places, root: &Path) -> Result<bool, Error> {
    for scope in Scope::ALL {
        if scope == places.scope() {
            continue;
        }
        let Ok(other) = Places::of(scope, root) else {
            continue;
        };
        let text = read(&other.setting())?.unwrap_or_default();
        let name = other.name();
        let name = name.as_os_str().as_encoded_bytes();
        if other.library() == places.library() && text.windows(name.len()).any(|it| it == name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the copy, its links and its folder, as far as nobody else has put something
/// there. Returns what was removed.
fn remove_copy(places: &Places) -> Result<Option<PathBuf>, Error> {
    let library = places.library();
    let there = read(&library)?;
    if there.as_ref().is_some_and(|it| !is_ours(it)) {
        return Err(Error::NotOurs(library));
    }
    remove(&library)?;
    for platform in PLATFORMS {
        let link = places.folder().join(platform);
        if fs::read_link(&link).is_ok_and(|to| to == Path::new(".")) {
            remove(&link)?;
        }
    }
    // where something else is in it, it stays
    let _ = fs::remove_dir(places.folder());
    Ok(there.map(|_| library))
}

/// Returns whether the file is a copy of the shim, whatever has become of it: one that is
/// empty, or has lost its end, is replaced like any other.
fn is_ours(bytes: &[u8]) -> bool {
    Installed::read(bytes).is_some() || bytes.iter().all(|&byte| byte == 0) || {
        let name: &[u8] = b"librseq_shim";
        bytes.windows(name.len()).any(|it| it == name)
    }
}

/// Returns the copy for this kernel, and whether programs may be started once more on it.
fn copy() -> Result<(Vec<u8>, bool), Error> {
    let shim = Libraries::find().map_err(Error::Libraries)?.shim_file();
    let bytes = fs::read(&shim).map_err(|error| Error::Read(shim.clone(), error))?;
    let may_restart =
        probe_kernel(Keep::Kept, PATIENT).is_ok_and(|(behaviour, _)| behaviour.keeps_its_part());
    let kernel = if may_restart {
        machine::kernel_build().into_bytes()
    } else {
        NO_KERNEL.to_vec()
    };
    let file = installable(&bytes, &kernel).map_err(|error| Error::Unfit(shim, error))?;
    Ok((file, may_restart))
}

/// Starts a program with the copy, from where all programs will load it: what does not load,
/// or complains, is not switched on.
fn try_it(file: &[u8], folder: &Path) -> Result<(), Error> {
    let write = || -> io::Result<tempfile::NamedTempFile> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)?;
        let mut copy = tempfile::Builder::new()
            .prefix("trial-")
            .suffix(".so")
            .tempfile_in(folder)?;
        io::Write::write_all(&mut copy, file)?;
        Ok(copy)
    };
    let tried = write()
        .map_err(|error| Error::Write(folder.to_path_buf(), error))
        .and_then(|copy| try_copy(copy.path()));
    if tried.is_err() {
        // what was there before stays
        let _ = fs::remove_dir(folder);
    }
    tried
}

fn try_copy(copy: &Path) -> Result<(), Error> {
    // what is switched on already, whole or not, has its say in both
    let before = shell(None)?;
    let with = shell(Some(copy))?;
    let [expected, lines] = [&before, &with].map(|it| it.lines.len());
    let [others, shims] = [&before, &with].map(Said::shims);
    if with.status.success() && lines == expected + 1 && shims == others + 1 {
        return Ok(());
    }
    let said = with.lines.join("\n");
    Err(Error::Trial(format!(
        "/bin/sh with the library: {}, and it says: {}",
        with.status,
        if said.is_empty() {
            "nothing; is it a program with glibc?"
        } else {
            &said
        }
    )))
}

/// How a shell has ended, and what was said on standard error.
struct Said {
    status: ExitStatus,
    lines: Vec<String>,
}

impl Said {
    /// How many lines are a shim's.
    fn shims(&self) -> usize {
        let shims = self.lines.iter();
        shims.filter(|it| it.starts_with("librseq_shim: ")).count()
    }
}

/// Starts a shell that does nothing, with a library to preload.
fn shell(preload: Option<&Path>) -> Result<Said, Error> {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", ":"])
        .env_clear()
        .env(variable::LOG, "stderr")
        .stdin(Stdio::null());
    if let Some(library) = preload {
        shell.env(variable::PRELOAD, library);
    }
    let output = shell
        .output()
        .map_err(|error| Error::Trial(format!("/bin/sh: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Said {
        status: output.status,
        lines: said.trim().lines().map(str::to_owned).collect(),
    })
}
