//! qemu: a kernel, an archive, two serial lines.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs::program;

use rseq_kit::machine::Machine;

use super::machine as emulated;

/// A machine needs 2 to 5 s to start and stop where the host is idle.
const START_AND_STOP: Duration = Duration::from_secs(180);

/// All its commands together, whatever each may take: a machine that hangs is
/// not waited for for hours.
const COMMANDS: Duration = Duration::from_secs(2400);

/// How much memory a machine has, in MiB, where nothing else is said.
pub const MEMORY: u32 = 768;

/// What of a machine can be chosen.
pub struct Hardware<'a> {
    /// As qemu calls it; that of its architecture where none is.
    pub processor: Option<&'a str>,
    /// How many of them.
    pub count: u32,
    /// In MiB.
    pub memory: u32,
}

/// What a machine has left behind.
pub struct Booted {
    /// The first serial line: the kernel's words.
    console: String,
    /// The second one: the results.
    pub results: Vec<u8>,
}

impl Booted {
    /// The end of what the kernel said: a panic, if there was one.
    pub fn last_words(&self) -> String {
        let lines: Vec<_> = self.console.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// Returns what qemu is told of a machine, whose results go to the file `results`; all but
/// its kernel and what that starts with.
pub fn arguments(machine: Machine, hardware: &Hardware, results: &Path) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|&word| word.to_owned()));
    add(emulated::hardware(machine));
    add(&["-accel", "tcg,thread=multi", "-cpu"]);
    add(&[hardware.processor.unwrap_or(emulated::processor(machine))]);
    add(&["-smp", &hardware.count.to_string()]);
    add(&["-m", &hardware.memory.to_string()]);
    add(&["-nodefaults", "-nographic", "-no-reboot"]);
    add(&["-append", emulated::kernel_arguments(machine)]);
    all.extend(emulated::lines(machine, &results.display().to_string()));
    all
}

/// Boots a machine and waits for its end.
///
/// qemu's exit status says nothing: it is 0 after a panic as well.
pub fn boot(
    machine: Machine,
    kernel: &Path,
    archive: &Path,
    hardware: &Hardware,
    commands: Duration,
) -> Result<Booted, String> {
    let results = archive.with_file_name("results");
    let finished = Program::with_callers_environment("nice")
        .args(["-n", "10"])
        .arg(program(emulated::qemu(machine))?)
        .args(arguments(machine, hardware, &results))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(archive)
        .limit(START_AND_STOP + commands.min(COMMANDS))
        .run();
    let console = match &finished {
        Ok(finished) => format!("{}\n{}", finished.out, finished.err),
        Err(error) => error.clone(),
    };
    Ok(Booted {
        console,
        results: fs::read(results).unwrap_or_default(),
    })
}
