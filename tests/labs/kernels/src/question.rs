//! Questions to a guest whose answers are held to something.

use rseq_kit::child::Finished;
use rseq_kit::runner::{Outcome, none_of};

use crate::guest::{Command, Guest, Kernel};

/// What an answer is held to.
pub type Holds = Box<dyn Fn(&Finished) -> Result<(), String>>;

/// A question.
pub struct Question {
    /// What a failure calls it.
    pub name: String,
    /// What is run.
    pub command: Command,
    /// Says what is wrong with its answer, if anything is.
    pub holds: Holds,
}

/// Asks everything of one guest.
///
/// # Errors
///
/// It does not boot, or answers do not hold: all of them, by name.
pub fn ask_all(mut guest: Guest, kernel: &Kernel, questions: &[Question]) -> Outcome {
    for question in questions {
        guest = guest.run(question.command.clone());
    }
    guest.ask(kernel, |answers| {
        let answers = questions.iter().zip(answers);
        none_of(answers.filter_map(|(question, answer)| {
            let held = answer.and_then(|finished| {
                (question.holds)(&finished).map_err(|error| {
                    let Finished { status, out, err } = &finished;
                    format!("{error}\n {status}\n {out}\n {err}")
                })
            });
            let error = held.err()?;
            Some(format!("{}: {error}", question.name))
        }))
    })
}
