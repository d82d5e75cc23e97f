//! A glibc that was built for another machine, in a guest: its own tests, and the
//! conformance suite.

use std::path::PathBuf;
use std::time::Duration;

use crate::Patched;
use crate::own_tests::OwnTest;
use crate::recorded;
use rseq_kit::child::Finished;
use rseq_lab_conformance::Owner;
use rseq_lab_kernels::guest::{Command, Guest, Kernel, Results, cross};
use rseq_lab_kernels::matrix::World;
use rseq_lab_kernels::matrix::machine::{self, Answers};

/// The owners that the suite is put to.
pub const OWNERS: [Owner; 2] = [Owner::Patched, Owner::PatchedPassive];

/// For one of glibc's tests, which ends by itself after 20 s times [`PATIENCE`].
const LIMIT: Duration = Duration::from_secs(660);
const PATIENCE: &str = "30";

/// What pthread_exit opens, which is no part of glibc.
const UNWINDER: &str = "libgcc_s.so.1";

/// One of glibc's own tests, and what it said.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The test.
    pub test: OwnTest,
    /// Its output, where it failed.
    pub why: String,
}

impl Patched {
    /// Runs its own tests in a machine with this kernel, or returns what came of them there
    /// before; with the comparison of its symbols, which was made when it was built.
    ///
    /// # Errors
    ///
    /// There are none for a guest, or it does not boot.
    pub fn own_tests_in(&self, kernel: &Kernel) -> Result<Vec<Ran>, String> {
        let kept = recorded::read(&self.folder)?;
        let place = |below: &PathBuf| kept.build.join(below).display().to_string();
        let mut guest = Guest::new();
        for (below, file) in &kept.files {
            guest = guest.file(&place(below), file);
        }
        guest = guest.file(&place(&UNWINDER.into()), &cross::library(UNWINDER)?);
        let built = kept.tests.iter().filter(|test| !test.words.is_empty());
        for test in built.clone() {
            let (program, arguments) = test.words.split_first().ok_or("a test without words")?;
            let mut command = Command::new(program).args(arguments).limit(LIMIT);
            for variable in &test.environment {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                command = command.env(name, value);
            }
            guest = guest.run(command.env("TIMEOUTFACTOR", PATIENCE));
        }
        let all_right = |ended: &Results| {
            let codes = ended
                .iter()
                .map(|ended| ended.as_ref().ok().map(Finished::code));
            let mut judged = codes.map(|code| recorded::judge("", code));
            judged.all(|test| test.is_right())
        };
        let mut ended = guest.boot_or_kept(kernel, all_right)?.into_iter();
        let mut all = Vec::new();
        for test in &kept.tests {
            let answer = if test.words.is_empty() {
                None
            } else {
                ended.next()
            };
            let (code, said) = match answer {
                Some(Ok(ended)) => (Some(ended.code()), format!("{}{}", ended.out, ended.err)),
                Some(Err(error)) => (Some(1), error),
                None => (None, "it was not built".to_owned()),
            };
            let test = recorded::judge(&test.name, code);
            let why = if test.is_right() { String::new() } else { said };
            all.push(Ran { test, why });
        }
        let lists = self.own_tests()?.into_iter();
        all.extend(lists.map(|test| Ran {
            test,
            why: String::new(),
        }));
        Ok(all)
    }

    /// Asks it everything in a machine with this kernel.
    ///
    /// # Errors
    ///
    /// The machine cannot be put together, or does not boot.
    pub fn ask_in(&self, kernel: &Kernel) -> Result<Vec<World>, String> {
        let answers = Answers::Kept { end: None };
        machine::ask_root(kernel, &self.root(), &OWNERS, answers).map(|told| told.worlds)
    }
}
