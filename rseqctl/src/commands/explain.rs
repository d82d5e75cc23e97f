//! `rseqctl explain`.

use tls_model::rules;

use crate::error::Error;
use crate::exit::Status;
use crate::report::StandardOutput;
use crate::report::explain::{explain, list};
use crate::report::glossary;

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct ExplainRequest {
    /// The rule, verdict or word of a report; without one all are listed.
    pub word: Option<String>,
}

pub(super) fn run(request: &ExplainRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let written = match request.word.as_deref() {
        None => list(out),
        Some(word) => match rules::find(word) {
            Some(rule) => explain(rule, out),
            None if glossary::meanings(word).next().is_some() => glossary::explain(word, out),
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
