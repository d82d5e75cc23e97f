//! Which files of a tree are audited.

use std::path::Path;

use glob::{MatchOptions, Pattern};

/// Which files and folders of a tree are audited: without anything, all of them. What
/// is named itself always is.
///
/// A pattern without a slash is for the name of a file or folder; one with a slash
/// for its path, as the report shows it. `*` and `?` stop at a slash, `**` does not.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Pick {
    /// Only files that one of these matches; where there are none, all.
    pub include: Vec<Pattern>,
    /// Files that one of these matches are left out, and folders with all that is
    /// below them.
    pub exclude: Vec<Pattern>,
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Pick {
    /// Returns whether a file is audited.
    pub(super) fn has_file(&self, folder: &Path, name: &Path) -> bool {
        let is_included = self.include.is_empty() || matches(&self.include, folder, name);
        is_included && !matches(&self.exclude, folder, name)
    }

    /// Returns whether a folder is entered.
    pub(super) fn has_folder(&self, parent: &Path, name: &Path) -> bool {
        !matches(&self.exclude, parent, name)
    }
}

fn matches(patterns: &[Pattern], folder: &Path, name: &Path) -> bool {
    patterns.iter().any(|pattern| {
        if pattern.as_str().contains('/') {
            pattern.matches_path_with(&folder.join(name), OPTIONS)
        } else {
            pattern.matches_path_with(name, OPTIONS)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        let patterns = texts.iter().map(|text| Pattern::new(text));
        patterns.collect::<Result<_, _>>().expect("patterns")
    }

    #[test]
    fn names_and_paths() {
        let pick = Pick {
            include: patterns(&["*.so*", "/usr/bin/*"]),
            exclude: patterns(&["*-gdb.py", "/usr/lib/**/debug"]),
        };
        let file = |folder: &str, name: &str| pick.has_file(Path::new(folder), Path::new(name));
        assert!(file("/usr/lib", "libc.so.6") && file("/usr/bin", "ls"));
        assert!(!file("/usr/lib", "ls") && !file("/usr/lib", "libx.so-gdb.py"));
        let folder = |parent: &str, name: &str| pick.has_folder(Path::new(parent), Path::new(name));
        assert!(folder("/usr", "lib") && !folder("/usr/lib/a/b", "debug"));
        let all = Pick::default();
        assert!(all.has_file(Path::new("/"), Path::new("x")));
    }
}
