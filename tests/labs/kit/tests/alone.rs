//! A lab that is killed leaves nothing running: not what has another user, and not
//! what has a session of its own.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::folder;
use rseq_kit::needs::Need;
use rseq_kit::patience::until;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::sys;
use rseq_lab::alone;
use rseq_lab::host::unprivileged;

/// Makes this program be a lab.
const LAB: &str = "a-lab";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(LAB) {
        let mark = arguments.next().unwrap_or_default();
        return alone::run(|| lab(&mark));
    }
    Suite::collected().run()
}

/// Starts two programs that wait and have `mark` among their arguments, says so, and
/// waits for them.
fn lab(mark: &str) -> u8 {
    let waits = ["sh", "-c", "while sleep 1; do :; done", mark];
    let server = unprivileged().args(waits).start();
    let daemon = Program::new("setsid").arg("--fork").args(waits).run();
    let (Ok(server), Ok(_)) = (server, daemon) else {
        return 2;
    };
    println!("started");
    server.finish().map_or(2, |_| 0)
}

#[rseq_kit::test(Need::ROOT, Need::MOUNT_NAMESPACE)]
fn nothing_is_left_of_a_lab_that_is_killed() -> Outcome {
    let mark = format!("left-by-{}", std::process::id());
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut lab = Program::new(this).args([LAB, &mark]).start()?;
    lab.wait_for_output(|out| out.contains("started").then_some(()))?;
    // the lab and what stands between it and its namespace have the word, too
    let all = running(&mark)?;
    assert!(all >= 4, "{all} processes");
    sys::kill(lab.id(), libc::SIGKILL);
    lab.finish()?;
    let have_ended = until(Duration::from_secs(20), || running(&mark) == Ok(0));
    assert!(have_ended, "{:?} processes", running(&mark));
    Ok(())
}

/// The number of processes with this word among their arguments.
fn running(word: &str) -> Result<usize, String> {
    let is_one = |process: &&std::path::PathBuf| {
        std::fs::read(process.join("cmdline")).is_ok_and(|arguments| {
            arguments
                .split(|&byte| byte == 0)
                .any(|it| it == word.as_bytes())
        })
    };
    Ok(folder::sorted(Path::new("/proc"))?
        .iter()
        .filter(is_one)
        .count())
}
