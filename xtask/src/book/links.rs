//! Links of the pages as they lie in a checkout: every file and every heading is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::pages::{self, CONTENTS, Page};

/// Pages that are not in the book.
const OTHERS: [&str; 1] = ["tests/README.md"];

/// Follows every link of every page.
///
/// # Errors
///
/// Lists those that lead nowhere, and the pages that the list of them lacks.
pub fn check(root: &Path) -> Result<(), String> {
    let mut pages = pages::all(root)?;
    for path in OTHERS {
        pages.push(Page {
            path: path.into(),
            name: String::new(),
            text: fs::read_to_string(root.join(path))
                .map_err(|error| format!("{path}: {error}"))?,
        });
    }
    let mut wrong: Vec<String> = pages
        .iter()
        .flat_map(|page| broken(page, &pages, root))
        .collect();
    wrong.extend(unlisted(root, &pages)?);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "links that lead nowhere:\n  {}",
        wrong.join("\n  ")
    ))
}

/// Returns the links of a page that lead nowhere.
fn broken(page: &Page, pages: &[Page], root: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for link in pages::links(&page.text) {
        let Some((path, anchor)) = link.leads_to(&page.path) else {
            continue;
        };
        let target = pages.iter().find(|it| it.path == path);
        let is_there = match (anchor, target) {
            (None, _) => root.join(&path).exists(),
            (Some(anchor), Some(target)) => anchors(&target.text).contains(anchor),
            (Some(_), None) => false,
        };
        if !is_there {
            wrong.push(format!("{}: {}", page.path.display(), link.target));
        }
    }
    wrong
}

/// Returns the pages of the folder that the list lacks.
fn unlisted(root: &Path, pages: &[Page]) -> Result<Vec<String>, String> {
    let folder = fs::read_dir(root.join("docs")).map_err(|error| format!("docs: {error}"))?;
    let files = folder
        .flatten()
        .map(|entry| PathBuf::from("docs").join(entry.file_name()));
    let mut missing: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .filter(|path| !pages.iter().any(|page| page.path == *path))
        .map(|path| format!("{CONTENTS}: no link to {}", path.display()))
        .collect();
    missing.sort();
    Ok(missing)
}

/// Returns what links to headings are called: as GitHub and mdBook do it.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for heading in pages::headings(text) {
        let slug: String = heading
            .to_lowercase()
            .chars()
            .filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_' | ' '))
            .map(|it| if it == ' ' { '-' } else { it })
            .collect();
        let mut name = slug.clone();
        let mut count = 0;
        while !known.insert(name) {
            count += 1;
            name = format!("{slug}-{count}");
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page {
            path: path.into(),
            name: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn all_links_of_the_pages_lead_somewhere() -> Result<(), String> {
        check(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        let pages = [
            page(
                "docs/a.md",
                "# A\n[1](b.md) [2](b.md#c-d) [3](#a) [4](b.md#e) [5](x.md) [6](#f)\n",
            ),
            page("docs/b.md", "# B\n## C `d`!\n## C d\n"),
        ];
        // no such folder: only pages with headings are there
        let wrong = broken(&pages[0], &pages, Path::new("/nonexistent"));
        assert_eq!(
            wrong,
            [
                "docs/a.md: b.md",
                "docs/a.md: b.md#e",
                "docs/a.md: x.md",
                "docs/a.md: #f"
            ]
        );
        let anchors = anchors(&pages[1].text);
        assert!(
            anchors.contains("c-d") && anchors.contains("c-d-1"),
            "{anchors:?}"
        );
    }
}
