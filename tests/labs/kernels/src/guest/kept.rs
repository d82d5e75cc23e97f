//! Answers of a machine that was asked the same before: kept by the content of its kernel,
//! its files and its commands.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use rseq_kit::cache;

use super::{Guest, Kernel, Results, programs, results};

/// The file that holds what the machine wrote.
const FILE: &str = "results";

impl Guest {
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
        self.read(&place?)
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
        let mut content = DefaultHasher::new();
        let read =
            |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        kernel.package()?.sha256.hash(&mut content);
        self.processor.hash(&mut content);
        self.memory.hash(&mut content);
        self.commands.hash(&mut content);
        read(&programs::first(kernel.machine)?)?.hash(&mut content);
        // the last one of a place wins
        let files: BTreeMap<_, _> = self.files.iter().map(|(to, from)| (to, from)).collect();
        for (to, from) in files {
            to.hash(&mut content);
            read(from)?.hash(&mut content);
        }
        Ok(content.finish())
    }
}
