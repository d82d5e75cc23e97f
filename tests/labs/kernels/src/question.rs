//! Questions to a guest whose answers are held to something.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::runner::{Outcome, Suite, none_of};

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

/// Runs a suite that `fill` puts together; what is wrong with that is told.
pub fn run_suite(fill: impl FnOnce(&mut Suite) -> Result<(), String>) -> ExitCode {
    let mut suite = Suite::new();
    match fill(&mut suite) {
        Ok(()) => suite.run(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Holds where `run` has refused a program for its critical sections.
///
/// # Errors
///
/// It was started, or refused for something else.
pub fn refused_for_sections(finished: &Finished) -> Result<(), String> {
    let refuses = finished.code() == 125 && finished.out.is_empty();
    if refuses && finished.err.contains("critical sections") {
        Ok(())
    } else {
        Err("it was not refused for its critical sections".to_owned())
    }
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
