//! The terminal that text for people is written to: how wide it is, and whether
//! it shows colours. Everything that is for people goes through here, and nothing
//! that is for machines does.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Row, Table};
use textwrap::{Options, WordSeparator, WordSplitter};
use tls_model::rules::Level;

use super::style;
use crate::sys::terminal;

/// The most columns of a line of prose: longer ones are hard to read.
const MAX_TEXT: usize = 100;

/// Columns where nothing tells how many there are.
const DEFAULT_TEXT: usize = 80;

/// What is known of the terminal.
///
/// ```
/// use rseqctl::report::Screen;
///
/// let mut text = Vec::new();
/// Screen::PLAIN.paragraph("  to do: ", &"word ".repeat(20), &mut text)?;
/// let text = String::from_utf8(text).expect("text");
/// let lines: Vec<_> = text.lines().collect();
/// assert!(lines[0].starts_with("  to do: word word"));
/// assert!(lines[1].starts_with("         word"));
/// assert!(lines.iter().all(|line| line.len() <= 80));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Its columns; `None` where the output is no terminal.
    columns: Option<usize>,
    is_coloured: bool,
}

impl Screen {
    /// A file or a pipe: lines of prose have 80 columns, those of tables are not cut,
    /// and there are no colours.
    pub const PLAIN: Self = Self {
        columns: None,
        is_coloured: false,
    };

    /// Returns what is known of standard output. Colours are as asked for with
    /// `--color`; else `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM` decide.
    #[must_use]
    pub fn standard_output() -> Self {
        let out = io::stdout();
        Self {
            columns: terminal::size(&out).map(|(_, columns)| columns),
            is_coloured: AutoStream::choice(&out) != ColorChoice::Never,
        }
    }

    /// Returns what is known of standard error.
    #[must_use]
    pub fn standard_error() -> Self {
        let err = io::stderr();
        Self {
            columns: err
                .is_terminal()
                .then(|| terminal::size(&err).map_or(DEFAULT_TEXT, |(_, columns)| columns)),
            is_coloured: AutoStream::choice(&err) != ColorChoice::Never,
        }
    }

    /// Returns the same, of a terminal that is as wide as anybody likes: no line of a
    /// table is cut.
    #[must_use]
    pub fn without_cuts(mut self) -> Self {
        self.columns = None;
        self
    }

