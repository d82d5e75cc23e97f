//! What glibc asks of a patch, as far as a program can see it: the form of the
//! message, the lines that it adds, the head of new files.

use super::series::{Patch, Series};

/// What a subject may begin with.
const AREAS: [&str; 6] = ["Linux", "csu", "elf", "manual", "nptl", "posix"];

/// Macros that glibc writes without a space before the parenthesis.
const TIGHT: [&str; 9] = [
    "GL",
    "GLRO",
    "N_",
    "_",
    "ELFW",
    "ElfW",
    "THREAD_DTV",
    "$",
    "STRINGIFY_1",
];

/// Width of a line of code, and of a message.
const CODE: usize = 79;
const MESSAGE: usize = 74;

/// Everything wrong with the patches for this base, one line each.
///
/// # Errors
///
/// There is no such base.
pub fn check(base: &str) -> Result<Vec<String>, String> {
    let series = Series::read(base)?;
    let mut wrong = of_series(&series);
    if series.patches.is_empty() {
        wrong.push(format!("{base}: no patches"));
    }
    wrong.extend(of_series(&Series::for_upstream(base)?));
    Ok(wrong)
}

fn of_series(series: &Series) -> Vec<String> {
    let count = series.patches.len();
    let mut wrong = Vec::new();
    for (index, patch) in series.patches.iter().enumerate() {
        let name = format!("{}/{}", series.base, patch.name());
        let mut say = |line: &str| wrong.push(format!("{name}: {line}"));
        message(patch, index + 1, count, &mut say);
        added(patch, &mut say);
    }
    wrong
}

fn message(patch: &Patch, number: usize, count: usize, say: &mut impl FnMut(&str)) {
    if !patch.name().starts_with(&format!("{number:04}-")) {
        say("its number is not its place");
    }
    let (head, rest) = patch.text.split_once("\n\n").unwrap_or_default();
    let subject = head
        .split_once("\nSubject: ")
        .map_or("", |(_, subject)| subject);
    let subject = subject.replace("\n ", " ");
    let Some(subject) = subject.strip_prefix(&format!("[PATCH {number}/{count}] ")) else {
        say("the subject does not say which patch of how many it is");
        return;
    };
    match subject.split_once(": ") {
        Some((area, what)) => {
            if !AREAS.contains(&area) {
                say(&format!("unknown area {area:?}"));
            }
            if !what.starts_with(|first: char| first.is_uppercase()) || what.ends_with('.') {
                say("the subject is a sentence without its full stop");
            }
        }
        None => say("the subject does not begin with an area"),
    }
    if subject.chars().count() > MESSAGE {
        say("the subject is too long");
    }
    let Some((body, _)) = rest.split_once("\n---\n") else {
        say("no diffstat");
        return;
    };
    let (why, trailer) = body.rsplit_once("\n\n").unwrap_or((body, ""));
    if !trailer.starts_with("Signed-off-by: ") {
        say("not signed off");
    }
    if why.lines().count() < 3 {
        say("does not say why");
    }
    for line in why.lines().filter(|line| line.chars().count() > MESSAGE) {
        say(&format!("long line in the message: {line}"));
    }
}

fn added(patch: &Patch, say: &mut impl FnMut(&str)) {
    let mut file = "";
    let mut is_new = false;
    let mut content: Vec<&str> = Vec::new();
    for line in patch.text.lines().chain(["diff end"]) {
        if line.starts_with("diff ") {
            if is_new {
                head(file, &content, say);
            }
            (file, is_new) = ("", false);
            content.clear();
        } else if line.starts_with("new file mode") {
            is_new = true;
        } else if let Some(name) = line.strip_prefix("+++ b/") {
            file = name;
        } else if let (Some(text), false) = (line.strip_prefix('+'), file.is_empty()) {
            content.push(text);
            for wrong in of_line(file, text) {
                say(&format!("{file}: {wrong}: {text}"));
            }
        }
    }
}

