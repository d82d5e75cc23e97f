//! The pages, arranged as a book: which there are, in which order, and where their links
//! lead then.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The page that lists all others, in their order.
pub const CONTENTS: &str = "docs/README.md";

/// Pages before and after the list's, and what they are called in the book.
const FIRST: [(&str, &str); 2] = [("README.md", "index.md"), (CONTENTS, "contents.md")];
const LAST: [(&str, &str); 2] = [
    ("CHANGELOG.md", "changelog.md"),
    ("CONTRIBUTING.md", "contributing.md"),
];

/// A page: where it is in the checkout, and in the book.
pub struct Page {
    pub path: PathBuf,
    pub name: String,
    pub text: String,
}

/// Returns the pages in the book's order.
///
/// # Errors
///
/// One cannot be read.
pub fn all(root: &Path) -> Result<Vec<Page>, String> {
    let contents = read(&root.join(CONTENTS))?;
    let listed = links(&contents).into_iter().map(|link| {
        let name = link.target.clone();
        (format!("docs/{name}"), name)
    });
    let known = |(path, name): (&str, &str)| (path.to_owned(), name.to_owned());
    let paths = FIRST.into_iter().map(known).chain(listed);
    let paths = paths.chain(LAST.into_iter().map(known));
    let page = |(path, name): (String, String)| {
        let text = read(&root.join(&path))?;
        let path = path.into();
        Ok(Page { path, name, text })
    };
    paths.map(page).collect()
}

/// Copies the pages, with the links that they need in a book, and what lies beside them.
///
/// # Errors
///
/// Something cannot be read or written.
pub fn copy(root: &Path, to: &Path) -> Result<(), String> {
    copy_files(&root.join("docs"), to)?;
    let pages = all(root)?;
    let mut summary = String::new();
    for (place, page) in pages.iter().enumerate() {
        let lead = if place == 0 { "" } else { "- " };
        let _ = writeln!(summary, "{lead}[{}]({})\n", title(&page.text), page.name);
        write(&to.join(&page.name), &highlighted(&rewritten(page, &pages)))?;
    }
    write(&to.join("SUMMARY.md"), &summary)
}

/// Copies a folder's files that are no pages.
fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    let say = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(to).map_err(|error| say(to, error))?;
    let entries = fs::read_dir(from).map_err(|error| say(from, error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_files(&path, &target)?;
        } else if path.extension().is_none_or(|it| it != "md") {
            fs::copy(&path, &target).map_err(|error| say(&path, error))?;
        }
    }
    Ok(())
}

/// Returns the text of a page with links as the book needs them. One that leads out of
/// the book becomes its words.
fn rewritten(page: &Page, pages: &[Page]) -> String {
    let mut text = page.text.clone();
    // from the end on, so that places stay what they are
    for link in links(&page.text).into_iter().rev() {
        let Some((path, anchor)) = link.leads_to(&page.path) else {
            continue;
        };
        let of_page = pages.iter().find(|it| it.path == path);
        let file = path
            .strip_prefix("docs")
            .ok()
            .map(|it| it.to_string_lossy());
        let target = of_page.map(|it| it.name.clone().into()).or(file);
        let whole = &page.text[link.place.clone()];
        let new = match target {
            None => link.words.clone(),
            Some(target) => {
                let start = whole.rfind(&link.target).unwrap_or(whole.len());
                let end = start + link.target.len();
                let anchor = anchor.map(|it| format!("#{it}")).unwrap_or_default();
                format!("{}{target}{anchor}{}", &whole[..start], &whole[end..])
            }
        };
        text.replace_range(link.place, &new);
    }
    text
}

/// Languages of code that the book's highlighter calls otherwise, or does not know.
const LANGUAGES: [(&str, &str); 4] = [
    ("```make ", "```makefile "),
    ("```cmake ", "```text "),
    ("```meson ", "```text "),
    ("```bazel ", "```text "),
];

/// Calls the languages of a page's code as the highlighter does.
fn highlighted(text: &str) -> String {
    let mut new = String::new();
    for line in text.split_inclusive('\n') {
        match LANGUAGES.iter().find(|(ours, _)| line.starts_with(ours)) {
            Some((ours, theirs)) => new += &line.replacen(ours, theirs, 1),
            None => new += line,
        }
    }
    new
}

/// A link or a picture.
pub struct Link {
    pub target: String,
    /// What it shows, as it is written.
    pub words: String,
    /// Where it is in the text.
    pub place: Range<usize>,
}

impl Link {
    /// Returns the file that it leads to, from the workspace, and the heading in it, where
    /// it stays in the checkout.
    pub fn leads_to(&self, from: &Path) -> Option<(PathBuf, Option<&str>)> {
        if self.target.contains("://") || self.target.starts_with("mailto:") {
            return None;
        }
        let (file, anchor) = match self.target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor)),
            None => (&*self.target, None),
        };
        if file.is_empty() {
            return Some((from.to_owned(), anchor));
        }
        let mut path = PathBuf::new();
        for part in from.parent()?.join(file).components() {
            match part {
                Component::ParentDir => _ = path.pop(),
                Component::CurDir => {}
                part => path.push(part),
            }
        }
        Some((path, anchor))
    }
}

/// Returns the links and pictures of a page.
pub fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut words: Option<Range<usize>> = None;
    for (event, place) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                found.push(Link {
                    target: dest_url.into_string(),
                    words: String::new(),
                    place,
                });
                words = None;
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let link: Option<&mut Link> = found.iter_mut().rev().find(|it| it.place == place);
                if let (Some(link), Some(words)) = (link, words.take()) {
                    text[words].clone_into(&mut link.words);
                }
            }
            _ => {
                let start = words.as_ref().map_or(place.start, |words| words.start);
                words = Some(start..place.end);
            }
        }
    }
    found
}

/// Returns the headings of a page, as they are read.
pub fn headings(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_heading = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                is_heading = true;
                found.push(String::new());
            }
            Event::End(TagEnd::Heading(_)) => is_heading = false,
            Event::Text(words) | Event::Code(words) if is_heading => {
                if let Some(heading) = found.last_mut() {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns what a page is called.
fn title(text: &str) -> String {
    headings(text).into_iter().next().unwrap_or_default()
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, name: &str, text: &str) -> Page {
        Page {
            path: path.into(),
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn links_lead_to_the_same_pages_in_the_book() {
        let text = "![a](docs/a.svg) [`b`](docs/b.md#c) [out `there`](src/x.rs) \
                    [self](#here) <https://example.org> [web](https://example.org)\n";
        let pages = [
            page("README.md", "index.md", text),
            page("docs/b.md", "b.md", ""),
        ];
        assert_eq!(
            rewritten(&pages[0], &pages),
            "![a](a.svg) [`b`](b.md#c) out `there` [self](index.md#here) \
             <https://example.org> [web](https://example.org)\n"
        );
    }

    #[test]
    fn code_is_called_as_the_highlighter_does() {
        let text = "a\n```make x/Makefile\nall:\n```\n```c x.c\n```\n";
        assert!(highlighted(text).contains("\n```makefile x/Makefile\nall:\n```\n```c x.c\n"));
    }

    #[test]
    fn a_folder_above_is_found() {
        let link = &links("[x](../tests/README.md#y)")[0];
        let (path, anchor) = link.leads_to(Path::new("docs/a.md")).expect("a file");
        assert_eq!((path, anchor), ("tests/README.md".into(), Some("y")));
    }
}
