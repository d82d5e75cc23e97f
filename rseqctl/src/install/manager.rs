//! A systemd manager's drop-in.
//!
//! `DefaultEnvironment=` in `system.conf.d` or `user.conf.d` is what a manager gives to
//! all that it starts (systemd-system.conf(5)); `environment.d` is read by managers of
//! users alone. A later assignment of the same variable takes the place of an earlier
//! one, so a variable that somebody else sets there is not touched.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::place::{Places, Scope};

/// Returns the drop-in's text.
pub fn drop_in(places: &Places) -> String {
    let option = places.scope().option();
    format!(
        "# Written by rseqctl enable{option}; rseqctl disable{option} removes it.\n\
         [Manager]\n\
         DefaultEnvironment=\"LD_PRELOAD={}\"\n",
        places.name().display()
    )
}

/// Checks whether nobody else sets the variable for this manager.
///
/// # Errors
///
/// Somebody does: in which file.
pub fn check_others(places: &Places) -> Result<(), Error> {
    let own = places.setting();
    match files(places)
        .into_iter()
        .find(|path| *path != own && sets_preload(path))
    {
        Some(path) => Err(Error::OtherPreload(path)),
        None => Ok(()),
    }
}

fn sets_preload(path: &Path) -> bool {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    // a line may go on behind a backslash
    let text = text.replace("\\\n", " ");
    text.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("DefaultEnvironment") && line.contains("LD_PRELOAD=")
    })
}

/// Returns the manager's configuration files.
fn files(places: &Places) -> Vec<PathBuf> {
    let name = match places.scope() {
        Scope::User => "user.conf",
        Scope::Host | Scope::System => "system.conf",
    };
    let mut folders: Vec<PathBuf> = ["/etc", "/run", "/usr/local/lib", "/usr/lib"]
        .iter()
        .map(|folder| places.below_root(&Path::new(folder).join("systemd")))
        .collect();
    // a user's own come beside the drop-in
    let own = places.setting();
    folders.extend(own.ancestors().nth(2).map(Path::to_path_buf));
    let mut files = Vec::new();
    for folder in folders {
        files.push(folder.join(name));
        let entries = fs::read_dir(folder.join(format!("{name}.d")));
        let entries = entries.into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()));
    }
    files.retain(|path| path.extension().is_some_and(|it| it == "conf"));
    files
}
