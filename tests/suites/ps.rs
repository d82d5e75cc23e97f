//! `rseqctl ps` at real processes: who owns the registration of each thread, and
//! that every process goes on as if nobody had looked.

use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::{Finished, Program, Running};
use rseq_tests::fixture::built;
use rseq_tests::foreign::Libc;
use rseq_tests::guest::{Command as GuestCommand, Guest, Kernel, kernels};
use rseq_tests::needs::{Need, program, python};
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::tcmalloc::{Linked, binary};
use rseq_tests::trace::registration_of;
use rseq_tests::world::{GLIBC_OFF, World};
use rseq_tests::{scratch, sys, workerd};
use serde_json::{Value, json};

/// Who owns the threads of a program that waits, by its case and world.
const OWNERS: [(&str, &str, &str); 9] = [
    ("nobody", "plain", "libc"),
    ("nobody", "bare", "none"),
    ("nobody", "libc", "libc"),
    ("nobody", "shim", "shim"),
    ("nobody", "own", "shim"),
    ("nobody", "takeover", "shim"),
    ("exports", "plain", "libc"),
    ("exports", "shim", "adopter"),
    ("exports", "takeover", "adopter"),
];

fn main() -> ExitCode {
    let needs = [
        Need::X86_64,
        Need::Glibc(2, 35),
        Need::Rseq,
        Need::Ptrace,
        Need::Cc,
    ];
    let with = |more: &[Need]| [&needs[..], more].concat();
    let mut suite = Suite::new();
    for (case, world, owner) in OWNERS {
        let title = format!("ps::owner::{case}::{world}");
        suite.add(title, &needs, move || owned(case, world, owner));
    }
    for case in ["static", "static-stripped"] {
        let needs = with(&[Need::StaticLibc]);
        suite.add(format!("ps::{case}"), &needs, move || static_program(case));
    }
    suite.add("ps::python", &with(&[Need::Python]), python_threads);
    suite.add("ps::node", &with(&[Need::Node]), node);
    suite.add("ps::java", &with(&[Need::Java]), java);
    suite.add("ps::dlopened", &with(&[Need::Python]), dlopened);
    let tcmalloc = with(&[Need::Cxx, Need::Tcmalloc]);
    suite.add("ps::without_launcher", &tcmalloc, without_launcher);
    for (way, linked, owner) in [
        ("hidden", Linked::Hidden, "client"),
        ("exported", Linked::Exported, "adopter"),
        ("shared", Linked::Shared, "adopter"),
    ] {
        let title = format!("ps::with_launcher::{way}");
        suite.add(title, &tcmalloc, move || with_launcher(linked, owner));
    }
    for name in ["bullseye", "trixie", "forky"] {
        let needs = with(&[Need::Libc(name)]);
        suite.add(format!("ps::libc::{name}"), &needs, move || libc_of(name));
    }
    suite.add("ps::workerd", &with(&[Need::Workerd]), workerd_under_load);
    suite.add("ps::many_threads", &needs, many_threads);
    suite.add("ps::ends_meanwhile", &needs, ends_meanwhile);
    suite.add("ps::threads_come_and_go", &needs, threads_come_and_go);
    suite.add(
        "ps::main_thread_ended",
        &with(&[Need::Python]),
        main_thread_ended,
    );
    suite.add("ps::zombie", &with(&[Need::Python]), zombie);
    suite.add("ps::debugger", &needs, debugger);
    suite.add("ps::stopped", &needs, stopped);
    suite.add("ps::signals", &needs, signals);
    suite.add("ps::interrupted", &needs, interrupted);
    suite.add("ps::not_stopped", &needs, not_stopped);
    suite.add("ps::deleted", &needs, deleted);
    suite.add("ps::watch", &needs, watch);
    let namespace = with(&[Need::Root, Need::MountNamespace]);
    suite.add("ps::namespaces", &namespace, namespaces);
    suite.add("ps::whole_host", &namespace, whole_host);
    let other = with(&[Need::Root, Need::Setpriv]);
    suite.add("ps::another_user", &other, another_user);
    let kernels = match kernels::chosen() {
        Ok(kernels) => kernels,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for kernel in kernels {
        let needs = with(&[Need::Binutils, Need::StaticLibc, Need::Kernel(kernel)]);
        let title = format!("ps::kernel::{}", kernel.name);
        suite.add(title, &needs, move || on_kernel(kernel));
    }
    suite.run()
}

/// A program that has said that it is ready, and waits for the end of its input.
fn ready(program: Program) -> Result<Running, String> {
    let mut running = program
        .input(Stdio::piped())
        .limit(Duration::from_secs(180))
        .start()?;
    running.wait_for_output(|text| text.contains("ready\n").then_some(()))?;
    Ok(running)
}

/// The fixture `idle` with so many threads besides the main one.
fn idle(case: &str, threads: u32) -> Result<Program, String> {
    Ok(Program::new(built("idle", case)?).arg(threads.to_string()))
}

/// It has not noticed anything: it ends well, by itself.
fn ends(mut running: Running) -> Result<Finished, String> {
    drop(running.take_input());
    running.finish()?.expect(0)
}

fn ps() -> Result<Program, String> {
    let program = Program::new(&artifacts()?.rseqctl).arg("ps");
    Ok(program.limit(Duration::from_secs(120)))
}

/// What is said about one process, with the exit status.
fn look_with(id: i32, arguments: &[&str]) -> Result<(Value, i32), String> {
    let finished = ps()?
        .args(["--format", "ndjson"])
        .args(arguments)
        .arg(id.to_string())
        .run()?;
    let row = serde_json::from_str(&finished.out)
        .map_err(|error| format!("{error}: {} {}", finished.out, finished.err))?;
    Ok((row, finished.code()))
}

fn look(id: i32) -> Result<Value, String> {
    look_with(id, &[]).map(|(row, _)| row)
}

fn threads(row: &Value) -> impl Iterator<Item = &Value> {
    row["threads"].as_array().into_iter().flatten()
}

fn rules(row: &Value) -> Vec<&str> {
    let findings = row["findings"].as_array().into_iter().flatten();
    findings.filter_map(|it| it["rule"].as_str()).collect()
}

/// The message of the finding of this rule.
fn message<'a>(row: &'a Value, rule: &str) -> Option<&'a str> {
    let mut findings = row["findings"].as_array()?.iter();
    findings.find(|it| it["rule"] == rule)?["message"].as_str()
}

