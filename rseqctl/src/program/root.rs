//! Paths as a program with another root folder sees them.

use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// As many symbolic links as Linux follows in one path.
const MOST_LINKS: usize = 40;

/// The folder that stands for `/`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root<'a>(Option<&'a Path>);

impl<'a> Root<'a> {
    pub(super) fn new(root: Option<&'a Path>) -> Self {
        Self(root.filter(|root| *root != Path::new("/")))
    }

    /// Returns the file behind `path`. In another root every symbolic link is followed
    /// as a program there would follow it: none leads out.
    pub(super) fn real(self, path: &Path) -> io::Result<PathBuf> {
        let Some(root) = self.0 else {
            return Ok(path.to_path_buf());
        };
        let mut links = 0;
        let mut done = PathBuf::new();
        let mut rest: Vec<PathBuf> = parts(path);
        while let Some(part) = rest.pop() {
            if part.as_os_str() == ".." {
                done.pop();
                continue;
            }
            let here = root.join(&done).join(&part);
            if !here.symlink_metadata()?.is_symlink() {
                done.push(part);
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(ErrorKind::InvalidInput.into());
            }
            let target = here.read_link()?;
            if target.is_absolute() {
                done.clear();
            }
            rest.extend(parts(&target));
        }
        Ok(root.join(done))
    }
}

/// Returns the names in a path, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let names = path.components().rev();
    names
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_leads_out_of_a_root() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let base = folder.path();
        fs::create_dir_all(base.join("usr/lib"))?;
        fs::write(base.join("usr/lib/a"), "")?;
        symlink("/usr/lib", base.join("lib"))?;
        symlink("../../../../lib/a", base.join("usr/lib/b"))?;
        symlink("c", base.join("usr/lib/c"))?;
        let root = Root::new(Some(base));
        let expected = base.join("usr/lib/a");
        for path in ["/lib/a", "/usr/lib/b", "/usr/../../lib/./b"] {
            assert_eq!(root.real(Path::new(path))?, expected, "{path}");
        }
        for path in ["/usr/lib/c", "/usr/lib/none"] {
            assert!(root.real(Path::new(path)).is_err(), "{path}");
        }
        assert_eq!(Root::new(None).real(Path::new("/x"))?, Path::new("/x"));
        Ok(())
    }
}
