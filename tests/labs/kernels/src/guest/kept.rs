//! Answers of a machine that was asked the same before: kept by the content of its kernel,
//! its files and its commands.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::program;

use super::{Guest, Kernel, Machine, Results, boot, content, programs, qemu, results};

/// The variable that has every machine booted, if it is `fresh`.
const GUESTS: &str = "RSEQ_GUESTS";

/// The file that holds what the machine wrote.
const FILE: &str = "results";

impl Guest {
    /// Asks the machine, and has `judge` look at its answers. A machine that did all of this
    /// before, and was judged to be right, is not booted again: its answers are judged.
    ///
    /// # Errors
    ///
    /// As [`Guest::boot_or_kept`], or what `judge` says.
    pub fn ask<T, E: From<String>>(
        &self,
        kernel: &Kernel,
        judge: impl Fn(Results) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut judged = None;
        let results = self.boot_or_kept(kernel, |results| {
            judged.insert(judge(results.clone())).is_ok()
        })?;
        judged.unwrap_or_else(|| judge(results))
    }

    /// As [`Guest::boot`]; a machine that did all of this before is not booted again. Only
    /// the answers of one that got to its end, and that are `good`, are kept.
    ///
    /// # Errors
    ///
    /// As there, or a file cannot be read.
    pub fn boot_or_kept(
        &self,
        kernel: &Kernel,
        good: impl FnOnce(&Results) -> bool,
    ) -> Result<Results, String> {
        if env::var_os(GUESTS).is_some_and(|guests| guests == "fresh") {
            let results = self.boot(kernel)?;
            // whoever asks learns of it from the answers
            let _ = good(&results);
            return Ok(results);
        }
        let mut all = None;
        let place = cache::kept(&self.name(kernel)?, |into| {
            let (results, bytes) = self.boot_for_bytes(kernel)?;
            let is_kept = results.iter().all(Result::is_ok) && good(&results);
            all = Some(results);
            if is_kept {
                let path = into.join(FILE);
                fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
            } else {
                Err("not to be kept".to_owned())
            }
        });
        // whether they are kept or not
        if let Some(results) = all {
            return Ok(results);
        }
        let place = place?;
        println!("Linux {}: answers kept in {}", kernel.name, place.display());
        self.read(&place)
    }

    /// The answers of a machine that did all of this before, if there was one.
    ///
    /// # Errors
    ///
    /// They, or one of its files, cannot be read.
    pub fn kept(&self, kernel: &Kernel) -> Result<Option<Results>, String> {
        let place = cache::made(&self.name(kernel)?)?;
        place.map(|place| self.read(&place)).transpose()
    }

    fn read(&self, place: &Path) -> Result<Results, String> {
        let path = place.join(FILE);
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        results::read(&bytes, self.commands.len())
    }

    /// The name that its answers are kept under.
    fn name(&self, kernel: &Kernel) -> Result<String, String> {
        let content = self.content(kernel)?;
        let (machine, kernel) = (kernel.machine.name(), kernel.name);
        Ok(format!("guest-{machine}-{kernel}-{content:016x}"))
    }

    /// A number that changes with everything that may decide the answers.
    fn content(&self, kernel: &Kernel) -> Result<u64, String> {
        let mut hasher = DefaultHasher::new();
        let read =
            |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        kernel.package()?.sha256.hash(&mut hasher);
        emulator(kernel.machine)?.hash(&mut hasher);
        // wherever the files are
        boot::arguments(kernel.machine, &self.hardware(), Path::new("")).hash(&mut hasher);
        self.commands.hash(&mut hasher);
        content::hash(&read(&programs::first(kernel.machine)?)?, &mut hasher);
        // the last one of a place wins
        let files: BTreeMap<_, _> = self.files.iter().map(|(to, from)| (to, from)).collect();
        for (to, from) in files {
            to.hash(&mut hasher);
            content::hash(&read(from)?, &mut hasher);
        }
        Ok(hasher.finish())
    }
}

/// What the emulator of a machine says of itself: its version.
fn emulator(machine: Machine) -> Result<String, String> {
    let said = Program::with_callers_environment(program(qemu(machine))?)
        .arg("--version")
        .run()?;
    Ok(said.expect(0)?.out)
}
