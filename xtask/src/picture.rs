//! The picture of the README: what docs/first-steps.md shows, as a terminal would.
//!
//! The page is kept true by the tests of the doctor, and the picture by the test below.

use std::fs;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anstyle_svg::Term;

/// Where it comes from, and where it is, from the workspace.
const PAGE: &str = "docs/first-steps.md";
const PICTURE: &str = "docs/first-steps.svg";

/// The sections of the page whose screens are shown.
const SECTIONS: [&str; 3] = ["## 1. ", "## 2. ", "## 4. "];

/// The least width, for a hundred columns.
const WIDTH_PX: usize = 900;

/// Draws it anew.
pub fn draw(root: &Path) -> Result<(), String> {
    let picture = drawn(&read(root, PAGE)?);
    let path = root.join(PICTURE);
    fs::write(&path, picture).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(root: &Path, name: &str) -> Result<String, String> {
    let path = root.join(name);
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The screens of a page, drawn.
fn drawn(page: &str) -> String {
    let mut screen = String::new();
    let mut is_shown = false;
    // an empty line belongs to a screen if the screen goes on
    let mut is_empty_before = false;
    for line in page.lines() {
        if line.starts_with("## ") {
            is_shown = SECTIONS.iter().any(|start| line.starts_with(start));
        }
        if let Some(line) = line.strip_prefix("    ").filter(|_| is_shown) {
            if is_empty_before && !screen.is_empty() {
                screen.push('\n');
            }
            screen.push_str(&coloured(line));
            screen.push('\n');
        }
        is_empty_before = line.is_empty();
    }
    Term::new().min_width_px(WIDTH_PX).render_svg(&screen)
}

/// A line in the colours that a terminal shows: those of the levels, and commands.
fn coloured(line: &str) -> String {
    let mark = |text: &str, style: Style| format!("{style}{text}{style:#}");
    if line.starts_with("$ ") {
        return mark(line, Style::new().bold());
    }
    let yellow = AnsiColor::Yellow.on_default();
    line.replacen("warning:", &mark("warning:", yellow), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_the_page_says() -> Result<(), String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let picture = drawn(&read(&root, PAGE)?);
        assert!(
            picture == read(&root, PICTURE)?,
            "{PICTURE} is older than {PAGE}: cargo xtask golden"
        );
        assert!(picture.contains("refused the registration"), "{picture}");
        Ok(())
    }
}
