//! Whether the decision holds in the process that runs.

use super::{BUILDS, RUNS};
use std::fs;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::Report;

use super::{holds, run};

/// Standard error of a command and of whoever looks at it: the pipe's end comes
/// when both are gone.
fn errors(options: &[&str], command: &[&str]) -> Result<String, String> {
    let script = "\"$@\" 2>&1 >/dev/null | cat";
    let mut arguments = vec!["-c", script, "sh"];
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    arguments.extend([rseqctl.as_str(), "run"]);
    arguments.extend(options);
    arguments.push("--");
    arguments.extend(command);
    Ok(Program::new("sh").args(arguments).run()?.expect(0)?.out)
}

#[rseq_kit::test(BUILDS)]
fn verified() -> Outcome {
    for (source, case, owner) in [
        ("nothing", "default", "libc"),
        ("adopter", "exports", "adopter"),
        ("adopter", "hides", "client"),
    ] {
        let path = built(source, case)?.display().to_string();
        let told = errors(&["--verify=30"], &[&path])?;
        holds(&told, &[&format!("to be {owner}: it is so")])?;
        let told = errors(&["--verify=30"], &["nice", &path])?;
        holds(&told, &[&format!("to be {owner}: it is so")])?;
        // good news only where they are asked for
        assert_eq!(errors(&[], &[&path])?, "");
    }
    let told = errors(&["--verify=30", "--mode", "off"], &["true"])?;
    holds(&told, &["not verified"])?;
    Ok(())
}

/// A script that starts its arguments as its last step, with a tunable of its own.
fn loses_the_tunable() -> Result<String, String> {
    let script = scratch::directory("script")?.join("entrypoint");
    let text = "#!/bin/sh\nexport GLIBC_TUNABLES=glibc.pthread.rseq=1\nexec \"$@\"\n";
    executable::written(&script, text, 0o755)?;
    Ok(script.display().to_string())
}

/// The tunable is lost on the way: whoever reads the log is told.
#[rseq_kit::test(BUILDS)]
fn not_as_decided() -> Outcome {
    let hidden = built("adopter", "hides")?.display().to_string();
    let script = loses_the_tunable()?;
    let told = errors(&[], &[&script, &hidden])?;
    holds(&told, &["to be client", "it is libc"])?;
    assert_eq!(errors(&["--no-verify"], &[&script, &hidden])?, "");
    Ok(())
}

/// Behind a launcher that stays it is the program that is looked at, however soon
/// it ends, and that the report is about: never the launcher.
#[rseq_kit::test(BUILDS)]
fn launchers_that_stay() -> Outcome {
    let hidden = built("adopter", "hides")?.display().to_string();
    let report = scratch::directory("report")?.join("report.json");
    let place = report.display().to_string();
    for launcher in [
        &["timeout", "60"][..],
        &["setsid", "-w"],
        &["nice", "timeout", "60"],
        &["timeout", "60", "nice"],
    ] {
        let command = [launcher, &[hidden.as_str()]].concat();
        for _ in 0..10 {
            assert_eq!(errors(&[], &command)?, "", "{launcher:?}");
        }
        let told = errors(&["--verify=30"], &command)?;
        holds(&told, &["to be client: it is so"])?;
        let told = errors(&["--report", &place], &command)?;
        assert_eq!(told, "", "{launcher:?}");
        let report = Report::read(&report)?;
        assert_eq!(report.owner()?, "client", "{launcher:?}");
        assert_eq!(report.threads("registered")?, 9, "{launcher:?}");
    }
    // and what is not so is still told
    let script = loses_the_tunable()?;
    let told = errors(&[], &["timeout", "60", &script, &hidden])?;
    holds(&told, &["to be client", "it is libc"])?;
    Ok(())
}

/// The command has no child that it did not start, and nothing of rseqctl's
/// open.
#[rseq_kit::test(RUNS)]
fn who_verifies_is_no_child() -> Outcome {
    let mut running = run(&["--verify"], &["sh", "-c", "echo ready; read line"])?
        .input(std::process::Stdio::piped())
        .start()?;
    running.wait_for_output(|text| text.contains("ready").then_some(()))?;
    let process = running.id();
    let children = format!("/proc/{process}/task/{process}/children");
    if let Ok(children) = fs::read_to_string(children) {
        assert_eq!(children, "");
    }
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        let file = fs::read_link(entry?.path())?;
        let name = file.to_string_lossy();
        assert!(!name.contains("rseqctl"), "{name} is open");
    }
    drop(running.take_input());
    running.finish()?;
    Ok(())
}
