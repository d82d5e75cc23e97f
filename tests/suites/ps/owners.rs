//! Who owns the threads of real programs, on this libc and on others.

use std::fs;
use std::time::{Duration, Instant};

use crate::look::{ends, idle, is_left_alone, look, look_with, message, ps, ready, rules, threads};
use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::debian;
use rseq_kit::fixture::built;
use rseq_kit::foreign::Libc;
use rseq_kit::needs::Need;
use rseq_kit::needs::{program, python};
use rseq_kit::patience::stretched;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::trace::registration_of;
use rseq_kit::world::World;
use rseq_lab_clients::envoy::{self, Route, Start};
use rseq_lab_clients::tcmalloc;
use rseq_lab_clients::tcmalloc::{Linked, binary};
use rseq_lab_clients::workerd;
use serde_json::{Value, json};

/// Each row is what the kernel tells us, too.
pub(crate) fn owned(case: &str, world: &str, owner: &str) -> Outcome {
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

/// An emulator's threads have its own libc's registration, whatever the libc of the
/// program that it emulates says, and that program is refused nothing.
#[rseq_kit::test(Need::LIVE, Need::STATIC_LIBC, debian::need("qemu-user-static"))]
fn emulated() -> Outcome {
    let root = debian::files("qemu-user-static")?;
    let emulator = root.join("usr/bin/qemu-x86_64-static");
    let name = emulator.display().to_string();
    for (guest, definer) in [
        (built("idle", "dynamic")?, false),
        (built("addresses", "exports")?, true),
        (built("idle", "static")?, false),
    ] {
        let running = ready(Program::new(&emulator).arg(guest))?;
        let row = look(running.id())?;
        assert_eq!(row["owner"], "libc", "{row}");
        let mut registered = 0;
        for thread in threads(&row).filter(|it| it["registered"] == true) {
            registered += 1;
            assert_eq!(thread["object"], name.as_str(), "{thread}");
            // it is stripped: no symbol proves it
            assert_eq!(thread["area_evidence"], "likely", "{thread}");
        }
        assert!(registered >= 5, "{row}");
        assert!(!rules(&row).contains(&"refused-client"), "{row}");
        let objects = row["objects"].as_array().ok_or("no objects")?;
        let defines = objects.iter().any(|it| it["defines"] == "exported");
        assert_eq!(defines, definer, "{row}");
        ends(running)?;
    }
    Ok(())
}

pub(crate) fn static_program(case: &str) -> Outcome {
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
pub(crate) fn all_libcs(id: i32, at_least: usize) -> Result<(), String> {
    let end = Instant::now() + stretched(Duration::from_secs(60));
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

#[rseq_kit::test(Need::LIVE, Need::PYTHON)]
fn python_threads() -> Outcome {
    let running = ready(Program::new(python()?).args(["-c", PYTHON]))?;
    all_libcs(running.id(), 17)?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

const NODE: &str = "process.stdin.on('end', () => console.log('done'));\n\
    process.stdin.resume();\n\
    require('fs').readFile(process.argv0, () => console.log('ready'));\n";

#[rseq_kit::test(Need::LIVE, Need::NODE)]
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

#[rseq_kit::test(Need::LIVE, Need::JAVA)]
fn java() -> Outcome {
    let source = scratch::directory("java")?.join("Waits.java");
    fs::write(&source, JAVA).map_err(|error| error.to_string())?;
    let running = ready(Program::new(program("java")?).arg(&source))?;
    // its main program is a thread that the launcher has made
    all_libcs(running.id(), 10)?;
    assert_eq!(ends(running)?.out, "ready\ndone\n");
    Ok(())
}

/// What has been loaded has found room: the audit's warning is refuted.
#[rseq_kit::test(Need::LIVE)]
fn much_static_tls() -> Outcome {
    let library = built("large-tls", "default")?;
    let running = ready(idle("dynamic", 1)?.env("LD_PRELOAD", &library))?;
    let (row, code) = look_with(running.id(), &[])?;
    assert_eq!(rules(&row), Vec::<&str>::new(), "{row}");
    assert_eq!(code, 0, "{row}");
    ends(running)?;
    Ok(())
}

/// A definer that came by dlopen, and could go again, unless it is marked.
#[rseq_kit::test(Need::LIVE, Need::PYTHON)]
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
#[rseq_kit::test(Need::LIVE, Need::CXX, tcmalloc::NEED)]
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

pub(crate) fn with_launcher(linked: Linked, owner: &str) -> Outcome {
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
    for rule in ["refused-client", "hidden-definer", "read-only-store"] {
        assert!(!rules(&row).contains(&rule), "{rule}: {row}");
    }
    let finished = ends(running)?;
    assert!(finished.out.contains("caches on"), "{}", finished.out);
    Ok(())
}

/// On other libcs, started by their dynamic linkers: one that registers nothing,
/// and two whose area lies behind the blocks of all objects.
pub(crate) fn libc_of(name: &str) -> Outcome {
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

/// Envoy, which is stripped: who owns it shows in the running process.
#[rseq_kit::test(Need::LIVE, envoy::NEED)]
fn envoy_bare_and_run() -> Outcome {
    for (run, owner) in [(false, "libc"), (true, "client")] {
        let start = Start::new(Route::Direct(5), 2)?;
        let program = if run {
            let program = Program::new(&artifacts()?.rseqctl).args(["run", "--"]);
            program.arg(envoy::binary()?)
        } else {
            Program::new(envoy::binary()?)
        };
        let running = program
            .args(&start.arguments)
            .limit(Duration::from_secs(180))
            .start()?;
        workerd::ask(start.port()?, 4, 25)?;
        let row = look(running.id())?;
        assert_eq!(row["owner"], owner, "{row}");
        let is_refused = rules(&row).contains(&"refused-client");
        assert_eq!(is_refused, !run, "{row}");
        is_left_alone(running.id())?;
    }
    Ok(())
}

/// A server that is asked all the time, while it is looked at all the time.
#[rseq_kit::test(Need::LIVE, workerd::NEED)]
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
