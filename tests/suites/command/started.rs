//! What the command gets and what its caller hears: status, signals, environment,
//! files and pipes.

use super::{BUILDS, RUNS};
use rseq_kit::executable;
use rseq_kit::needs::Need;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::Report;

use super::{holds, run};

#[rseq_kit::test(RUNS)]
fn status() -> Outcome {
    let report = scratch::directory("report")?.join("report.json");
    let report = report.to_str().unwrap_or_default();
    for options in [&[][..], &["--mode", "own"], &["--report", report]] {
        for (script, code) in [
            ("exit 0", 0),
            ("exit 7", 7),
            ("kill -TERM $$", -libc::SIGTERM),
            ("kill -SEGV $$", -libc::SIGSEGV),
        ] {
            let finished = run(options, &["sh", "-c", script])?.run()?.expect(code)?;
            assert_eq!(finished.err, "", "{options:?} {script}");
        }
    }
    Ok(())
}

/// A file without a byte in it is a script that does nothing, as for execvp(3); what a launcher
/// cannot start is the launcher's to say.
#[rseq_kit::test(RUNS)]
fn what_is_left_to_others() -> Outcome {
    let folder = scratch::directory("left")?;
    let (empty, zeros) = (folder.join("empty"), folder.join("zeros"));
    executable::written(&empty, "", 0o755)?;
    executable::written(&zeros, [0; 4096], 0o755)?;
    run(&[], &[&empty])?.run()?.expect(0)?;
    run(&[], &["env".as_ref(), empty.as_os_str()])?
        .run()?
        .expect(0)?;
    let alone = Program::new("env").arg(&zeros).run()?;
    let below = run(&[], &["env".as_ref(), zeros.as_os_str()])?.run()?;
    assert_eq!((below.code(), below.err), (alone.code(), alone.err));
    Ok(())
}

/// 126 and 127 as env(1), and in words.
#[rseq_kit::test(RUNS)]
fn cannot_start() -> Outcome {
    let folder = scratch::directory("programs")?;
    let file = |name: &str, content: &[u8], mode| -> Result<PathBuf, String> {
        let path = folder.join(name);
        executable::written(&path, content, mode)?;
        Ok(path)
    };
    let rows = [
        (
            PathBuf::from("no-such-command-here"),
            127,
            "no such command",
        ),
        (folder.join("missing"), 127, "No such file"),
        (folder.clone(), 126, "not a regular file"),
        (file("plain-text", b"echo\n", 0o644)?, 126, "not executable"),
        (file("zeros", &[0; 4096], 0o755)?, 126, "neither"),
        (
            file("truncated", b"\x7fELF\x02\x01", 0o755)?,
            126,
            "neither",
        ),
        (
            file("lost", b"#!/no/such/interpreter\n", 0o755)?,
            127,
            "No such file",
        ),
    ];
    for (path, code, words) in rows {
        for options in [&[][..], &["--report", "-"]] {
            let finished = run(options, &[&path])?.run()?.expect(code)?;
            holds(&finished.err, &["rseqctl: ", words])?;
            assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
        }
    }
    Ok(())
}

/// 125 when rseqctl itself fails: never a status that could be the command's.
#[rseq_kit::test(RUNS)]
fn usage() -> Outcome {
    let report = ["--report", "/no/such/folder/report"];
    let finished = run(&report, &["true"])?.run()?.expect(125)?;
    holds(&finished.err, &["/no/such/folder/report"])?;
    for options in [&["--no-such-option"][..], &["--mode", "sometimes"]] {
        let finished = run(options, &["true"])?.run()?.expect(125)?;
        holds(&finished.err, &[options[0]])?;
    }
    run(&[], &[] as &[&str])?.run()?.expect(125)?;
    Ok(())
}

/// With a report rseqctl stays, and hands signals on.
#[rseq_kit::test(RUNS)]
fn signal() -> Outcome {
    let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let report = scratch::directory("report")?.join("report.json");
    let options = ["--report", report.to_str().unwrap_or_default()];
    let mut running = run(&options, &["sh", "-c", script])?.start()?;
    running.wait_for_output(|text| text.contains("ready").then_some(()))?;
    running.terminate();
    let finished = running.finish()?.expect(9)?;
    holds(&finished.out, &["caught"])?;
    Report::read(&report)?;
    Ok(())
}