/// Nobody traces any thread of the process, and none is stopped.
fn is_left_alone(id: i32) -> Result<(), String> {
    let say = |error: std::io::Error| format!("process {id}: {error}");
    for entry in fs::read_dir(format!("/proc/{id}/task")).map_err(say)? {
        let path = entry.map_err(say)?.path().join("status");
        // a thread may have ended meanwhile
        let text = fs::read_to_string(path).unwrap_or_default();
        let stays = |line: &str| line.starts_with("State:\tt") || line.starts_with("State:\tT");
        if text.lines().any(stays) || !text.is_empty() && !text.contains("TracerPid:\t0\n") {
            return Err(text);
        }
    }
    Ok(())
}

/// Each row is what the kernel tells us, too.
fn owned(case: &str, world: &str, owner: &str) -> Outcome {
    let program = Program::new(built("addresses", case)?);
    let (program, _records) = World::from_name(world)?.prepare(program)?;
    let running = ready(program)?;
    let row = look(running.id())?;
    assert_eq!(row["owner"], owner, "{row}");
    assert_eq!(threads(&row).count(), 5, "{row}");
    for thread in threads(&row) {
        let id = thread["tid"].as_i64().ok_or("no id")?;
        let held = registration_of(i32::try_from(id).map_err(|error| error.to_string())?)?;
        if held.rseq_abi_pointer == 0 {
            assert_eq!(thread["registered"], false, "{thread}");
            assert_eq!(thread["address"], Value::Null, "{thread}");
            continue;
        }
        let address = format!("{:#x}", held.rseq_abi_pointer);
        assert_eq!(thread["address"], address.as_str(), "{thread}");
        assert_eq!(thread["length"], held.rseq_abi_size, "{thread}");
        assert_eq!(thread["area_evidence"], "proved", "{thread}");
        assert!(thread["cpu_id"].as_i64() >= Some(0), "{thread}");
    }
    let area = match owner {
        "libc" => "libc",
        "none" => "",
        _ => "__rseq_abi",
    };
    let mut found = threads(&row).map(|thread| thread["area"].as_str().unwrap_or_default());
    assert!(found.all(|it| it == area), "{row}");
    let refused = case == "exports" && owner == "libc";
    assert_eq!(rules(&row).contains(&"refused-client"), refused, "{row}");
    ends(running)?;
    Ok(())
}

