//! What the shim costs: the same C programs in several worlds, in turn, so that
//! what the machine does meanwhile befalls all of them; and counted in
//! instructions, which a busy machine does not change.

mod count;
mod launch;
mod start;
mod table;
mod time;
mod world;

use std::path::Path;
use std::process::Command;

use crate::step::Steps;
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
    let storage = cc(&library, "storage.c", "libstorage.so")?;
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
            .args(["build", "-p", "rseq-tests", "--bin", "instructions"]),
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
        counter: steps.target().join("debug/instructions"),
    })
}
