//! Links of the book as it was built: every file, and every place in a file, is there.
//! Nothing may come from another host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use html5gum::{Token, Tokenizer};

/// What a page of the book has.
#[derive(Default)]
struct Page {
    /// Places that can be linked.
    places: BTreeSet<String>,
    /// Where a reader may go.
    links: Vec<String>,
    /// What a browser loads by itself.
    loads: Vec<String>,
}

/// Follows every link of every page.
///
/// # Errors
///
/// Lists those that lead nowhere, and what would be loaded from another host.
pub fn check(book: &Path) -> Result<(), String> {
    let mut pages = BTreeMap::new();
    let entries = fs::read_dir(book).map_err(|error| format!("{}: {error}", book.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|it| it == "html") {
            let text = fs::read_to_string(&path);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            pages.insert(path, read(&text));
        }
    }
    let mut wrong = Vec::new();
    for (path, page) in &pages {
        for target in page.links.iter().chain(&page.loads) {
            if !leads_somewhere(path, target, &pages) {
                wrong.push(format!("{}: {target}", path.display()));
            }
        }
        let foreign = page.loads.iter().filter(|target| target.contains("://"));
        wrong.extend(foreign.map(|it| format!("{}: from another host: {it}", path.display())));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "links that lead nowhere:\n  {}",
        wrong.join("\n  ")
    ))
}

fn leads_somewhere(from: &Path, target: &str, pages: &BTreeMap<PathBuf, Page>) -> bool {
    // what is outside of the book is not asked
    if target.contains("://") || target.starts_with("mailto:") || target.starts_with("data:") {
        return true;
    }
    let (file, place) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => from.to_owned(),
        file => from.with_file_name(file),
    };
    if place.is_empty() {
        return path.is_file() || path.join("index.html").is_file();
    }
    pages
        .get(&path)
        .is_some_and(|page| page.places.contains(place))
}

/// Reads a page.
fn read(text: &str) -> Page {
    let mut page = Page::default();
    for Ok(token) in Tokenizer::new(text) {
        let Token::StartTag(tag) = token else {
            continue;
        };
        let attribute = |name: &str| {
            let value = tag.attributes.get(name.as_bytes())?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        page.places.extend(attribute("id"));
        match &**tag.name {
            b"a" => page.links.extend(attribute("href")),
            b"link" => page.loads.extend(attribute("href")),
            b"img" | b"script" | b"source" | b"iframe" => page.loads.extend(attribute("src")),
            _ => {}
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_named() -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        let text = "<a href=b.html>1</a><a href='b.html#there'>2</a><a href=#none>3</a>\
                    <a href=\"c.html\">4</a><img src=https://example.org/x.png>\
                    <a href=https://example.org>5</a>";
        write("a.html", text).map_err(|error| error.to_string())?;
        write("b.html", "<p id=there>").map_err(|error| error.to_string())?;
        let told = check(folder.path()).expect_err("three of them");
        let wrong: Vec<_> = told
            .lines()
            .skip(1)
            .map(|it| it.rsplit_once("a.html: "))
            .collect();
        let wrong: Vec<_> = wrong
            .into_iter()
            .flatten()
            .map(|(_, target)| target)
            .collect();
        assert_eq!(
            wrong,
            [
                "#none",
                "c.html",
                "from another host: https://example.org/x.png"
            ]
        );
        Ok(())
    }
}
