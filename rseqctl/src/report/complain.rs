//! A line on standard error.

use std::fmt;
use std::io::{self, Write as _};

use super::text::without_controls;

/// Writes to standard error what went wrong, or why something is not as asked.
/// Where that cannot be written (closed, a full disk) the line is lost and
/// everything goes on: the print macros would panic instead, and the command
/// would not be started.
pub fn complain(text: fmt::Arguments<'_>) {
    // names of files come in: none of them moves a terminal's cursor
    let text = without_controls(&text.to_string());
    let _ = writeln!(io::stderr(), "rseqctl: {text}");
}