fn static_program(case: &str) -> Outcome {
    let running = ready(idle(case, 4)?)?;
    let row = look(running.id())?;
    assert_eq!(row["owner"], "libc", "{row}");
    assert_eq!(row["registered"], 5, "{row}");
    // without symbols it is likely only
    let evidence = match case {
        "static" => "proved",
        _ => "likely",
    };
    assert!(
        threads(&row).all(|thread| thread["area_evidence"] == evidence),
        "{row}"
    );
    ends(running)?;
    Ok(())
}

/// Every thread of this process is registered to the libc: in the end, as a
/// thread that is being born is not yet.
fn all_libcs(id: i32, at_least: usize) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let row = look(id)?;
        let is_libcs =
            |thread: &Value| thread["area"] == "libc" && thread["area_evidence"] == "proved";
        if row["owner"] == "libc"
            && threads(&row).count() >= at_least
            && threads(&row).all(is_libcs)
            && row["missing"] == json!([])
        {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(row.to_string());
        }
    }
}

const PYTHON: &str = "import sys, threading\n\
    end = threading.Event()\n\
    threads = [threading.Thread(target=end.wait) for _ in range(16)]\n\
    [t.start() for t in threads]\n\
    print('ready', flush=True)\n\
    sys.stdin.read()\n\
    end.set()\n\
    [t.join() for t in threads]\n\
    print('done')\n";

