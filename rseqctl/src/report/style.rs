//! The colours of text for people, those of `--help` too.

use anstyle::{AnsiColor, Style};
use clap::builder::Styles;
use tls_model::rules::Level;

/// The heading of a table or a list.
pub(crate) const HEADING: Style = Style::new().bold().underline();

/// What can be typed.
pub(crate) const COMMAND: Style = Style::new().bold();

/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// Returns the style of a level.
pub(crate) const fn of_level(level: Level) -> Style {
    match level {
        Level::Error => ERROR,
        Level::Warning => WARNING,
        Level::Note => NOTE,
    }
}

/// The styles of help and of errors about the command line.
pub(crate) const OF_HELP: Styles = Styles::styled()
    .header(HEADING)
    .usage(HEADING)
    .literal(COMMAND)
    .placeholder(Style::new())
    .error(ERROR)
    .valid(GOOD)
    .invalid(WARNING);
