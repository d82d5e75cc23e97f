//! A source tree of glibc and its build tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::recipe::{CONFIGURE, DEVELOPMENT, FOREIGN, HEADER, LIMIT, LINKER, SHARED, TOOLS};
use super::series::Series;
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;

/// A source tree and its build tree.
#[derive(Debug)]
pub struct Tree {
    /// The source.
    pub source: PathBuf,
    /// The build.
    pub build: PathBuf,
}

impl Tree {
    /// Unpacks and configures below `work`, with further options.
    pub(super) fn prepare(series: &Series, work: &Path, options: &[&str]) -> Result<Self, String> {
        for tool in TOOLS {
            program(tool)?;
        }
        let tree = Self {
            source: work.join("source"),
            build: work.join("build"),
        };
        fs::create_dir_all(&tree.build).map_err(|error| format!("{}: {error}", work.display()))?;
        series.unpack(&tree.source)?;
        let configure = tree.source.join("configure");
        let step = Program::new(configure).args(CONFIGURE).args(options);
        tree.run(step, "configure")?;
        Ok(tree)
    }

    /// The same for another machine, which this compiler's `target` names.
    pub(super) fn prepare_for(series: &Series, work: &Path, target: &str) -> Result<Self, String> {
        let host = format!("--host={target}");
        let options: Vec<_> = FOREIGN.into_iter().chain([&*host]).collect();
        Self::prepare(series, work, &options)
    }

    /// Builds all of it: the static programs and the own tests need more than the
    /// shared libraries.
    pub(super) fn make(&self) -> Result<(), String> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        self.run(Program::new("make").arg(format!("-j{jobs}")), "make")?;
        // without this name the new ld.so would find the system's libc
        let name = self.build.join("libc.so.6");
        if name.exists() {
            return Ok(());
        }
        std::os::unix::fs::symlink("libc.so", &name)
            .map_err(|error| format!("{}: {error}", name.display()))
    }

    /// Runs a step in the build tree.
    pub(super) fn run(&self, step: Program, name: &str) -> Result<(), String> {
        let done = step.directory(&self.build).limit(LIMIT).run()?;
        if done.code() == 0 {
            return Ok(());
        }
        let said = format!("{}\n{}", done.out, done.err);
        let lines: Vec<_> = said
            .lines()
            .filter(|line| {
                ["error: ", "***", "ld: "]
                    .iter()
                    .any(|it| line.contains(it))
            })
            .collect();
        let last = lines.len().saturating_sub(20);
        Err(format!("{name} failed:\n{}", lines[last..].join("\n")))
    }

    /// Copies what programs of `machine` run with and are linked with.
    pub(super) fn keep(&self, into: &Path, machine: Machine) -> Result<(), String> {
        let libraries = into.join("lib").join(machine.libraries());
        let development = into.join("usr/lib").join(machine.libraries());
        let headers = into.join("usr/include/sys");
        let copy = |from: PathBuf, to: PathBuf| {
            let parent = to.parent().unwrap_or(into);
            fs::create_dir_all(parent)
                .and_then(|()| fs::copy(&from, &to))
                .map(drop)
                .map_err(|error| format!("{}: {error}", from.display()))
        };
        for (name, soname) in SHARED {
            let from = self.build.join(name);
            // not every machine has vectors of that kind
            if machine.foreign().is_some() && !from.is_file() {
                continue;
            }
            let soname = if name == LINKER {
                machine.linker_name()
            } else {
                soname
            };
            copy(from, libraries.join(soname))?;
        }
        for from in DEVELOPMENT {
            let from = self.build.join(from);
            let name = from.file_name().unwrap_or_default().to_owned();
            copy(from, development.join(name))?;
        }
        let header = self.source.join(HEADER);
        if header.is_file() {
            copy(header, headers.join("rseq_abi.h"))?;
        }
        Ok(())
    }
}
