//! The `main` of every test target: trials by name, each with what it needs.

mod entry;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Trial};

use crate::needs::Need;
use crate::scratch;
use entry::{Entry, missing};

pub use entry::Outcome;

/// A test that cannot run here fails instead of being skipped when this
/// environment variable is set: for machines that promise to have everything.
const REQUIRE: &str = "RSEQ_TESTS_REQUIRE";

/// The tests are run one after the other, and a table is printed, when this
/// environment variable is set (`cargo xtask lab`).
const TABLE: &str = "RSEQ_TESTS_TABLE";

/// Only the tests of these names are run, one a line, when this environment variable is
/// set (`cargo xtask test`, of a target whose other tests have passed on this tree).
const ONLY: &str = "RSEQ_TESTS_ONLY";

/// A test that has registered itself, by the attribute `rseq_kit::test`.
pub struct Test {
    /// The path of its module.
    pub module: &'static str,
    /// The name of its function.
    pub name: &'static str,
    /// What it needs of the machine.
    pub needs: fn() -> Vec<Need>,
    /// The test itself.
    pub body: fn() -> Outcome,
}

inventory::collect!(Test);

/// What a function of a test may return.
pub trait Ends {
    /// Returns the same as an outcome.
    ///
    /// # Errors
    ///
    /// What the test says.
    fn ends(self) -> Outcome;
}

impl Ends for Outcome {
    fn ends(self) -> Outcome {
        self
    }
}

/// It would have panicked.
impl Ends for () {
    fn ends(self) -> Outcome {
        Ok(())
    }
}

/// Passes where nothing is wrong, and else fails with all that is, a line each.
///
/// # Errors
///
/// Something is wrong.
pub fn none_of<Wrong: Into<String>>(wrong: impl IntoIterator<Item = Wrong>) -> Outcome {
    let wrong: Vec<String> = wrong.into_iter().map(Into::into).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}

/// The tests of one target.
#[derive(Default)]
pub struct Suite {
    entries: Vec<Entry>,
}

impl Suite {
    /// Returns an empty suite.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the tests of this target that have registered themselves.
    #[must_use]
    pub fn collected() -> Self {
        let mut suite = Self::new();
        let mut tests: Vec<_> = inventory::iter::<Test>().collect();
        tests.sort_unstable_by_key(|test| (test.module, test.name));
        for test in tests {
            let name = format!("{}::{}", test.module, test.name);
            suite.add(name, &(test.needs)(), test.body);
        }
        suite
    }

    /// Adds a test. Where the machine lacks one of the `needs` it is reported as
    /// ignored, with the reason, and never as passed.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        needs: &[Need],
        body: impl FnOnce() -> Outcome + Send + 'static,
    ) {
        self.entries.push(Entry {
            name: name.into(),
            needs: needs.to_vec(),
            body: Box::new(body),
        });
    }

    /// Runs what the command line asks for and says at the end what was skipped. As a
    /// laboratory it prints a table.
    #[must_use]
    pub fn run(mut self) -> ExitCode {
        if let Ok(names) = std::env::var(ONLY) {
            let is_one = |entry: &Entry| names.lines().any(|name| name == entry.name);
            self.entries.retain(is_one);
        }
        let arguments = Arguments::from_args();
        let code = if std::env::var_os(TABLE).is_some() {
            table::print(self.entries, &arguments)
        } else {
            tests(self.entries, &arguments)
        };
        scratch::remove();
        code
    }
}

/// Runs them as tests.
fn tests(entries: Vec<Entry>, arguments: &Arguments) -> ExitCode {
    let skipped: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let trials = entries.into_iter().map(|entry| {
        let skipped = Arc::clone(&skipped);
        let title = entry.name.clone();
        Trial::ignorable_test(entry.name, move || {
            let Some(reason) = missing(&entry.needs) else {
                return (entry.body)().map(|()| Completion::Completed);
            };
            if std::env::var_os(REQUIRE).is_some() {
                return Err(format!("{REQUIRE} is set: {reason}").into());
            }
            let mut skipped = skipped.lock().unwrap_or_else(PoisonError::into_inner);
            skipped.push((title, reason.clone()));
            Ok(Completion::ignored_with(reason))
        })
    });
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    let skipped = skipped.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, reason) in skipped.iter() {
        println!("skipped: {name}: {reason}");
    }
    conclusion.exit_code()
}
