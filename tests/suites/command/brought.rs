//! Launchers that these tests bring: a static one, one that becomes another user, and one
//! that is not looked through.

use std::fs;
use std::path::PathBuf;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::Report;
use serde_json::Value;

use super::{BUILDS, holds, run};

const GRANTED: &str = "granted 9 already 0 refused 0 denied 0\n";

/// Starts its arguments, behind the first as another user where it is called `su-exec`, which
/// is looked through, or `becomes`, which is not.
const LAUNCHER: &str = r#"
    #include <string.h>
    #include <unistd.h>
    int main(int count, char **words) {
        const char *name = strrchr(words[0], '/');
        (void)count;
        if (name && (!strcmp(name, "/su-exec") || !strcmp(name, "/becomes"))) {
            words++;
            if (setgid(65534) || setuid(65534))
                return 2;
        }
        execv(words[1], words + 1);
        return 3;
    }
"#;

/// Compiles it under this name, in a folder that every user may read.
fn launcher(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let folder = scratch::public("launcher")?;
    let (source, out) = (folder.join("launcher.c"), folder.join(name));
    fs::write(&source, LAUNCHER).map_err(|error| error.to_string())?;
    Program::with_callers_environment(program("cc")?)
        .arg("-o")
        .args([&out, &source])
        .args(options)
        .run()?
        .expect(0)?;
    Ok(out)
}

/// A static launcher cannot load the shim, and what it starts has it all the same.
#[rseq_kit::test(BUILDS, Need::STATIC_LIBC)]
fn that_is_static() -> Outcome {
    let launcher = launcher("starter", &["-static"])?;
    let client = built("adopter", "hides")?;
    let words = [launcher.as_os_str(), client.as_os_str()];
    let finished = run(&[], &words)?.run()?.expect(0)?;
    assert_eq!(finished.out, GRANTED, "{}", finished.err);
    holds(&finished.err, &["statically linked", "what it starts"])?;
    let planned = run(&["--dry-run"], &words)?.run()?.expect(0)?;
    holds(&planned.out, &["LD_PRELOAD=", "RSEQ_SHIM_RESTART=safe"])?;
    let off = run(&["--mode", "off"], &words)?.run()?;
    holds(&off.out, &["granted 0 "])?;
    Ok(())
}

/// A program counts that has become another user, too.
#[rseq_kit::test(BUILDS, Need::ROOT)]
fn that_becomes_another_user() -> Outcome {
    for (name, verdict) in [
        ("su-exec", "it is so (9 registered so far)"),
        (
            "becomes",
            "another program took its place, and the owner there is client (9 registered so far)",
        ),
    ] {
        becomes_another_user(name, verdict)?;
    }
    Ok(())
}

/// Where root's programs count is gone at the end.
#[rseq_kit::test(BUILDS, Need::ROOT, Need::MOUNT_NAMESPACE)]
fn nothing_is_left() -> Outcome {
    let client = built("adopter", "hides")?;
    // the pipe's end comes when whoever looks at it is gone, too
    let script = "mount -t tmpfs none /run; mkdir -m 700 /run/rseqctl; \"$0\" run --report /run/report -- \"$1\" 2>&1 | cat; \
                  \"$0\" run --verify -- \"$1\" 2>&1 | cat; ls -A /run/rseqctl/ledgers; \
                  grep -c 'it is so' /run/report; stat -c %a /run/rseqctl";
    let finished = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", script])
        .args([&artifacts()?.rseqctl, &client])
        .run()?
        .expect(0)?;
    let told: Vec<_> = finished
        .out
        .lines()
        .filter(|it| !it.contains("so far"))
        .collect();
    let expected = [GRANTED.trim(), GRANTED.trim(), "1", "755"];
    assert_eq!(told, expected, "{finished:?}");
    Ok(())
}

fn becomes_another_user(name: &str, verdict: &str) -> Outcome {
    let launcher = launcher(name, &[])?;
    let client = scratch::public("client")?.join("client");
    executable::copied(built("adopter", "hides")?, &client, 0o755)?;
    // libraries where that user may read them
    let own = executable::installed(&scratch::public("installed")?)?;
    let run = |options: &[&str]| {
        Program::new(&own.rseqctl)
            .arg("run")
            .args(options)
            .arg("--")
            .args([launcher.as_os_str(), "nobody".as_ref(), client.as_os_str()])
    };
    let finished = run(&["--verify=1", "--fatal"]).run()?.expect(0)?;
    assert_eq!(finished.out, GRANTED, "{}", finished.err);
    let file = scratch::directory("report")?.join("report.json");
    let place = file.display().to_string();
    let finished = run(&["--report", &place]).run()?.expect(0)?;
    assert_eq!(finished.out, GRANTED, "{}", finished.err);
    let report: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    assert_eq!(report["owner"], "client", "{report}");
    assert_eq!(report["verdict"], verdict, "{report}");
    Ok(())
}

/// What takes the place of a program that the plan was for decides by itself, and is not
/// held against the plan.
#[rseq_kit::test(BUILDS)]
fn that_is_not_looked_through() -> Outcome {
    let launcher = launcher("starter", &[])?;
    let client = built("adopter", "hides")?;
    let file = scratch::directory("report")?.join("report.json");
    let place = file.display().to_string();
    let words = [launcher.as_os_str(), client.as_os_str()];
    for options in [
        &["--report", &place][..],
        &["--report", &place, "--verify", "--fatal"],
    ] {
        let finished = run(options, &words)?.run()?.expect(0)?;
        assert_eq!(finished.out, GRANTED, "{}", finished.err);
        assert!(!finished.err.contains("it is client"), "{}", finished.err);
        assert_eq!(Report::read(&file)?.owner()?, "client");
        let text = fs::read_to_string(&file)?;
        holds(&text, &["another program took its place", "client (9 "])?;
    }
    Ok(())
}
