//! Processes that come and go, are stopped, traced, gone, or about to be signalled.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::look::{ends, idle, is_left_alone, look, look_with, ps, ready, threads};
use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program, python};
use rseq_kit::patience::until;
use rseq_kit::runner::Outcome;
use rseq_kit::world::{GLIBC_OFF, World};
use rseq_kit::{scratch, sys};
use serde_json::{Value, json};

#[rseq_kit::test(Need::LIVE)]
fn many_threads() -> Outcome {
    let running = ready(idle("dynamic", 4999)?)?;
    let row = look(running.id())?;
    assert_eq!(row["registered"], 5000);
    assert_eq!(row["owner"], "libc");
    is_left_alone(running.id())?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

/// Whatever it is doing when it is killed: an answer, and no failure.
#[rseq_kit::test(Need::LIVE)]
fn ends_meanwhile() -> Outcome {
    for wait in 0..8 {
        let running = ready(idle("dynamic", 400)?)?;
        let id = running.id();
        let looker =
            std::thread::spawn(move || ps()?.args(["--format", "ndjson", &id.to_string()]).run());
        std::thread::sleep(Duration::from_millis(wait));
        sys::kill(id, libc::SIGKILL);
        let answer = looker.join().map_err(|_| "the looker panicked")??;
        match answer.code() {
            // as it was, or what is left of it until its parent has noticed
            0 => assert_eq!(answer.out.lines().count(), 1, "{}", answer.out),
            2 => assert!(answer.err.contains("no such process"), "{}", answer.err),
            _ => return Err(format!("{answer:?}").into()),
        }
        assert_eq!(running.finish()?.code(), -libc::SIGKILL);
    }
    Ok(())
}

/// Ten thousand short threads, while they are looked at.
#[rseq_kit::test(Need::LIVE)]
fn threads_come_and_go() -> Outcome {
    let program = Program::new(built("swarm", "default")?).arg("2500");
    let (program, _records) = World::from_name("plain")?.prepare(program)?;
    let running = program.limit(Duration::from_secs(180)).start()?;
    let id = running.id();
    let waits = std::thread::spawn(move || running.finish());
    while !waits.is_finished() {
        let looked = ps()?.args(["--verbose", &id.to_string()]).run()?;
        assert!([0, 2].contains(&looked.code()), "{looked:?}");
    }
    let finished = waits.join().map_err(|_| "panicked")??.expect(0)?;
    assert!(
        finished.out.contains("10000 registered"),
        "{}",
        finished.out
    );
    Ok(())
}

/// Only other threads are left: /proc shows the process as a zombie.
#[rseq_kit::test(Need::LIVE, Need::PYTHON)]
fn main_thread_ended() -> Outcome {
    const SCRIPT: &str = "import ctypes, sys, threading\n\
        def waits():\n\
        \x20   print('ready', flush=True)\n\
        \x20   sys.stdin.read()\n\
        \x20   import os; os._exit(0)\n\
        threading.Thread(target=waits).start()\n\
        ctypes.CDLL(None).syscall(60, 0)\n";

    let running = ready(Program::new(python()?).args(["-c", SCRIPT]))?;
    let id = running.id();
    until_ended(id)?;
    let (row, code) = look_with(id, &[])?;
    assert_eq!((row["owner"].as_str(), code), (Some("libc"), 0), "{row}");
    assert_eq!(
        (&row["registered"], &row["unknown"]),
        (&1.into(), &1.into()),
        "{row}"
    );
    ends(running)?;
    Ok(())
}

const MINUTE: Duration = Duration::from_secs(60);

/// Waits until its first thread has ended.
fn until_ended(id: i32) -> Result<(), String> {
    let stat = || fs::read_to_string(format!("/proc/{id}/stat"));
    let has_ended = || stat().is_ok_and(|it| it.contains(") Z "));
    if until(MINUTE, has_ended) {
        return Ok(());
    }
    Err(format!("process {id} does not end: {:?}", stat()))
}

/// It has ended, and its parent has not noticed: told, and no failure.
#[rseq_kit::test(Need::LIVE, Need::PYTHON)]
fn zombie() -> Outcome {
    const SCRIPT: &str = "import subprocess, sys\n\
        child = subprocess.Popen(['true'])\n\
        print(child.pid)\n\
        print('ready', flush=True)\n\
        sys.stdin.read()\n";

    let mut running = ready(Program::new(python()?).args(["-c", SCRIPT]))?;
    let id = running.wait_for_output(|text| text.lines().next()?.parse().ok())?;
    until_ended(id)?;
    let (row, code) = look_with(id, &[])?;
    assert_eq!((&row["owner"], code), (&Value::Null, 0), "{row}");
    assert!(row["because"].to_string().contains("has ended"), "{row}");
    ends(running)?;
    Ok(())
}

#[rseq_kit::test(Need::LIVE)]
fn debugger() -> Outcome {
    let traced = Program::new(program("sleep")?).arg("600").trace()?;
    let (row, code) = look_with(traced.id(), &[])?;
    let thread = threads(&row).next().ok_or("no thread")?;
    let why = thread["unknown_because"].as_str().unwrap_or_default();
    assert!(why.starts_with("traced by "), "{row}");
    assert_eq!(thread["registered"], Value::Null, "{row}");
    assert_eq!((row["owner"].as_str(), code), (None, 0), "{row}");
    traced.terminate();
    assert_eq!(traced.finish()?.finished.code(), -libc::SIGTERM);
    Ok(())
}

/// Job control: it is looked at, and stays stopped.
#[rseq_kit::test(Need::LIVE)]
fn stopped() -> Outcome {
    let running = ready(idle("dynamic", 4)?)?;
    let id = running.id();
    let state = || {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let rest = text.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        rest.unwrap_or_default().chars().next()
    };
    let is_stopped = || {
        let is_so = until(MINUTE, || state() == Some('T'));
        assert!(is_so, "{:?}", state());
    };
    sys::kill(id, libc::SIGSTOP);
    is_stopped();
    let row = look(id)?;
    assert_eq!(row["registered"], 5, "{row}");
    assert!(threads(&row).all(|thread| thread["state"] == "T"), "{row}");
    // when it was let go it had to stop anew, for which it needs a processor
    is_stopped();
    sys::kill(id, libc::SIGCONT);
    ends(running)?;
    Ok(())
}

/// A signal that is on its way when a thread is stopped arrives.
#[rseq_kit::test(Need::LIVE)]
fn signals() -> Outcome {
    let running = ready(Program::new(built("signalled", "default")?))?;
    for _ in 0..40 {
        look(running.id())?;
    }
    assert_eq!(ends(running)?.out, "ready\n0 lost\n");
    Ok(())
}

/// Ended by a signal in the middle of its work, it leaves no thread stopped.
#[rseq_kit::test(Need::LIVE)]
fn interrupted() -> Outcome {
    let running = ready(idle("dynamic", 2000)?)?;
    let id = running.id();
    for (wait, signal) in [
        (20, libc::SIGINT),
        (40, libc::SIGTERM),
        (60, libc::SIGHUP),
        (80, libc::SIGKILL),
        (100, libc::SIGINT),
    ] {
        let looker = ps()?.arg(id.to_string()).start()?;
        std::thread::sleep(Duration::from_millis(wait));
        sys::kill(looker.id(), signal);
        let code = looker.finish()?.code();
        assert!([0, -signal].contains(&code), "{code}");
        is_left_alone(id)?;
    }
    ends(running)?;
    Ok(())
}

#[rseq_kit::test(Need::LIVE)]
fn not_stopped() -> Outcome {
    let running = ready(idle("dynamic", 2)?)?;
    let (row, code) = look_with(running.id(), &["--no-stop"])?;
    assert_eq!((row["unknown"].as_u64(), code), (Some(3), 0), "{row}");
    assert_eq!(row["owner"], Value::Null, "{row}");
    let objects = row["objects"].as_array().ok_or("no objects")?;
    assert!(!objects.is_empty(), "{row}");
    ends(running)?;
    Ok(())
}

/// The program's file is gone: what is mapped is looked at.
#[rseq_kit::test(Need::LIVE)]
fn deleted() -> Outcome {
    let copy = scratch::directory("deleted")?.join("adopter");
    executable::copied(built("addresses", "exports")?, &copy, 0o755)?;
    let running = ready(Program::new(&copy).env("GLIBC_TUNABLES", GLIBC_OFF))?;
    fs::remove_file(&copy).map_err(|error| error.to_string())?;
    let (row, code) = look_with(running.id(), &[])?;
    if row["missing"] == json!([]) {
        let object = &row["objects"][0];
        assert_eq!(object["deleted"], true, "{row}");
        assert_eq!(object["defines"], "exported", "{row}");
    } else {
        // without the right to read map_files that is all that can be told
        assert_eq!(code, 3, "{row}");
    }
    ends(running)?;
    Ok(())
}

#[rseq_kit::test(Need::LIVE)]
fn watch() -> Outcome {
    let running = ready(idle("dynamic", 1)?)?;
    let mut watch = ps()?
        .args(["--watch=0.1", "--format", "ndjson"])
        .arg(running.id().to_string())
        .start()?;
    watch.wait_for_output(|text| (text.lines().count() >= 3).then_some(()))?;
    watch.terminate();
    assert_eq!(watch.finish()?.code(), -libc::SIGTERM);
    is_left_alone(running.id())?;
    ends(running)?;
    Ok(())
}

/// What is mapped and is no file is not called a file that is missing.
#[rseq_kit::test(Need::LIVE)]
fn mappings() -> Outcome {
    let running = ready(Program::new(built("mappings", "default")?))?;
    let (row, code) = look_with(running.id(), &[])?;
    assert_eq!((&row["missing"], code), (&json!([]), 0), "{row}");
    ends(running)?;
    Ok(())
}

/// The same without the right to read map_files: only the memory that may hold an
/// object is named, as what it is.
#[rseq_kit::test(Need::LIVE, Need::ROOT, Need::SETPRIV)]
fn mappings_of_a_user() -> Outcome {
    let nobody = || -> Result<Program, String> {
        Ok(Program::new(program("setpriv")?).args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
        ]))
    };
    let folder = scratch::directory("public")?;
    let copy = |path: &std::path::Path, name: &str| -> Result<PathBuf, String> {
        let to = folder.join(name);
        executable::copied(path, &to, 0o755)?;
        Ok(to)
    };
    let mappings = copy(&built("mappings", "default")?, "mappings")?;
    let rseqctl = copy(&artifacts()?.rseqctl, "rseqctl")?;
    let running = ready(nobody()?.arg(mappings))?;
    let finished = nobody()?
        .arg(rseqctl)
        .args(["ps", "--format", "ndjson", &running.id().to_string()])
        .run()?;
    let row: Value =
        serde_json::from_str(&finished.out).map_err(|error| format!("{error}: {finished:?}"))?;
    let missing = row["missing"].as_array().ok_or("no list")?;
    let is_memfd = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        text.starts_with("/memfd:nameless: ") && text.contains("has no name")
    };
    assert!(missing.iter().all(is_memfd), "{row}");
    ends(running)?;
    Ok(())
}
