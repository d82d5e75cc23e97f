//! `rseqctl ps --watch`: inspects again and again, until the last process has ended.

use std::io::{self, IsTerminal, Write};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::once::{PsRequest, once};
use crate::error::Error;
use crate::exit::Status;
use crate::process::Files;
use crate::report::StandardOutput;
use crate::sys::terminal::{self, Keys};

pub(super) fn run(
    request: &PsRequest,
    pause: Duration,
    files: &mut Files,
    out: &mut StandardOutput,
) -> Result<Status, Error> {
    let is_screen = io::stdout().is_terminal();
    let keys = is_screen.then(Keys::take).flatten();
    let mut had_any = false;
    let mut last = Status::Nothing;
    loop {
        let mut text = Vec::new();
        let tally = once(request, files, &mut text)?;
        let is_alive = tally.processes != 0;
        if is_alive || !had_any {
            last = tally.status(request.fail_on);
        }
        if is_screen {
            text = screen(&heading(pause, keys.is_some()), &text);
        }
        out.write_all(&text)
            .and_then(|()| out.flush())
            .map_err(Error::Output)?;
        // those that were asked for have ended, or there were none
        if out.is_closed() || (!is_alive && !request.selection.is_all()) {
            return Ok(last);
        }
        had_any = true;
        if wait(keys.as_ref(), pause) == Next::Quit {
            return Ok(last);
        }
    }
}

/// What comes after a pause.
#[derive(PartialEq, Eq)]
enum Next {
    Again,
    Quit,
}

/// Waits until the next inspection is due, or a key asks for it now.
fn wait(keys: Option<&Keys>, pause: Duration) -> Next {
    let Some(keys) = keys else {
        sleep(pause);
        return Next::Again;
    };
    match keys.wait(pause) {
        Some(b'q' | b'Q' | Keys::INTERRUPT) => Next::Quit,
        _ => Next::Again,
    }
}

/// Returns the first line of the screen.
fn heading(pause: Duration, has_keys: bool) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let keys = if has_keys {
        "; q quits, any other key looks again at once"
    } else {
        ""
    };
    let pause = humantime::format_duration(pause);
    format!("rseqctl ps: {now}, every {pause}{keys}")
}

/// Returns a terminal's screen; what does not fit is left out, and the last line says so.
fn screen(heading: &str, text: &[u8]) -> Vec<u8> {
    let (rows, columns) = terminal::size(io::stdout()).unwrap_or((24, 80));
    let text = String::from_utf8_lossy(text);
    let lines: Vec<_> = std::iter::once(heading).chain(text.lines()).collect();
    let room = rows.saturating_sub(1);
    // home, and each line is cleared behind its text
    let mut screen = String::from("\x1b[H");
    let shown = if lines.len() > room {
        room.saturating_sub(1)
    } else {
        lines.len()
    };
    for line in lines.iter().take(shown) {
        screen.push_str(&fitting(line, columns));
        screen.push_str("\x1b[0m\x1b[K\n");
    }
    if shown < lines.len() {
        let more = lines.len() - shown;
        let note = format!("... {more} more lines; --problems shows less");
        screen.push_str(&fitting(&note, columns));
        screen.push_str("\x1b[K\n");
    }
    screen.push_str("\x1b[J");
    screen.into_bytes()
}

/// Returns what of a line fits into the columns, with `…` where something is left out.
/// Colours take no columns.
fn fitting(line: &str, columns: usize) -> String {
    if textwrap::core::display_width(line) <= columns {
        return line.to_owned();
    }
    let mut kept = String::new();
    for letter in line.chars() {
        kept.push(letter);
        if textwrap::core::display_width(&kept) >= columns {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(fitting("\x1b[1mab\x1b[0m", 2), "\x1b[1mab\x1b[0m");
        assert_eq!(fitting("abcdef", 4), "abc…");
        assert_eq!(fitting("abcd", 4), "abcd");
    }
}
