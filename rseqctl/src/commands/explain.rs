//! `rseqctl explain`.

use crate::error::Error;
use crate::exit::Status;
use crate::report::StandardOutput;
use crate::report::explain::{explain, find, list};

pub(super) fn run(word: Option<&str>, out: &mut StandardOutput) -> Result<Status, Error> {
    let written = match word {
        None => list(out),
        Some(word) => match find(word) {
            Some(entry) => explain(entry, out),
            None => return Err(unknown(word)),
        },
    };
    written.map_err(Error::Output)?;
    Ok(Status::Clean)
}

fn unknown(word: &str) -> Error {
    let mut known = Vec::new();
    // memory takes it all
    let _ = list(&mut known);
    Error::UnknownWord {
        word: word.to_owned(),
        known: String::from_utf8_lossy(&known).into_owned(),
    }
}
