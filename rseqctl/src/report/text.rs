//! Paths as text.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Returns a path for people: bytes that are no UTF-8 as `\xNN`, control characters
/// escaped, so that no file name can play tricks on a terminal.
pub(crate) fn printable(path: &Path) -> String {
    without_controls(&readable(path))
}

/// Returns a text on one line, control characters escaped.
pub(crate) fn without_controls(line: &str) -> String {
    let mut text = String::new();
    for character in line.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Returns what an error says, without its number: "Permission denied", not
/// "Permission denied (os error 13)".
pub(crate) fn cause(error: &io::Error) -> String {
    without_numbers(&error.to_string())
}

/// Returns what an error says and what its causes say, put together with colons and
/// without the system's numbers.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // writing to a String does not fail
        let _ = write!(message, ": {cause}");
        source = cause.source();
    }
    without_numbers(&message)
}

/// Returns a message without the numbers that std puts behind the system's errors.
pub(crate) fn without_numbers(message: &str) -> String {
    const START: &str = " (os error ";

    let mut text = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once(START) {
        let end = after.find(|letter: char| !letter.is_ascii_digit());
        text.push_str(before);
        rest = match end.map(|end| after.split_at(end)) {
            Some((number, end)) if !number.is_empty() && end.starts_with(')') => &end[1..],
            _ => {
                text.push_str(START);
                after
            }
        };
    }
    text.push_str(rest);
    text
}

/// Returns a path for machine formats, which escape by themselves: bytes that are no
/// UTF-8 as `\xNN`, everything else as it is.
pub(crate) fn readable(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // writing to a String does not fail
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Returns the bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // writing to a String does not fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn path(bytes: &[u8]) -> &Path {
        Path::new(OsStr::from_bytes(bytes))
    }

    #[test]
    fn a_cause_has_no_number() {
        let denied = io::Error::from_raw_os_error(13);
        assert_eq!(cause(&denied), "Permission denied");
        assert_eq!(cause(&io::Error::other("full")), "full");
        let rows = [
            ("a: No (os error 2); b: No (os error 13)", "a: No; b: No"),
            ("a (os error x)", "a (os error x)"),
            ("a (os error 2", "a (os error 2"),
        ];
        for (message, wanted) in rows {
            assert_eq!(without_numbers(message), wanted);
        }
    }

    #[test]
    fn every_path_has_a_text() {
        let rows: [(&[u8], &str, &str); 4] = [
            (b"/usr/lib", "/usr/lib", "/usr/lib"),
            ("/ü".as_bytes(), "/ü", "/ü"),
            (b"/a\xff\xc3b", r"/a\xff\xc3b", r"/a\xff\xc3b"),
            (b"/a\n\x1b[1m", "/a\n\x1b[1m", r"/a\n\u{1b}[1m"),
        ];
        for (bytes, readable_text, printable_text) in rows {
            assert_eq!(readable(path(bytes)), readable_text);
            assert_eq!(printable(path(bytes)), printable_text);
        }
    }
}