fn variables(options: &[&str], set: &[(&str, &str)]) -> Result<Finished, String> {
    let script = "echo \"$LD_PRELOAD\"; echo \"$GLIBC_TUNABLES\"";
    let mut program = run(options, &["sh", "-c", script])?;
    for (name, value) in set {
        program = program.env(name, value);
    }
    program.run()?.expect(0)
}

#[rseq_kit::test(BUILDS)]
fn environment_is_added_to() -> Outcome {
    let shim = named()?;
    let witness = built("witness", "default")?.display().to_string();
    let user = [
        ("LD_PRELOAD", &*witness),
        ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"),
    ];
    let got = variables(&["--mode", "own"], &user)?;
    // what is for the libc's start is gone before anybody can inherit it
    let tunables = "glibc.malloc.tcache_count=0";
    assert_eq!(got.out, format!("{witness}:{shim}\n{tunables}\n"));
    // where nothing has to change, nothing does
    let got = variables(&[], &user)?;
    let lines: Vec<_> = got.out.lines().collect();
    assert_eq!(lines[1], "glibc.malloc.tcache_count=0");
    let got = variables(&["--mode", "off"], &user)?;
    assert_eq!(got.out, format!("{witness}\nglibc.malloc.tcache_count=0\n"));
    Ok(())
}

#[rseq_kit::test(BUILDS)]
fn tunable_of_the_user_holds() -> Outcome {
    let kept = "glibc.pthread.rseq=1";
    let got = variables(&["--mode", "own"], &[("GLIBC_TUNABLES", kept)])?;
    assert_eq!(got.out.lines().nth(1), Some(kept));
    holds(&got.err, &[kept])?;
    assert_eq!(got.err.lines().count(), 1, "{}", got.err);
    Ok(())
}

/// The shim, as `LD_PRELOAD` names it.
fn named() -> Result<String, String> {
    let shim = &artifacts()?.shim;
    let folder = shim.parent().ok_or("a file in no folder")?;
    Ok(folder
        .join("$PLATFORM/librseq_shim.so")
        .display()
        .to_string())
}

/// A script is its interpreter: that is what gets the preload.
#[rseq_kit::test(BUILDS)]
fn script() -> Outcome {
    let shim = named()?;
    let path = scratch::directory("script")?.join("script");
    let text = "#!/bin/sh\necho \"$LD_PRELOAD\"\nexit 4\n";
    executable::written(&path, text, 0o755)?;
    let finished = run(&["--dry-run"], &[&path])?.run()?.expect(0)?;
    holds(&finished.out, &["/bin/sh", &shim])?;
    let finished = run(&[], &[&path])?.run()?.expect(4)?;
    assert_eq!(finished.out, format!("{shim}\n"));
    Ok(())
}

/// What comes through a pipe can be read once, and is the command's.
#[rseq_kit::test(RUNS)]
fn pipes_are_the_commands() -> Outcome {
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(b"echo from the pipe\nexit 3\n")?;
    drop(writer);
    let finished = run(&[], &["sh", "/dev/stdin"])?
        .input(reader.into())
        .run()?
        .expect(3)?;
    assert_eq!(finished.out, "from the pipe\n");

    let fifo = scratch::directory("pipes")?.join("fifo");
    Program::new("mkfifo").arg(&fifo).run()?.expect(0)?;
    let fifo = fifo.to_str().unwrap_or_default();
    let finished = run(&["--may-load", fifo], &["true"])?.run()?.expect(125)?;
    holds(&finished.err, &["not a regular file"])?;
    Ok(())
}

/// A service that may write no file starts all the same, and with its signals.
#[rseq_kit::test(RUNS)]
fn no_file_may_be_written() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    for (command, status) in [("true", 0), ("sh -c 'kill -XFSZ $$'", -libc::SIGXFSZ)] {
        let script = format!("ulimit -f 0; exec '{rseqctl}' run --mode own -- {command}");
        let finished = Program::new("sh").args(["-c", &script]).run()?;
        assert_eq!(finished.expect(status)?.err, "", "{command}");
    }
    Ok(())
}

/// What cannot be told changes nothing.
#[rseq_kit::test(RUNS)]
fn nobody_can_be_told() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    for (setting, command, status) in [
        ("", "no-such-command", 127),
        ("RSEQ_SHIM_MODE=bad", "sh -c 'exit 7'", 7),
    ] {
        let script = format!("{setting} exec '{rseqctl}' run -- {command} 2>/dev/full");
        let finished = Program::new("sh").args(["-c", &script]).run()?;
        finished.expect(status)?;
    }
    Ok(())
}