fn of_line(file: &str, text: &str) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if text.ends_with([' ', '\t']) {
        wrong.push("space at the end");
    }
    if text.contains(" \t") {
        wrong.push("space before a tab");
    }
    if width(text) > CODE && !file.ends_with("abilist") {
        wrong.push("longer than 79 columns");
    }
    let is_c = [".c", ".h"].iter().any(|end| file.ends_with(end));
    if is_c && !text.starts_with('#') && is_tight(text) {
        wrong.push("no space before the parenthesis");
    }
    wrong
}

/// With tab stops every eight columns.
fn width(text: &str) -> usize {
    text.chars().fold(0, |column, letter| match letter {
        '\t' => (column / 8 + 1) * 8,
        _ => column + 1,
    })
}

/// Whether a name is followed by a parenthesis at once, outside of strings and
/// comments.
fn is_tight(text: &str) -> bool {
    let is_comment = ["/*", "   ", "* "].iter().any(|start| {
        text.trim_start_matches('\t').starts_with(start)
            && !text.contains(';')
            && (text.contains("/*") || text.contains("*/") || !text.contains('"'))
            && text
                .trim_start()
                .starts_with(|first: char| first.is_uppercase())
    });
    if is_comment || text.trim_start().starts_with("/*") {
        return false;
    }
    let mut code = String::new();
    for (index, piece) in text.split('"').enumerate() {
        if index % 2 == 0 {
            code += piece;
        }
    }
    code.match_indices('(').any(|(place, _)| {
        let before: String = code[..place]
            .chars()
            .rev()
            .take_while(|letter| letter.is_alphanumeric() || "_$".contains(*letter))
            .collect();
        let name: String = before.chars().rev().collect();
        !name.is_empty() && !TIGHT.contains(&&*name)
    })
}

/// A new file of code begins with what it is, the copyright and the licence. One
/// that only includes another needs none.
fn head(file: &str, content: &[&str], say: &mut impl FnMut(&str)) {
    let is_code = [".c", ".h", ".S"].iter().any(|end| file.ends_with(end));
    if !is_code || content.len() < 6 {
        return;
    }
    if !content[0].starts_with("/* ") || !content[0].ends_with('.') {
        say(&format!("{file}: the first line does not say what it is"));
    }
    // who signs a patch off keeps the copyright
    if content.get(1) != Some(&"   Copyright The GNU Toolchain Authors.") {
        say(&format!("{file}: no copyright line"));
    }
    if content.get(2) != Some(&"   This file is part of the GNU C Library.") {
        say(&format!("{file}: does not say that it is part of glibc"));
    }
    if !content
        .iter()
        .any(|line| line.contains("GNU Lesser General Public"))
    {
        say(&format!("{file}: no licence"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert!(of_line("a.c", "  call (x, GL(y), \"f(x)\");").is_empty());
        assert_eq!(of_line("a.c", "  call(x);").len(), 1);
        assert_eq!(of_line("a.c", "x ").len(), 1);
        assert_eq!(of_line("a.c", "  \tx").len(), 1);
        assert_eq!(of_line("a.c", &"\t".repeat(10)).len(), 2);
        assert!(of_line("libc.abilist", &"x".repeat(90)).is_empty());
    }

    #[test]
    fn messages() {
        let text = "From 0\nFrom: A\nDate: B\nSubject: [PATCH 1/1] elf: Do it\n\n\
            One.\nTwo.\nThree.\n\nSigned-off-by: A\n---\n a | 1 +\n";
        let wrong = |text: &str| {
            let patch = Patch {
                path: "0001-x.patch".into(),
                text: text.into(),
            };
            let mut wrong = Vec::new();
            message(&patch, 1, 1, &mut |line| wrong.push(line.to_owned()));
            wrong
        };
        assert!(wrong(text).is_empty());
        for (from, to) in [
            ("elf: ", ""),
            ("elf: ", "other: "),
            ("Do it", "Do it."),
            ("Signed-off-by", "Seen-by"),
            ("1/1", "1/2"),
            ("Two.\nThree.\n", ""),
        ] {
            assert!(!wrong(&text.replace(from, to)).is_empty(), "{from} {to}");
        }
    }
}
