//! Small trees for the tests of the rules.

use std::fs;
use std::path::Path;

use super::offence::Offence;
use super::workspace::{Listed, Workspace};

/// Writes files to a folder of their own and reads them. A file named `src/lib.rs`
/// or `tests/*.rs` is a target.
pub fn workspace(files: &[(&str, &str)]) -> Workspace {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let root = folder.path();
    let mut listed = Vec::new();
    for (path, text) in files {
        let file = root.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, text).expect("a file");
        let package = Path::new(path).iter().next().expect("a package");
        let name = package.to_string_lossy().into_owned();
        let is_test = path.contains("/tests/");
        if is_test || path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") {
            listed.push(Listed {
                name,
                root: file,
                is_test,
            });
        }
    }
    Workspace::of(root, &listed).expect("Rust")
}

/// Returns the places of offences.
pub fn places(offences: &[Offence]) -> Vec<&str> {
    offences.iter().map(|it| it.place.as_str()).collect()
}
