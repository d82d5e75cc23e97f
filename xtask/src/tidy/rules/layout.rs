//! A module with files below it is `NAME/mod.rs`, never `NAME.rs` beside `NAME/`.

use std::collections::BTreeSet;

use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "layout";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let folders: BTreeSet<_> = workspace
        .sources
        .iter()
        .filter_map(|source| source.path.rsplit_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    let mut offences = Vec::new();
    for source in workspace.sources.iter().filter(|it| !it.is_root) {
        let Some(name) = source.path.strip_suffix(".rs") else {
            continue;
        };
        if folders.contains(name) {
            offences.push(Offence {
                rule: RULE,
                place: source.path.clone(),
                what: format!("a module with files below it is {name}/mod.rs; move it"),
            });
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_file_beside_its_folder_is_found() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one; mod two;"),
            ("a/src/one.rs", "mod below;"),
            ("a/src/one/below.rs", ""),
            ("a/src/two/mod.rs", "mod below;"),
            ("a/src/two/below.rs", ""),
        ]);
        assert_eq!(places(&check(&tree)), ["a/src/one.rs"]);
    }
}
