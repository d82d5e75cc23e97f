//! `cargo xtask tidy`: the layout's rules, held to the source.
//!
//! A rule is a function from the sources to offences; each has a test that shows
//! it failing on a small tree. Where a rule is broken for the time being, it is
//! named in [`exceptions`] with the reason, and an exception that is not needed
//! any more is an offence itself.

mod arrows;
mod circles;
mod exceptions;
mod lines;
mod modules;
mod names;
mod offence;
mod rules;
#[cfg(test)]
mod sample;
mod workspace;

use std::fmt::Write as _;
use std::path::Path;

use offence::Offence;
use workspace::Workspace;

/// Holds the workspace at `root` to every rule.
///
/// # Errors
///
/// It cannot be read, or it breaks a rule: which, one in each line.
pub fn check(root: &Path) -> Result<(), String> {
    let workspace = Workspace::read(root)?;
    let offences = exceptions::apply(rules::check(&workspace), exceptions::EXCEPTIONS);
    if offences.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = offences.iter().map(Offence::to_string).collect();
    Err(format!(
        "the tree is not tidy (docs/style.md has the rules):\n{}",
        lines.join("\n")
    ))
}

/// Returns the arrows and circles of every target, as a text.
///
/// # Errors
///
/// The workspace cannot be read.
pub fn arrows_text(root: &Path) -> Result<String, String> {
    let workspace = Workspace::read(root)?;
    let mut text = String::new();
    for target in &workspace.targets {
        let arrows = circles::without_roots(target, arrows::arrows(target));
        if target.modules.len() < 2 {
            continue;
        }
        let of_modules = circles::of_modules(target, &arrows);
        let of_folders = circles::of_folders(target, &arrows);
        // writing to a String does not fail
        let _ = writeln!(
            text,
            "{}: {} modules, {} arrows, {} circles of modules, {} of folders",
            target.name,
            target.modules.len(),
            arrows.len(),
            of_modules.len(),
            of_folders.len()
        );
        for (room, others) in circles::of_rooms(target, &arrows) {
            let others: Vec<_> = others.into_iter().collect();
            let _ = writeln!(text, "  {room} -> {}", others.join(" "));
        }
        for circle in of_modules {
            let _ = writeln!(text, "  circle of modules: {}", circle.join(" "));
            for line in circles::within_modules(target, &arrows, &circle) {
                let _ = writeln!(text, "    {line}");
            }
        }
        for circle in of_folders {
            let _ = writeln!(text, "  circle of folders: {}", circle.join(" "));
            for line in circles::within_folders(target, &arrows, &circle) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    Ok(text)
}