/// Who has the folder above could put other libraries into the place of ours.
#[rseq_kit::test(RUNS, Need::ROOT)]
fn folder_below_a_strangers() -> Outcome {
    let folder = scratch::directory("strangers")?;
    // LD_PRELOAD cannot name it: the libraries are copied elsewhere
    let install = folder.join("with space");
    fs::create_dir(&install)?;
    let files = executable::installed(&install)?;
    let (cache, temporary) = (folder.join("cache"), folder.join("tmp"));
    fs::create_dir_all(cache.join("rseqctl"))?;
    let place = || -> Result<String, String> {
        let plan = Program::new(&files.rseqctl)
            .args(["run", "--mode", "own", "--dry-run", "--", "cat"])
            .env("XDG_CACHE_HOME", &cache)
            .env("TMPDIR", &temporary);
        Ok(plan.run()?.expect(0)?.out)
    };
    let preload = |folder: &Path| format!("LD_PRELOAD={}", folder.join("rseqctl").display());
    holds(&place()?, &[&preload(&cache)])?;
    std::os::unix::fs::chown(cache.join("rseqctl"), Some(65534), Some(65534))?;
    holds(&place()?, &[&preload(&temporary)])?;
    Ok(())
}

/// One warning, from whoever reads it first, and the default.
#[rseq_kit::test(BUILDS)]
fn unknown_mode() -> Outcome {
    assert!(env::var_os("RSEQ_SHIM_MODE").is_none());
    let finished = run(&["--report", "-"], &[built("nothing", "default")?])?
        .env("RSEQ_SHIM_MODE", "sometimes")
        .run()?
        .expect(0)?;
    holds(&finished.err, &["RSEQ_SHIM_MODE", "sometimes"])?;
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    assert_eq!(Report::parse(&finished.out)?.owner()?, "libc");
    Ok(())
}

/// A standard descriptor that is closed is closed for the command, too: it must not
/// take what it opens next for standard error, or /dev/null for an open file.
#[rseq_kit::test(BUILDS)]
fn closed_descriptors() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    let report = scratch::directory("report")?.join("report.json");
    let folder = scratch::directory("closed")?;
    let with_report = format!("--report {}", report.display());
    let open = "for each in 0 1 2; do [ -e /proc/self/fd/$each ] && open=$open$each; done
                printf \"$open\" >&3";
    for options in ["", "--verify", "--mode own", &with_report] {
        for (closed, expected) in [
            ("", "012"),
            ("<&-", "12"),
            (">&-", "02"),
            ("2>&-", "01"),
            ("<&- >&- 2>&-", ""),
        ] {
            let told = folder.join("told");
            let script = format!(
                "exec '{rseqctl}' run {options} -- sh -c '{open}' 3>'{}' {closed}",
                told.display()
            );
            Program::new("sh").args(["-c", &script]).run()?.expect(0)?;
            let told = fs::read_to_string(told)?;
            assert_eq!(told, expected, "run {options} {closed}");
        }
    }
    Ok(())
}

/// Where nothing is mounted at /proc the command is started all the same, with
/// what was decided; what needs it is said to be missing.
#[rseq_kit::test(BUILDS, Need::ROOT, Need::MOUNT_NAMESPACE)]
fn without_proc() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.clone();
    let hidden = built("adopter", "hides")?;
    let folder = rseqctl.parent().ok_or("no folder")?;
    for (place, name) in [("/", rseqctl.as_path()), ("", "./rseqctl".as_ref())] {
        let finished = |options: &str| {
            let script = format!(
                "mount -t tmpfs none /proc && exec '{}' run {options} -- '{}'",
                name.display(),
                hidden.display()
            );
            Program::new("unshare")
                .args(["--mount", "sh", "-c", &script])
                .directory(if place.is_empty() {
                    folder
                } else {
                    place.as_ref()
                })
                .run()
        };
        let told = finished("")?.expect(0)?;
        holds(&told.out, &["granted 9 already 0"])?;
        assert_eq!(told.err, "");
        let told = finished("--verify")?.expect(0)?;
        holds(&told.err, &["not verified: there is no /proc"])?;
        let told = finished("--report -")?.expect(0)?;
        holds(&told.out, &["granted 9 already 0", "\"shim_loaded\": null"])?;
        holds(&told.err, &["there is no /proc"])?;
    }
    Ok(())
}
