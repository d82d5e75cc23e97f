//! The book: the pages of `docs` as HTML, made by mdBook.
//!
//! The pages stay as they are, for whoever reads them in a checkout. A copy of them is
//! arranged as a book, built, and its links are followed.

mod followed;
mod links;
mod pages;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::setup;
use crate::step::Steps;

/// What mdBook is told.
const SETTINGS: &str = r#"[book]
title = "One owner for rseq"
language = "en"

[build]
create-missing = false

[output.html]
no-section-label = true
default-theme = "light"
preferred-dark-theme = "navy"
additional-css = ["book.css"]

# which would ask another host
[output.html.playground]
runnable = false

[output.html.print]
enable = false
"#;

/// Tables as they can be read, on narrow screens, too; pictures keep their shape.
const STYLE: &str = "\
.content table { margin-inline: 0; }
.content table td { vertical-align: top; }
.content img { height: auto; }
@media (max-width: 620px) {
    .content table td, .content table th { padding: 3px 8px; }
}
";

/// Checks the pages, builds the book in a folder and follows its links.
///
/// # Errors
///
/// A link leads nowhere, or mdBook cannot be had or fails.
pub fn build(steps: &mut Steps, to: &Path) -> Result<(), String> {
    check_pages(steps)?;
    let mdbook = setup::mdbook(steps)?;
    make(steps, &mdbook, to)
}

/// As [`build`], or says why there is no mdBook here.
///
/// # Errors
///
/// A link leads nowhere, or mdBook fails.
pub fn build_or_skip(steps: &mut Steps, to: &Path) -> Result<(), String> {
    check_pages(steps)?;
    match setup::mdbook(steps) {
        Ok(mdbook) => make(steps, &mdbook, to),
        Err(reason) => {
            steps.skip("book", reason);
            Ok(())
        }
    }
}

fn check_pages(steps: &mut Steps) -> Result<(), String> {
    let root = steps.root().to_owned();
    steps.own("links of the pages", || links::check(&root))
}

/// Builds the book and follows its links.
fn make(steps: &mut Steps, mdbook: &Path, to: &Path) -> Result<(), String> {
    let root = steps.root().to_owned();
    let stage = tempfile::tempdir().map_err(|error| format!("a folder for the book: {error}"))?;
    arrange(&root, stage.path())?;
    // mdBook writes beside what is there
    if to.exists() {
        fs::remove_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    steps.run(
        "book",
        Command::new(mdbook)
            .arg("build")
            .arg(stage.path())
            .arg("--dest-dir")
            .arg(to)
            .env("MDBOOK_LOG", "warn"),
    )?;
    steps.own("links of the book", || followed::check(to))?;
    println!("{}", to.join("index.html").display());
    Ok(())
}

/// Writes what mdBook reads.
fn arrange(root: &Path, stage: &Path) -> Result<(), String> {
    pages::copy(root, &stage.join("src"))?;
    for (name, text) in [("book.toml", SETTINGS), ("book.css", STYLE)] {
        let path = stage.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
