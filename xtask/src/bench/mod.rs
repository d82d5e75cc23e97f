//! What the shim costs: the same C programs in several worlds, in turn, so that
//! what the machine does meanwhile befalls all of them; and counted in
//! instructions, which a busy machine does not change.

mod count;
mod counter;
mod launch;
mod output;
mod start;
mod table;
mod time;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Steps;
use counter::Counter;
use world::Bench;

/// Prints what a start below one `rseqctl run` takes.
pub fn launch(steps: &mut Steps, shim: &Path, counts_only: bool) -> Result<(), String> {
    let bench = build(steps, shim)?;
    println!("{}", launch::tables(&bench, counts_only)?);
    Ok(())
}

/// Prints all tables, or those only that a busy machine does not change.
pub fn run(steps: &mut Steps, shim: &Path, counts_only: bool) -> Result<(), String> {
    let bench = build(steps, shim)?;
    if !counts_only {
        println!("Time, nanoseconds:\n\n{}", time::table(&bench)?);
        println!("Time of a start, nanoseconds:\n\n{}", start::table(&bench)?);
    }
    println!("Instructions in user space:\n\n{}", count::table(&bench)?);
    for library in [shim.to_path_buf(), shim.with_file_name("librseq_abi.so.1")] {
        let bytes = std::fs::metadata(&library)
            .map_err(|error| format!("{}: {error}", library.display()))?
            .len();
        let name = library.file_name().unwrap_or_default();
        println!("{}: {bytes} bytes", name.display());
    }
    Ok(())
}

/// Prints what is counted in an emulated machine of another architecture.
pub fn emulated(steps: &mut Steps, target: &str) -> Result<(), String> {
    if !target.starts_with("aarch64") {
        return Err(format!("no machine is emulated for {target}"));
    }
    let folder = steps.target().join("bench-aarch64");
    let programs = Programs {
        compiler: "aarch64-linux-gnu-gcc",
        folder: folder.clone(),
    };
    programs.make(steps, &["-fPIC", "-shared"], "small.c", "libsmall.so")?;
    programs.make(steps, &["-fPIC", "-shared"], "thread.c", "libthread.so")?;
    programs.make(steps, &["-fPIC", "-shared"], "empty.c", "libempty.so")?;
    programs.make(steps, &["-fPIC", "-shared"], "storage.c", "libstorage.so")?;
    programs.make(steps, &[], "start.c", "start")?;
    programs.make(steps, &["-pthread", "-Wl,-rpath,/b"], "cost.c", "cost")?;
    steps.run(
        "build the counter of instructions",
        steps
            .cargo()
            .args(["build", "-p", "rseq-lab-kernels", "--bin", "counted"]),
    )?;
    // where the machine has them
    let there = |name: &str| Path::new("/b").join(name);
    let bench = Bench {
        cost: there("cost"),
        start: there("start"),
        client: there("client"),
        again: there("again"),
        starts: there("starts"),
        folder: "/b".into(),
        empty: there("libempty.so"),
        storage: there("libstorage.so"),
        shim: Path::new("/lib/librseq_shim.so"),
        counter: Counter::Emulated {
            counter: steps.target().join("debug/counted"),
            folder,
        },
    };
    println!(
        "Instructions in user space, {target}:\n\n{}",
        count::table(&bench)?
    );
    Ok(())
}

/// Programs that are measured, and who builds them.
struct Programs {
    compiler: &'static str,
    folder: PathBuf,
}

impl Programs {
    fn make(
        &self,
        steps: &mut Steps,
        options: &[&str],
        from: &str,
        to: &str,
    ) -> Result<PathBuf, String> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let target = folder.join(to);
        let source = steps.root().join("tests/bench").join(from);
        let mut command = Command::new(self.compiler);
        command.arg("-O2").args(options).arg("-o");
        steps.run(&format!("build {to}"), command.arg(&target).arg(source))?;
        Ok(target)
    }
}

fn build<'a>(steps: &mut Steps, shim: &'a Path) -> Result<Bench<'a>, String> {
    let folder = steps.target().join("bench");
    let programs = Programs {
        compiler: "cc",
        folder: folder.clone(),
    };
    let mut cc = |options: &[&str], from: &str, to: &str| programs.make(steps, options, from, to);
    let library = ["-fPIC", "-shared"];
    cc(&library, "small.c", "libsmall.so")?;
    cc(&library, "thread.c", "libthread.so")?;
    let empty = cc(&library, "empty.c", "libempty.so")?;
    let storage = cc(&library, "storage.c", "libstorage.so")?;
    // the least that two libraries can be, one of which has thread-local storage
    let bare = ["-fPIC", "-shared", "-nostdlib", "-Wl,--no-as-needed"];
    let alone = cc(&bare, "storage.c", "libalone.so")?.display().to_string();
    cc(&[&bare[..], &[&alone]].concat(), "empty.c", launch::PAIR)?;
    let start = cc(&[], "start.c", "start")?;
    let client = cc(&[], "client.c", "client")?;
    let again = cc(&[], "again.c", "again")?;
    let starts = cc(&[], "starts.c", "starts")?;
    let runpath = format!("-Wl,-rpath,{}", folder.display());
    let cost = cc(&["-pthread", &runpath], "cost.c", "cost")?;
    steps.run(
        "build the counter of instructions",
        steps
            .cargo()
            .args(["build", "-p", "rseq-lab-stepping", "--bin", "instructions"]),
    )?;
    Ok(Bench {
        cost,
        start,
        client,
        again,
        starts,
        folder,
        empty,
        storage,
        shim,
        counter: Counter::Here(steps.target().join("debug/instructions")),
    })
}
