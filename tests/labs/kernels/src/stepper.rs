//! Machines for AArch64 in which programs are executed one instruction at a time:
//! [`rseq_lab_stepping`], built for that architecture, and what it steps through.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::child::Finished;
use rseq_kit::scratch;
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_stepping::{HANDLERS, WINDOWS};

use crate::aarch64;
use crate::guest::cross::{Profile, built, compile};
use crate::guest::{Command, Guest, Kernel, Results};

/// A processor that changes memory in one instruction, and signs no pointers: the first
/// because exclusive loads and stores cannot be executed one by one, the second because
/// signing is slow to emulate.
const PROCESSOR: &str = "neoverse-n1";

/// How long one command may take: a step is three stops of a machine that is emulated.
const LIMIT: Duration = Duration::from_secs(600);

/// The tools.
const TOOLS: [&str; 2] = ["boundaries", "instructions"];

/// A machine with the shim, a C library, and the tools in `/p`.
///
/// # Errors
///
/// Something does not build.
pub fn guest() -> Result<Guest, String> {
    let limit = Duration::from_secs(900);
    let tools = built(Profile::Dev, &["rseq-lab-stepping"], limit)?;
    let guest = aarch64::guest()?.processor(PROCESSOR).with_one_processor();
    Ok(TOOLS.iter().fold(guest, |guest, tool| {
        guest.file(&format!("/p/{tool}"), &tools.join(tool))
    }))
}

/// One of the tools with arguments.
#[must_use]
pub fn tool(name: &str) -> Command {
    Command::new(&format!("/p/{name}")).limit(LIMIT)
}

/// Returns what is stepped through.
fn stepped() -> Result<PathBuf, String> {
    static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let to = scratch::directory("aarch64-stepped")?.join("stepped");
        compile("fixtures/stepped.c", &["-ldl", "-lrt"], &to)?;
        Ok(to)
    });
    BUILT.clone()
}

/// What is known of one window.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub window: &'static str,
    /// The world.
    pub world: &'static str,
    /// What the handler does.
    pub handler: &'static str,
    /// How many boundaries had their signal, or what is wrong.
    pub boundaries: Result<usize, String>,
}

/// Steps through the windows of these names, with each handler named.
///
/// # Errors
///
/// The machine does not boot, or something does not build.
pub fn windows(kernel: &Kernel, names: &[&str], handlers: &[&str]) -> Result<Vec<Row>, String> {
    let mut guest = guest()?.file("/p/stepped", &stepped()?);
    let mut rows = Vec::new();
    for (window, world, fewest) in WINDOWS {
        for handler in HANDLERS {
            if !names.contains(&window) || !handlers.contains(&handler) {
                continue;
            }
            let variables: &[&str] = match world {
                "takeover" => &["RSEQ_SHIM_MODE=takeover"],
                _ => &[],
            };
            let off = format!("GLIBC_TUNABLES={GLIBC_OFF}");
            let off = Some(&*off).filter(|_| world == "shim");
            let seconds = LIMIT.as_secs().to_string();
            guest = guest.run(
                tool("boundaries")
                    .args([window, "/lib/librseq_shim.so", &seconds])
                    .args(["LD_PRELOAD=/lib/librseq_shim.so"])
                    .args(variables)
                    .args(off)
                    .args(["/p/stepped", window, handler]),
            );
            rows.push((window, world, handler, fewest));
        }
    }
    let read = |answers: Results| -> Vec<Row> {
        let rows = rows.iter().zip(answers);
        rows.map(|((window, world, handler, fewest), answer)| Row {
            window,
            world,
            handler,
            boundaries: answer.and_then(|finished| count(&finished, *fewest)),
        })
        .collect()
    };
    let is_right = |answers: &Results| {
        let rows = read(answers.clone());
        rows.iter().all(|row| row.boundaries.is_ok())
    };
    let answers = guest.boot_or_kept(kernel, is_right)?;
    Ok(read(answers))
}

fn count(finished: &Finished, fewest: usize) -> Result<usize, String> {
    let out = finished.expect_ref(0)?.out.trim();
    let count = out.parse().map_err(|_| format!("no number: {out}"))?;
    if count < fewest {
        return Err(format!("{count} boundaries are too few"));
    }
    Ok(count)
}