fn python_threads() -> Outcome {
    let running = ready(Program::new(python()?).args(["-c", PYTHON]))?;
    all_libcs(running.id(), 17)?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

const NODE: &str = "process.stdin.on('end', () => console.log('done'));\n\
    process.stdin.resume();\n\
    require('fs').readFile(process.argv0, () => console.log('ready'));\n";

fn node() -> Outcome {
    let running = ready(Program::new(program("node")?).args(["-e", NODE]))?;
    all_libcs(running.id(), 5)?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

const JAVA: &str = "class Waits {\n\
    \x20   public static void main(String[] unused) throws Exception {\n\
    \x20       System.out.println(\"ready\");\n\
    \x20       while (System.in.read() >= 0) { }\n\
    \x20       System.out.println(\"done\");\n\
    \x20   }\n\
    }\n";

fn java() -> Outcome {
    let source = scratch::directory("java")?.join("Waits.java");
    fs::write(&source, JAVA).map_err(|error| error.to_string())?;
    let running = ready(Program::new(program("java")?).arg(&source))?;
    // its main program is a thread that the launcher has made
    all_libcs(running.id(), 10)?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

/// A definer that came by dlopen, and could go again, unless it is marked.
fn dlopened() -> Outcome {
    const SCRIPT: &str = "import ctypes, sys\n\
        library = ctypes.CDLL(sys.argv[1])\n\
        print('ready', flush=True)\n\
        sys.stdin.read()\n";

    for (case, is_loose) in [("unloadable", true), ("nodelete", false)] {
        let library = built("definer-library", case)?;
        let running = ready(Program::new(python()?).args(["-c", SCRIPT]).arg(&library))?;
        let (row, code) = look_with(running.id(), &[])?;
        let objects = row["objects"].as_array().ok_or("no objects")?;
        let path = library.canonicalize().map_err(|error| error.to_string())?;
        let object = objects
            .iter()
            .find(|object| object["path"].as_str() == path.to_str())
            .ok_or_else(|| row.to_string())?;
        assert_eq!(object["defines"], "exported", "{row}");
        assert_eq!(object["unloadable"], is_loose, "{row}");
        let found = rules(&row);
        assert!(found.contains(&"dlopened-definer"), "{row}");
        assert_eq!(found.contains(&"unloadable-definer"), is_loose, "{row}");
        assert_eq!(code, i32::from(is_loose), "{row}");
        ends(running)?;
    }
    Ok(())
}

/// A server with TCMalloc in it, started as people do.
fn without_launcher() -> Outcome {
    let running = ready(Program::new(binary(Linked::Hidden)?).arg("wait"))?;
    let (row, code) = look_with(running.id(), &["--fail-on", "warning"])?;
    assert_eq!((row["owner"].as_str(), code), (Some("libc"), 1), "{row}");
    let message = message(&row, "refused-client").ok_or_else(|| row.to_string())?;
    for words in [
        "does not export",
        "9 threads",
        "rseqctl run",
        "per-CPU caches",
    ] {
        assert!(message.contains(words), "{words}: {message}");
    }
    // the same for people, unasked
    let told = ps()?.arg(running.id().to_string()).run()?.expect(0)?;
    assert!(told.out.contains("[refused-client]"), "{}", told.out);
    let finished = ends(running)?;
    assert!(finished.out.contains("caches off"), "{}", finished.out);
    Ok(())
}

fn with_launcher(linked: Linked, owner: &str) -> Outcome {
    let run = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--"])
        .arg(binary(linked)?)
        .arg("wait");
    let running = ready(run)?;
    let row = look(running.id())?;
    assert_eq!(row["owner"], owner, "{row}");
    assert!(
        threads(&row).all(|it| it["area"] == "__rseq_abi" && it["length"] == 32),
        "{row}"
    );
    assert!(
        threads(&row).all(|it| it["area_evidence"] == "proved"),
        "{row}"
    );
    for rule in ["refused-client", "hidden-definer"] {
        assert!(!rules(&row).contains(&rule), "{rule}: {row}");
    }
    let finished = ends(running)?;
    assert!(finished.out.contains("caches on"), "{}", finished.out);
    Ok(())
}

/// On other libcs, started by their dynamic linkers: one that registers nothing,
/// and two whose area lies behind the blocks of all objects.
fn libc_of(name: &str) -> Outcome {
    let libc = Libc::of(name)?;
    let program = libc.build("idle", &["-pthread"])?;
    let running = ready(libc.program(&program).arg("4"))?;
    let row = look(running.id())?;
    let registers = name != "bullseye";
    let owner = if registers { "libc" } else { "none" };
    assert_eq!(row["owner"], owner, "{row}");
    let registered = if registers { 5 } else { 0 };
    assert_eq!(row["registered"], registered, "{row}");
    assert_eq!(row["unregistered"], 5 - registered, "{row}");
    if registers {
        assert!(
            threads(&row).all(|it| it["area_evidence"] == "proved"),
            "{row}"
        );
    }
    ends(running)?;
    Ok(())
}

/// A server that is asked all the time, while it is looked at all the time.
fn workerd_under_load() -> Outcome {
    const CONNECTIONS: u32 = 8;
    const EACH: u32 = 100;

    let mut running = Program::new(workerd::binary()?)
        .args(workerd::arguments()?)
        .limit(Duration::from_secs(180))
        .start()?;
    let port = running.wait_for_output(workerd::port)?;
    let load = std::thread::spawn(move || workerd::ask(port, CONNECTIONS, EACH));
    let mut looks = 0;
    while !load.is_finished() {
        let row = look(running.id())?;
        assert_eq!(row["owner"], "libc", "{row}");
        assert!(rules(&row).contains(&"refused-client"), "{row}");
        looks += 1;
    }
    let answers = load.join().map_err(|_| "a client panicked")??;
    assert_eq!(answers.len(), (CONNECTIONS * EACH) as usize);
    for (path, answer) in answers {
        assert_eq!(answer, format!("HTTP/1.1 200 OK you asked for {path}"));
    }
    assert!(looks > 0);
    is_left_alone(running.id())?;
    Ok(())
}

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
    while !fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|it| it.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(1));
    }
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

/// It has ended, and its parent has not noticed: told, and no failure.
fn zombie() -> Outcome {
    const SCRIPT: &str = "import subprocess, sys\n\
        child = subprocess.Popen(['true'])\n\
        print(child.pid)\n\
        print('ready', flush=True)\n\
        sys.stdin.read()\n";

    let mut running = ready(Program::new(python()?).args(["-c", SCRIPT]))?;
    let id = running.wait_for_output(|text| text.lines().next()?.parse().ok())?;
    while !fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|it| it.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (row, code) = look_with(id, &[])?;
    assert_eq!((&row["owner"], code), (&Value::Null, 0), "{row}");
    assert!(row["because"].to_string().contains("has ended"), "{row}");
    ends(running)?;
    Ok(())
}

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
fn stopped() -> Outcome {
    let running = ready(idle("dynamic", 4)?)?;
    let id = running.id();
    let state = || {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let rest = text.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        rest.unwrap_or_default().chars().next()
    };
    let is_stopped = || {
        let end = Instant::now() + Duration::from_secs(60);
        while state() != Some('T') && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(state(), Some('T'));
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
fn signals() -> Outcome {
    let running = ready(Program::new(built("signalled", "default")?))?;
    for _ in 0..40 {
        look(running.id())?;
    }
    assert_eq!(ends(running)?.out, "ready\n0 lost\n");
    Ok(())
}

/// Ended by a signal in the middle of its work, it leaves no thread stopped.
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
fn deleted() -> Outcome {
    let copy = scratch::directory("deleted")?.join("adopter");
    fs::copy(built("addresses", "exports")?, &copy).map_err(|error| error.to_string())?;
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

/// The processes of a process: its children, and theirs.
fn descendants(id: i32) -> Vec<i32> {
    let path = format!("/proc/{id}/task/{id}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    let children: Vec<i32> = text.split(' ').filter_map(|id| id.parse().ok()).collect();
    let more: Vec<i32> = children.iter().flat_map(|id| descendants(*id)).collect();
    [children, more].concat()
}

/// In mount, pid and user namespaces of its own, by a path that leads nowhere
/// out here.
fn namespaces() -> Outcome {
    let place = scratch::directory("namespaces")?;
    let script = format!(
        "mount -t tmpfs none {0} && cp {1} {0}/inside && exec {0}/inside",
        place.display(),
        built("addresses", "exports")?.display()
    );
    let unshare = Program::new(program("unshare")?)
        .args(["--user", "--map-root-user", "--mount", "--pid", "--fork"])
        .args(["sh", "-c", &script]);
    let running = ready(unshare)?;
    let inner = descendants(running.id()).pop().ok_or("no child")?;
    assert!(!place.join("inside").exists());
    let row = look(inner)?;
    assert_eq!(row["inner_pids"], json!([1]), "{row}");
    assert_eq!(
        row["other_namespaces"],
        json!(["mnt", "pid", "user"]),
        "{row}"
    );
    assert_eq!(
        (&row["owner"], &row["registered"]),
        (&"libc".into(), &5.into()),
        "{row}"
    );
    let message = message(&row, "refused-client").ok_or_else(|| row.to_string())?;
    assert!(message.contains("exports"), "{message}");
    assert_eq!(row["missing"], json!([]), "{row}");
    ends(running)?;
    Ok(())
}

/// Every process there is, in a pid namespace that stands for the host.
fn whole_host() -> Outcome {
    let idle = built("idle", "dynamic")?;
    let definer = built("addresses", "exports")?;
    let script = format!(
        "mkfifo $1/end; for i in 1 2 3; do {0} 2 <$1/end >$1/said$i & done; \
         {1} <$1/end >$1/said & exec 9>$1/end; \
         until test $(cat $1/said* | grep -c ready) = 4; do sleep 0.1; done; \
         {2} ps --format json --fleet=test; echo; {2} ps --fail-on warning >$1/table; echo $?; \
         exec 9>&-; wait",
        idle.display(),
        definer.display(),
        artifacts()?.rseqctl.display()
    );
    let place = scratch::directory("host")?;
    let finished = Program::new(program("unshare")?)
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script, "sh"])
        .arg(&place)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)?;
    let mut lines = finished.out.rsplitn(3, '\n').skip(1);
    assert_eq!(lines.next(), Some("1"), "{}", finished.out);
    let document: Value = serde_json::from_str(lines.next().unwrap_or_default().trim())
        .map_err(|error| format!("{error}: {}", finished.out))?;
    assert_eq!(document["host"]["host"], "test", "{document}");
    let tally = &document["tally"];
    // the shell, and what it has started; rseqctl leaves itself out
    assert_eq!(tally["processes"], 5, "{document}");
    assert_eq!(tally["threads"], 1 + 3 * 3 + 5, "{document}");
    assert_eq!(tally["warnings"], 1, "{document}");
    let table = fs::read_to_string(place.join("table")).map_err(|error| error.to_string())?;
    assert!(table.contains("[refused-client]"), "{table}");
    Ok(())
}

/// Without any capability, at another user's process: what /proc tells, and
/// what is missing.
fn another_user() -> Outcome {
    let setpriv = program("setpriv")?;
    let sleep = Program::new(&setpriv)
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program("sleep")?)
        .arg("600");
    let running = sleep.limit(Duration::from_secs(60)).start()?;
    let is_other = || {
        let path = PathBuf::from(format!("/proc/{}/comm", running.id()));
        fs::read_to_string(path).is_ok_and(|name| name == "sleep\n")
    };
    while !is_other() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let finished = Program::new(&setpriv)
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(&artifacts()?.rseqctl)
        .args(["ps", "--format", "ndjson"])
        .arg(running.id().to_string())
        .run()?
        .expect(3)?;
    let row: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    assert_eq!(
        (row["name"].as_str(), row["uid"].as_u64()),
        (Some("sleep"), Some(65534))
    );
    assert_eq!(row["owner"], Value::Null, "{row}");
    let missing = row["missing"].to_string();
    assert!(missing.contains("no permission to trace it"), "{row}");
    assert!(missing.contains("what is mapped"), "{row}");
    Ok(())
}

/// On another kernel: its only other process is static, and registered by this
/// machine's libc.
fn on_kernel(kernel: Kernel) -> Outcome {
    let folder = scratch::directory("kernel")?;
    let command = folder.join("rseqctl");
    Program::new(program("strip")?)
        .args(["--strip-debug".as_ref(), artifacts()?.rseqctl.as_os_str()])
        .args(["-o".as_ref(), command.as_os_str()])
        .run()?
        .expect(0)?;
    let mut guest = Guest::new().file("/rseqctl", &command);
    let needed = Program::new(program("ldd")?)
        .arg(&command)
        .run()?
        .expect(0)?;
    for path in needed
        .out
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        guest = guest.file(path, path.as_ref());
    }
    let look = GuestCommand::new("/rseqctl").args(["ps", "--format", "ndjson", "1"]);
    let results = guest
        .run(look.limit(Duration::from_secs(60)))
        .boot(&kernel)?;
    let finished = results
        .into_iter()
        .next()
        .ok_or("nothing was run")??
        .expect(0)?;
    let row: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    let thread = &row["threads"][0];
    if kernel.version()? < (5, 13, 0) {
        let why = thread["unknown_because"].as_str().unwrap_or_default();
        assert!(why.contains("EIO"), "{row}");
        assert_eq!(row["owner"], Value::Null, "{row}");
        return Ok(());
    }
    assert_eq!(
        (&row["owner"], &row["registered"]),
        (&"libc".into(), &1.into()),
        "{row}"
    );
    assert_eq!(thread["area_evidence"], "proved", "{row}");
    assert_eq!(thread["length"], 32, "{row}");
    // what the doctor sees on a slow machine may be less than everything
    let has_legacy = !((6, 19, 0)..(7, 0, 10)).contains(&kernel.version()?);
    let mode = if has_legacy { "legacy" } else { "optimized" };
    assert!(
        thread["mode"] == mode || thread["mode_evidence"] == "likely",
        "{row}"
    );
    Ok(())
}
