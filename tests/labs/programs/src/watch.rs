//! Runs a workload and looks at its threads all the while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_lab::files::files;
use serde_json::Value;

use crate::family::Family;
use crate::threads::Watched;

/// Between two looks: each stops every thread for a moment.
const PAUSE: Duration = Duration::from_millis(150);

/// How the program ended, and what was seen of its threads.
pub fn watched(program: Program) -> Result<(Result<Finished, String>, Watched), String> {
    // built before anything is timed
    files()?;
    let running = program.start()?;
    let family = Family::of(running.id());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| watch(family, &over));
        let ended = running.finish();
        over.store(true, Ordering::Relaxed);
        let watched = looking.join().map_err(|_| "the watcher panicked")?;
        Ok((ended, watched?))
    })
}

fn watch(mut family: Family, over: &AtomicBool) -> Result<Watched, String> {
    let mut watched = Watched::default();
    while !over.load(Ordering::Relaxed) {
        let members = family.look();
        if !members.is_empty() {
            let said = Program::new(&files()?.rseqctl)
                .args(["ps", "--format", "json"])
                .args(members.iter().map(i32::to_string))
                .run()?;
            // what ends meanwhile is told as a problem, and not everything is there
            if let Ok(report) = serde_json::from_str::<Value>(&said.out) {
                watched.add(&report);
            }
        }
        std::thread::sleep(PAUSE);
    }
    Ok(watched)
}
