//! The picture of the README: what docs/first-steps.md shows, as a terminal would.
//!
//! The page is kept true by the tests of the doctor.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use anstyle_svg::Term;

use super::table::read;

/// The sections of the page whose screens are shown.
const SECTIONS: [&str; 3] = ["## 1. ", "## 2. ", "## 4. "];

/// The least width, for a hundred columns.
const WIDTH_PX: usize = 900;

/// Draws the screens of the page.
pub fn drawn(root: &Path) -> Result<String, String> {
    let page = read(root, "docs/first-steps.md")?;
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
    Ok(Term::new().min_width_px(WIDTH_PX).render_svg(&screen))
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
