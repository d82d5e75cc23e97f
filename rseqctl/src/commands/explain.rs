//! `rseqctl explain`.

use crate::error::Error;
use crate::exit::Status;
use crate::report::choices::DocumentFormat;
use crate::report::{Screen, StandardOutput, explain, lookup};

/// The checked arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The word; without one all are listed.
    pub word: Option<String>,
    /// How to print.
    pub format: DocumentFormat,
}

pub(super) fn run(request: &ExplainRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let meaning = request.word.as_deref().map(find).transpose()?;
    let screen = Screen::standard_output();
    let written = match (request.format, &meaning) {
        (DocumentFormat::Json, meaning) => explain::json(meaning.as_ref(), out),
        (DocumentFormat::Human, None) => explain::list(screen, out),
        (DocumentFormat::Human, Some(meaning)) => explain::explain(meaning, screen, out),
    };
    written.map_err(Error::Output)?;
    Ok(Status::Clean)
}

fn find(word: &str) -> Result<lookup::Meaning, Error> {
    lookup::find(word).ok_or_else(|| Error::UnknownWord {
        word: word.to_owned(),
        near: lookup::near(word),
    })
}
