//! Machines with another kernel: emulated, started with a few files and a list
//! of commands, and gone when the commands have run.
//!
//! A [`Guest`] is put together from files and [`Command`]s and booted on a
//! [`kernels::Kernel`] by qemu, without KVM. Its only process of its own is
//! `kernels/init.c`; there is no shell and no disk.

mod archive;
mod boot;
mod content;
pub mod cross;
mod kept;
pub mod kernels;
mod machine;
pub mod programs;
mod results;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Need, Prerequisite, program};
use rseq_kit::scratch;

pub use kernels::Kernel;
pub use machine::qemu;
pub use rseq_kit::machine::Machine;

/// An emulator, and this kernel to boot in it.
#[must_use]
pub fn need(kernel: Kernel) -> Need {
    Need::of(Emulated(kernel))
}

#[derive(Debug)]
struct Emulated(Kernel);

impl Prerequisite for Emulated {
    fn check(&self) -> Result<(), String> {
        let machine = self.0.machine;
        program(qemu(machine))?;
        match machine {
            Machine::X86_64 => Need::STATIC_LIBC.check()?,
            Machine::Aarch64 | Machine::S390x => cross::buildable(machine)?,
        }
        self.0.image().map(drop)
    }
}

/// How long a command may run when nothing else is said: emulated and on a busy
/// machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A command of a guest.
#[derive(Clone, Debug, Hash)]
pub struct Command {
    arguments: Vec<String>,
    environment: Vec<String>,
    limit: Duration,
}

impl Command {
    /// The program at `path` in the guest, with an empty environment.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            arguments: vec![path.to_owned()],
            environment: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Returns whether an argument or a variable has this text in it.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let mut words = self.arguments.iter().chain(&self.environment);
        words.any(|word| word.contains(text))
    }

    /// Sets how long it may run, in whole seconds.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// The files of the libraries that a program of this machine needs.
///
/// # Errors
///
/// ldd does not know.
pub fn libraries_of(command: &Path) -> Result<Vec<PathBuf>, String> {
    let needed = Program::new(program("ldd")?)
        .arg(command)
        .run()?
        .expect(0)?;
    let words = needed.out.split_whitespace();
    Ok(words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect())
}

/// A machine to boot.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// Where in the guest, and where here.
    files: Vec<(String, PathBuf)>,
    commands: Vec<Command>,
    processor: Option<String>,
    /// In MiB.
    memory: Option<u32>,
    /// One processor instead of two.
    single: bool,
}

/// How each command of a machine ended.
pub type Results = Vec<Result<Finished, String>>;

impl Guest {
    /// A machine without files and commands.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a copy of the file `from` at the absolute path `place`; the folders
    /// on the way are made. The last one of a place wins.
    #[must_use]
    pub fn file(mut self, place: &str, from: &Path) -> Self {
        self.files.push((place.to_owned(), from.to_owned()));
        self
    }

    /// Gives it the processor that qemu calls so.
    #[must_use]
    pub fn processor(mut self, name: &str) -> Self {
        self.processor = Some(name.to_owned());
        self
    }

    /// Gives it one processor instead of two: processes that take turns all the time need
    /// not wake each other across processors, which a busy host makes slow.
    #[must_use]
    pub fn with_one_processor(mut self) -> Self {
        self.single = true;
        self
    }

    /// Gives it so many MiB of memory, which its files take from.
    #[must_use]
    pub fn memory(mut self, size: u32) -> Self {
        self.memory = Some(size);
        self
    }

    /// Adds a command; they run in this order, one at a time.
    #[must_use]
    pub fn run(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// Boots the machine and tells how each of its commands ended, in order.
    ///
    /// # Errors
    ///
    /// The machine cannot be started, or did not get as far as the first
    /// command. A command has an error of its own where the machine went down
    /// before it had ended.
    pub fn boot(&self, kernel: &Kernel) -> Result<Vec<Result<Finished, String>>, String> {
        self.boot_for_bytes(kernel).map(|(results, _)| results)
    }

    fn hardware(&self) -> boot::Hardware<'_> {
        boot::Hardware {
            processor: self.processor.as_deref(),
            count: if self.single { 1 } else { 2 },
            memory: self.memory.unwrap_or(boot::MEMORY),
        }
    }

    /// Boots the machine; answers also what it wrote, as it is.
    fn boot_for_bytes(&self, kernel: &Kernel) -> Result<(Results, Vec<u8>), String> {
        let image = kernel.image()?;
        let folder = scratch::directory("guest")?;
        let archive = folder.join("initramfs");
        self.pack(kernel.machine, &archive)
            .map_err(|error| format!("{}: {error}", archive.display()))?;
        let limits = self.commands.iter().map(|command| command.limit);
        let limit = limits.sum();
        let once = || {
            let booted = boot::boot(kernel.machine, &image, &archive, &self.hardware(), limit)?;
            match results::read(&booted.results, self.commands.len()) {
                Ok(results) => Ok((results, booted.results)),
                Err(error) => {
                    let words = booted.last_words();
                    Err(format!("Linux {}: {error}\n{words}", kernel.name))
                }
            }
        };
        // emulated hardware does not always come up where the host is busy
        let results = once().or_else(|error| {
            eprintln!("{error}\nonce more:");
            once()
        });
        // tens of megabytes each
        let _ = std::fs::remove_file(&archive);
        results
    }
}
