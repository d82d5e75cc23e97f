//! How a report is written.

use super::column::PsColumn;
use crate::report::Screen;
use crate::report::choices::PsFormat;

/// How a report is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Style {
    /// In which format.
    pub format: PsFormat,
    /// Everything, for people.
    pub verbose: bool,
    /// The processes were named one by one.
    pub is_named: bool,
    /// Processes without certain findings are left out.
    pub is_narrowed: bool,
    /// The columns of the table for people.
    pub columns: Vec<PsColumn>,
    /// Nothing below the lines of that table, and no summary.
    pub only_table: bool,
    /// No heading.
    pub no_headers: bool,
    /// The terminal for which text is laid out.
    pub screen: Screen,
}

impl Default for Style {
    /// Returns the style of a report for people that is written to a file.
    fn default() -> Self {
        Self {
            format: PsFormat::Human,
            verbose: false,
            is_named: false,
            is_narrowed: false,
            columns: PsColumn::DEFAULT.to_vec(),
            only_table: false,
            no_headers: false,
            screen: Screen::PLAIN,
        }
    }
}
