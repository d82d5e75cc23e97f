//! What the shim costs: the same C programs in several worlds, in turn, so that
//! what the machine does meanwhile befalls all of them; and counted in
//! instructions, which a busy machine does not change.

mod count;
mod start;
mod table;
mod time;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Steps;

/// Who registers, and with which preload.
struct World {
    name: &'static str,
    libc_registers: bool,
    preload: Preload,
}

#[derive(Clone, Copy)]
enum Preload {
    Nothing,
    /// A library with nothing in it.
    Empty,
    /// The shim in this mode.
    Shim(&'static str),
}

/// The first one is the floor that the others are measured against.
const WORLDS: [World; 4] = [
    World {
        name: "glibc registers, no shim",
        libc_registers: true,
        preload: Preload::Nothing,
    },
    World {
        name: "glibc registers, shim passive",
        libc_registers: true,
        preload: Preload::Shim("auto"),
    },
    World {
        name: "nobody registers, no shim",
        libc_registers: false,
        preload: Preload::Nothing,
    },
    World {
        name: "the shim registers",
        libc_registers: false,
        preload: Preload::Shim("own"),
    },
];

/// What is measured, and with what.
struct Bench<'a> {
    /// `tests/bench/cost.c`, built.
    cost: PathBuf,
    /// `tests/bench/start.c`, built.
    start: PathBuf,
    /// Libraries to open, and the program's RUNPATH.
    folder: PathBuf,
    empty: PathBuf,
    shim: &'a Path,
    /// `tests/src/bin/instructions.rs`, built.
    counter: PathBuf,
}

impl Bench<'_> {
    /// The variables that make a world.
    fn variables(&self, world: &World) -> Vec<(&'static str, String)> {
        let registers = u8::from(world.libc_registers);
        let mut variables = vec![("GLIBC_TUNABLES", format!("glibc.pthread.rseq={registers}"))];
        match world.preload {
            Preload::Nothing => {}
            Preload::Empty => variables.push(("LD_PRELOAD", self.empty.display().to_string())),
            Preload::Shim(mode) => {
                variables.push(("LD_PRELOAD", self.shim.display().to_string()));
                variables.push(("RSEQ_SHIM_MODE", mode.to_owned()));
            }
        }
        variables
    }
}

/// Prints all tables.
pub fn run(steps: &mut Steps, shim: &Path) -> Result<(), String> {
    let bench = build(steps, shim)?;
    println!("Time, nanoseconds:\n\n{}", time::table(&bench)?);
    println!("Time of a start, nanoseconds:\n\n{}", start::table(&bench)?);
    println!("Instructions in user space:\n\n{}", count::table(&bench)?);
    for library in [shim.to_path_buf(), shim.with_file_name("librseq_abi.so")] {
        let bytes = std::fs::metadata(&library)
            .map_err(|error| format!("{}: {error}", library.display()))?
            .len();
        let name = library.file_name().unwrap_or_default();
        println!("{}: {bytes} bytes", name.display());
    }
    Ok(())
}

fn build<'a>(steps: &mut Steps, shim: &'a Path) -> Result<Bench<'a>, String> {
    let sources = steps.root().join("tests/bench");
    let folder = steps.target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut cc = |options: &[&str], from: &str, to: &str| {
        let target = folder.join(to);
        let done = steps.run(
            &format!("build {to}"),
            Command::new("cc")
                .arg("-O2")
                .args(options)
                .arg("-o")
                .arg(&target)
                .arg(sources.join(from)),
        );
        done.map(|()| target)
    };
    let library = ["-fPIC", "-shared"];
    cc(&library, "small.c", "libsmall.so")?;
    cc(&library, "thread.c", "libthread.so")?;
    let empty = cc(&library, "empty.c", "libempty.so")?;
    let start = cc(&[], "start.c", "start")?;
    let runpath = format!("-Wl,-rpath,{}", folder.display());
    let cost = cc(&["-pthread", &runpath], "cost.c", "cost")?;
    steps.run(
        "build the counter of instructions",
        steps
            .cargo()
            .args(["build", "-p", "rseq-tests", "--bin", "instructions"]),
    )?;
    Ok(Bench {
        cost,
        start,
        folder,
        empty,
        shim,
        counter: steps.target().join("debug/instructions"),
    })
}

/// What a command prints; its failure is an error.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name}: {}: {said}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
