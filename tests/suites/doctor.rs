//! `rseqctl doctor` from outside: in worlds where rseq is granted, denied, or
//! owned by somebody else, what it says is what the kernel does there.

use std::fs;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{LIMIT, Program};
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program};
use rseq_kit::patience::stretched;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::sys;
use rseq_kit::world::GLIBC_OFF;
use serde_json::Value;

const GRANTED: [Need; 2] = [Need::X86_64, Need::RSEQ];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// The doctor, with time enough for a loaded machine.
fn doctor() -> Result<Program, String> {
    Ok(Program::new(&artifacts()?.rseqctl).args(["doctor", "--seconds", "20"]))
}

/// Its answer, as JSON, and its exit status.
fn asked(program: Program) -> Result<(Value, i32), String> {
    let finished = program
        .args(["--format", "ndjson"])
        .limit(Duration::from_secs(60))
        .run()?;
    let mut lines = finished.out.lines();
    let line = lines
        .next()
        .ok_or_else(|| format!("no answer: {}", finished.err))?;
    assert_eq!(lines.next(), None, "one host, one line");
    let answer = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    Ok((answer, finished.code()))
}

fn names(answer: &Value) -> Vec<&str> {
    answer["verdicts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|verdict| verdict["verdict"].as_str())
        .collect()
}

/// Whatever this kernel does with `cpu_id_start`, sections abort on x86-64 and
/// a registration of 32 bytes is granted by every kernel.
#[rseq_kit::test(GRANTED)]
fn here() -> Outcome {
    let (answer, status) = asked(doctor()?)?;
    let length = &answer["self_test"]["lengths"][0];
    assert_eq!(length["length"], 32);
    let answers = &length["answers"];
    for (what, errno) in [
        ("registration", 0),
        ("again", libc::EBUSY),
        ("other_length", libc::EINVAL),
        ("other_area", libc::EINVAL),
        ("other_signature", libc::EPERM),
        ("taken_back_wrongly", libc::EPERM),
        ("taken_back", 0),
        ("too_short", libc::EINVAL),
    ] {
        assert_eq!(answers[what], errno, "{what}: {answer}");
    }
    for what in ["preemption", "signal", "migration", "membarrier"] {
        let seen = &length["aborts"][what];
        let is_excused = what != "preemption" && what != "signal" && *seen == "unknown";
        assert!(*seen == "aborts" || is_excused, "{what}: {answer}");
    }
    let fields = &length["cpu_id_start"];
    for what in ["sleep", "signal"] {
        assert_ne!(fields[what], "unknown", "{what}: {answer}");
    }
    let verdicts = names(&answer);
    if sys::glibc_version() >= Some((2, 35)) {
        assert!(verdicts.contains(&"libc-registers"), "{verdicts:?}");
        assert_eq!(answer["libc"]["registered_by"], "libc");
    } else {
        assert!(verdicts.contains(&"libc-does-not-register"), "{verdicts:?}");
    }
    let has_errors = answer["verdicts"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|verdict| verdict["level"] == "error");
    assert_eq!(status == 1, has_errors, "{answer}");
    Ok(())
}

/// Every verdict is one that `explain` knows, and says what to do.
#[rseq_kit::test(GRANTED)]
fn for_people() -> Outcome {
    let finished = doctor()?.limit(Duration::from_secs(60)).run()?;
    assert_eq!(finished.err, "");
    let mut found = 0;
    for line in finished.out.lines() {
        let Some(name) = line
            .strip_suffix(']')
            .and_then(|line| line.rsplit_once('['))
        else {
            continue;
        };
        Program::new(&artifacts()?.rseqctl)
            .args(["explain", name.1])
            .run()?
            .expect(0)?;
        found += 1;
    }
    assert!(found > 0, "{}", finished.out);
    // and what was tried is shown where that is asked for, or something is wrong
    let is_fine = finished.out.contains("This host is fit");
    assert_ne!(
        finished.out.contains("wrong calls"),
        is_fine,
        "{}",
        finished.out
    );
    let shown = doctor()?.arg("-v").limit(Duration::from_secs(60)).run()?;
    assert!(shown.out.contains("wrong calls"), "{}", shown.out);
    assert_eq!(finished.out.matches("to do: ").count(), found);
    Ok(())
}

/// Where nobody can register, that is said, and nothing else that would need a
/// registration.
#[rseq_kit::test(Need::X86_64)]
fn denied() -> Outcome {
    for errno in [libc::EPERM, libc::ENOSYS] {
        let (answer, status) = asked(doctor()?.deny(errno))?;
        assert_eq!(names(&answer), ["rseq-denied"], "{answer}");
        assert_eq!(status, 0);
        assert_eq!(answer["seccomp"]["mode"], "filter");
        assert_eq!(answer["self_test"]["lengths"], serde_json::json!([]));
        let (_, status) = asked(doctor()?.args(["--fail-on", "warning"]).deny(errno))?;
        assert_eq!(status, 1);
    }
    Ok(())
}

/// A filter that kills: only glibc's own registration has to be off for rseqctl
/// to live.
#[rseq_kit::test(GRANTED)]
fn killed() -> Outcome {
    let program = doctor()?.env("GLIBC_TUNABLES", GLIBC_OFF).forbid();
    let finished = program.args(["--format", "ndjson"]).run()?;
    let answer: Value = serde_json::from_str(&finished.out)
        .map_err(|error| format!("{error}: {} {}", finished.status, finished.err))?;
    assert!(names(&answer).contains(&"rseq-denied"), "{answer}");
    assert_eq!(answer["self_test"]["refused"], "killed");
    Ok(())
}

#[rseq_kit::test(GRANTED)]
fn switched_off() -> Outcome {
    let (answer, _) = asked(doctor()?.env("GLIBC_TUNABLES", GLIBC_OFF))?;
    if answer["libc"]["knows_rseq"] == true {
        assert!(names(&answer).contains(&"libc-switched-off"), "{answer}");
        assert_eq!(answer["libc"]["registered_by"], "nobody");
        assert_eq!(answer["libc"]["rseq_tunable"], "off");
    }
    assert_eq!(
        answer["self_test"]["lengths"][0]["answers"]["registration"],
        0
    );
    Ok(())
}

#[rseq_kit::test(GRANTED)]
fn told() -> Outcome {
    let tunables = "glibc.rtld.optional_static_tls=100:glibc.pthread.rseq=1";
    let (answer, _) = asked(doctor()?.env("GLIBC_TUNABLES", tunables))?;
    assert_eq!(answer["libc"]["tunables"], tunables);
    assert_eq!(answer["libc"]["rseq_tunable"], "on");
    if !answer["libc"]["optional_static_tls"].is_null() {
        assert_eq!(answer["libc"]["optional_static_tls"], 100);
        assert_eq!(answer["libc"]["static_tls_surplus"], 1252);
        assert!(names(&answer).contains(&"small-surplus"), "{answer}");
    }
    Ok(())
}

/// The test works in a process that the shim has registered, too.
#[rseq_kit::test(GRANTED)]
fn preloaded() -> Outcome {
    let program = doctor()?
        .env("GLIBC_TUNABLES", GLIBC_OFF)
        .env("LD_PRELOAD", &artifacts()?.shim);
    let (answer, _) = asked(program)?;
    assert_eq!(answer["libc"]["registered_by"], "shared", "{answer}");
    assert!(answer["self_test"]["refused"].is_null(), "{answer}");
    Ok(())
}

/// What one processor cannot show is said, and is nobody's fault.
#[rseq_kit::test(GRANTED)]
fn one_processor() -> Outcome {
    let first = fs::read_to_string("/proc/self/status")?;
    let first = first
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .and_then(|list| list.trim().split([',', '-']).next())
        .ok_or("no list of processors")?;
    let program = Program::new(program("taskset")?)
        .args(["-c", first])
        .arg(&artifacts()?.rseqctl)
        .args(["doctor", "--seconds", "20", "--fail-on", "never"]);
    let (answer, status) = asked(program)?;
    assert_eq!(status, 0, "{answer}");
    let length = &answer["self_test"]["lengths"][0];
    assert_eq!(length["aborts"]["preemption"], "aborts");
    assert_eq!(length["aborts"]["signal"], "aborts");
    assert_eq!(length["aborts"]["migration"], "unknown");
    assert!(names(&answer).contains(&"self-test-incomplete"), "{answer}");
    Ok(())
}

/// `script` in a mount namespace of its own, with rseqctl as `$0`.
fn in_namespace(script: &str) -> Result<Program, String> {
    Ok(Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", script])
        .arg(&artifacts()?.rseqctl))
}

#[rseq_kit::test(GRANTED, Need::MOUNT_NAMESPACE)]
fn without_proc() -> Outcome {
    let script = "mount -t tmpfs none /proc && exec \"$0\" doctor --seconds 20 \"$@\"";
    let (answer, status) = asked(in_namespace(script)?)?;
    assert_eq!(status, 0, "{answer}");
    assert_eq!(answer["seccomp"]["mode"], "none");
    assert!(answer["seccomp"]["filters"].is_null(), "{answer}");
    assert_eq!(
        answer["self_test"]["lengths"][0]["aborts"]["signal"],
        "aborts"
    );
    Ok(())
}

#[rseq_kit::test(GRANTED, Need::MOUNT_NAMESPACE)]
fn preload_file() -> Outcome {
    let file = scratch::directory("etc")?.join("ld.so.preload");
    let shim = &artifacts()?.shim;
    fs::write(&file, format!("{}\n/no/such/library.so\n", shim.display()))?;
    // a file that is not there cannot be mounted over: all of /etc is
    let script = format!(
        "mount -t tmpfs none /etc && cp {} /etc/ld.so.preload && \
         exec \"$0\" doctor --seconds 20 \"$@\" 2>/dev/null",
        file.display()
    );
    let (answer, _) = asked(in_namespace(&script)?)?;
    let verdicts = names(&answer);
    assert!(verdicts.contains(&"shim-for-all"), "{verdicts:?}");
    assert!(verdicts.contains(&"preload-file-broken"), "{verdicts:?}");
    Ok(())
}

/// A reader that has seen enough is no error.
#[rseq_kit::test(GRANTED)]
fn closed_output() -> Outcome {
    let script = "\"$0\" doctor --seconds 20 --fail-on never | head -n 1 >&2; exit 0";
    let finished = Program::new("sh")
        .args(["-c", script])
        .arg(&artifacts()?.rseqctl)
        .run()?
        .expect(0)?;
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    let is_sentence = finished.err.trim_end().ends_with('.');
    assert!(is_sentence, "{}", finished.err);
    Ok(())
}

/// Whoever starts what the doctor lists, with a program that the libc has taken
/// the registration from, ends with one that has it.
#[rseq_kit::test(GRANTED, Need::CC, Need::GLIBC_2_35, Need::PTRACE)]
fn first_steps() -> Outcome {
    let mut running = Program::new(built("addresses", "exports")?)
        .input(Stdio::piped())
        .limit(Duration::from_secs(180))
        .start()?;
    running.wait_for_output(|text| text.contains("ready").then_some(()))?;
    let told = doctor()?.limit(Duration::from_secs(60)).run()?.out;
    // what runs and was refused is named before anything else
    let name = format!("({})", running.id());
    let first = told.split("\n\n").next().unwrap_or_default();
    let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("refused the registration"), "{told}");
    assert!(words.contains(&name), "{told}");
    let commands: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("  rseqctl "))
        .filter_map(|line| line.split("  ").next())
        .collect();
    let server = built("adopter", "hides")?;
    let server = server.to_str().ok_or("a path that is no text")?;
    let words = |command: &str| -> Result<String, String> {
        let rseqctl = &artifacts()?.rseqctl;
        let command = command
            .replace("PROGRAM", &format!("'{server}'"))
            .replace("NAME", "libc-registers");
        let script = format!("'{}' {command} 2>&1 | cat", rseqctl.display());
        let finished = Program::new("sh")
            .args(["-c", &script])
            .limit(Duration::from_secs(60))
            .run()?;
        Ok(finished.out)
    };
    let step = |start: &str| -> Result<String, String> {
        let command = commands.iter().find(|command| command.starts_with(start));
        words(command.ok_or_else(|| format!("no {start:?} in {told}"))?)
    };
    let id = running.id().to_string();
    let is_listed = |problems: &str| {
        let mut lines = problems.lines();
        lines.any(|line| line.split_whitespace().next() == Some(&id))
            && problems.contains("[refused-client]")
    };
    // while another test's doctor looks at it, it cannot be looked at
    let end = Instant::now() + stretched(LIMIT);
    let mut problems = step("ps --problems")?;
    while !is_listed(&problems) && Instant::now() < end {
        problems = step("ps --problems")?;
    }
    assert!(is_listed(&problems), "{problems}");
    drop(running.take_input());
    running.finish()?.expect(0)?;
    let plan = step("run --dry-run")?;
    let text = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("that is the program gets the registration"),
        "{plan}"
    );
    let started = step("run --verify")?;
    assert!(started.contains("granted 9 already 0"), "{started}");
    assert!(started.contains("it is so"), "{started}");
    assert!(step("run --help")?.contains("ExecStart="));
    assert!(step("explain")?.contains("TCMalloc"));
    Ok(())
}