    /// Returns whether it is a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        self.columns.is_some()
    }

    /// Returns columns of a line of prose.
    fn text_columns(self) -> usize {
        self.columns
            .map_or(DEFAULT_TEXT, |columns| columns.clamp(40, MAX_TEXT))
    }

    /// Returns the text in a style, where there are colours.
    pub(crate) fn styled<T: Display>(self, style: Style, text: T) -> Styled<T> {
        let style = if self.is_coloured {
            style
        } else {
            Style::new()
        };
        Styled { style, text }
    }

    /// Returns the name of a level in its colour.
    pub(crate) fn level(self, level: Level) -> Styled<&'static str> {
        self.styled(style::of_level(level), level.name())
    }

    /// Writes text behind `start`, in lines that fit, below each other.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn paragraph(self, start: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
        let indent = " ".repeat(textwrap::core::display_width(start));
        self.hanging(start, &indent, text, out)
    }

    /// Writes text behind `start`, in lines that fit, each further one behind `indent`.
    /// A word that is longer than a line stays whole: it may be a path to be copied.
    pub(crate) fn hanging(
        self,
        start: &str,
        indent: &str,
        text: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let options = Options::new(self.text_columns())
            .initial_indent(start)
            .subsequent_indent(indent)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return writeln!(out, "{}", start.trim_end());
        }
        for line in textwrap::wrap(&text, options) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// Writes a message behind `start`: in lines that fit on a terminal, on one line
    /// elsewhere, for whoever searches it line by line.
    pub(crate) fn message(self, start: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
        if self.is_terminal() {
            let indent = start.len() - start.trim_start().len();
            let indent = " ".repeat(indent + 2);
            self.hanging(start, &indent, text, out)
        } else {
            writeln!(out, "{start}{text}")
        }
    }

    /// Writes a line of a table of names and texts: in lines that fit on a terminal, all
    /// texts below each other; on one line elsewhere.
    pub(crate) fn entry(self, start: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
        if self.is_terminal() {
            self.paragraph(start, text, out)
        } else {
            writeln!(out, "{start}{text}")
        }
    }

    /// Returns a text that has lines already: on a terminal, what does not fit goes on in
    /// the next one. Colours take no columns.
    pub(crate) fn fitted(self, text: &str) -> String {
        let Some(columns) = self.columns else {
            return text.to_owned();
        };
        let options = Options::new(columns)
            .subsequent_indent("  ")
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        let mut fitted = String::new();
        for line in text.lines() {
            if textwrap::core::display_width(line) > columns {
                fitted += &textwrap::fill(line, &options);
            } else {
                fitted += line;
            }
            fitted.push('\n');
        }
        fitted
    }

    /// Returns the lines of a table, that of the heading first: two spaces between
    /// columns, and the last column cut with `…` where a terminal ends.
    pub(crate) fn table<'a>(
        self,
        columns: &[Column],
        rows: impl IntoIterator<Item = &'a [String]>,
    ) -> Vec<String> {
        let mut table = Table::new();
        table
            .load_preset(comfy_table::presets::NOTHING)
            .set_truncation_indicator("…");
        match self.columns {
            Some(width) => table
                .set_width(u16::try_from(width).unwrap_or(u16::MAX))
                .set_content_arrangement(ContentArrangement::Dynamic),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let heading = Row::from(columns.iter().map(|column| column.name));
        let rows = rows.into_iter().map(|cells| Row::from(cells.iter()));
        for mut row in std::iter::once(heading).chain(rows) {
            row.max_height(1);
            table.add_row(row);
        }
        let last = columns.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            // cut where the room ends, not where a word does
            column.set_delimiter('\0');
            column.set_padding((0, if index == last { 0 } else { 2 }));
            if index != last {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if columns.get(index).is_some_and(|column| column.is_number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines = table.lines();
        lines.map(|line| line.trim_end().to_owned()).collect()
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: &'static str,
    /// Its cells stand at the right.
    pub(crate) is_number: bool,
}

/// A text in a style.
pub(crate) struct Styled<T> {
    style: Style,
    text: T,
}

impl<T: Display> Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = self.style;
        write!(f, "{style}{}{style:#}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [
        Column {
            name: "PID",
            is_number: true,
        },
        Column {
            name: "PROGRAM",
            is_number: false,
        },
    ];

    fn rows() -> Vec<Vec<String>> {
        vec![
            vec![
                "7".to_owned(),
                "mongod --config /etc/mongod.conf".to_owned(),
            ],
            vec!["12345".to_owned(), "sh".to_owned()],
        ]
    }

    #[test]
    fn only_a_terminal_cuts_a_table() {
        let rows = rows();
        let rows = || rows.iter().map(Vec::as_slice);
        let lines = Screen::PLAIN.table(&COLUMNS, rows());
        let whole = [
            "  PID  PROGRAM",
            "    7  mongod --config /etc/mongod.conf",
            "12345  sh",
        ];
        assert_eq!(lines, whole);
        let narrow = Screen {
            columns: Some(20),
            is_coloured: false,
        };
        let lines = narrow.table(&COLUMNS, rows());
        assert_eq!(lines[1], "    7  mongod --con…");
        assert_eq!(narrow.without_cuts().table(&COLUMNS, rows()), whole);
    }

    #[test]
    fn words_longer_than_a_line_stay_whole() {
        let long = "/".repeat(120);
        let mut text = Vec::new();
        let written = Screen::PLAIN.paragraph("seen: ", &format!("a {long} b"), &mut text);
        assert!(written.is_ok());
        assert_eq!(
            String::from_utf8_lossy(&text),
            format!("seen: a\n      {long}\n      b\n")
        );
    }

    #[test]
    fn colours_only_where_there_are_some() {
        let screen = Screen {
            columns: Some(80),
            is_coloured: true,
        };
        assert!(screen.level(Level::Error).to_string().contains("\x1b["));
        assert_eq!(Screen::PLAIN.level(Level::Error).to_string(), "error");
    }
}
