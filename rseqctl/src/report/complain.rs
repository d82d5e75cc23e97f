//! A line on standard error.

use std::fmt;
use std::io::{self, Write as _};

use super::Screen;
use super::style::COMMAND;
use super::text::{without_controls, without_numbers};

/// Writes to standard error what went wrong, or why something is not as asked.
/// Where that cannot be written (closed, a full disk) the line is lost and
/// everything goes on: the print macros would panic instead, and the command
/// would not be started.
pub fn complain(text: fmt::Arguments<'_>) {
    // names of files come in: none of them moves a terminal's cursor
    let text = without_controls(&without_numbers(&text.to_string()));
    let screen = Screen::standard_error();
    let start = format!("{} ", screen.styled(COMMAND, "rseqctl:"));
    let mut lines = Vec::new();
    // memory takes it all
    let _ = screen.message(&start, &text, &mut lines);
    let _ = io::stderr().write_all(&lines);
}
