//! Commands that start other commands: launchers and scripts are looked through.

use super::BUILDS;

use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::{holds, run};

/// The program behind a launcher is what is looked at.
#[rseq_kit::test(BUILDS)]
fn launchers() -> Outcome {
    let hidden = built("adopter", "hides")?;
    let hidden = hidden.to_str().ok_or("a path that is no text")?;
    let shell = format!("exec {hidden}");
    for launcher in [
        &["env"][..],
        &["env", "A=1"],
        &["nice", "-n", "1"],
        &["nohup"],
        &["timeout", "-k", "5", "60"],
        &["stdbuf", "-oL"],
        &["setsid", "-w"],
        &["env", "nice", "nohup"],
    ] {
        let mut command = launcher.to_vec();
        command.push(hidden);
        judged(&command, "client", true)?;
        let finished = run(&[], &command)?.run()?.expect(0)?;
        holds(&finished.out, &["granted 9 already 0"])?;
    }
    judged(&["sh", "-c", &shell], "client", true)?;
    // where the launcher is all that was looked at, that is said
    let script = format!("{hidden}; true");
    let finished = judged(&["sh", "-c", &script], "libc", false)?;
    holds(&finished, &["but ", "the decision is", "anew"])?;
    let finished = judged(&["env", "-i", hidden], "libc", false)?;
    holds(&finished, &["but ", "env -i drops"])?;
    Ok(())
}

fn judged(command: &[&str], owner: &str, through: bool) -> Result<String, String> {
    let finished = run(&["--dry-run"], command)?.run()?.expect(0)?;
    let words = |line: &str| line.split_whitespace().eq(["owner", owner]);
    if finished.out.lines().any(words) && finished.out.contains("\nthrough ") == through {
        Ok(finished.out)
    } else {
        Err(format!("{command:?}: {}", finished.out))
    }
}

/// A container's entry point that ends in `exec "$@"`.
#[rseq_kit::test(BUILDS)]
fn entry_point_script() -> Outcome {
    let hidden = built("adopter", "hides")?;
    let script = scratch::directory("script")?.join("docker-entrypoint.sh");
    executable::written(&script, "#!/bin/sh\nset -e\nexec \"$@\"\n", 0o755)?;
    let command = [script.as_os_str(), hidden.as_os_str()];
    let finished = run(&["--dry-run"], &command)?.run()?.expect(0)?;
    // the shim tells the libc, in the program itself
    holds(
        &finished.out,
        &["through ", "client", "RSEQ_SHIM_RESTART=safe\n"],
    )?;
    assert!(!finished.out.contains("GLIBC_TUNABLES"), "{}", finished.out);
    let finished = run(&[], &command)?.run()?.expect(0)?;
    holds(&finished.out, &["granted 9 already 0"])?;
    Ok(())
}
