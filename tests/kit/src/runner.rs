//! The `main` of every test target: trials by name, each with what it needs.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::needs::Need;
use crate::scratch;

/// A test that cannot run here fails instead of being skipped when this
/// environment variable is set: for machines that promise to have everything.
const REQUIRE: &str = "RSEQ_TESTS_REQUIRE";

/// What a test returns: whatever went wrong, in words.
pub type Outcome = Result<(), Failed>;

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
    /// The same as an outcome.
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

/// The tests of one target.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    skipped: Arc<Mutex<Vec<(String, String)>>>,
}

impl Suite {
    /// An empty suite.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tests of this target that have registered themselves.
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
        let name = name.into();
        let needs = needs.to_vec();
        let skipped = Arc::clone(&self.skipped);
        let title = name.clone();
        self.trials.push(Trial::ignorable_test(name, move || {
            let missing = needs.iter().find_map(|need| need.check().err());
            let Some(reason) = missing else {
                return body().map(|()| Completion::Completed);
            };
            if std::env::var_os(REQUIRE).is_some() {
                return Err(format!("{REQUIRE} is set: {reason}").into());
            }
            let mut skipped = skipped.lock().unwrap_or_else(PoisonError::into_inner);
            skipped.push((title, reason.clone()));
            Ok(Completion::ignored_with(reason))
        }));
    }

    /// Runs what the command line asks for and says at the end what was skipped.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let conclusion = libtest_mimic::run(&Arguments::from_args(), self.trials);
        let skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, reason) in skipped.iter() {
            println!("skipped: {name}: {reason}");
        }
        scratch::remove();
        conclusion.exit_code()
    }
}
