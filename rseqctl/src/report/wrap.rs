//! Text in lines that a terminal shows.

use std::io::{self, Write};

/// Columns of a line.
const WIDTH: usize = 80;

/// Writes text behind `start`, in lines of at most 80 columns below each other.
///
/// # Errors
///
/// Those of `out`.
pub fn wrapped(start: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{start}")?;
    let indent = start.chars().count();
    let mut column = indent;
    for word in text.split_ascii_whitespace() {
        let width = word.chars().count();
        if column > indent && column + 1 + width > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if column > indent {
            write!(out, " ")?;
            column += 1;
        }
        write!(out, "{word}")?;
        column += width;
    }
    writeln!(out)
}
