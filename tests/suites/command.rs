//! `rseqctl run` from outside: statuses, what the command gets, what is said.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::{Finished, Program};
use rseq_tests::fixture::built;
use rseq_tests::needs::{Need, program};
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::scratch;
use rseq_tests::world::{GLIBC_OFF, Report};

fn main() -> ExitCode {
    let runs = [Need::X86_64, Need::Glibc(2, 35), Need::Rseq];
    let builds = [Need::Cc, Need::X86_64, Need::Glibc(2, 35), Need::Rseq];
    let links_static = [Need::Cc, Need::X86_64, Need::StaticLibc];
    let as_root = [Need::Cc, Need::X86_64, Need::Root];
    let root = [Need::X86_64, Need::Glibc(2, 35), Need::Rseq, Need::Root];
    let mut suite = Suite::new();
    suite.add("run::status", &runs, status);
    suite.add("run::cannot_start", &runs, cannot_start);
    suite.add("run::usage", &runs, usage);
    suite.add("run::signal", &runs, signal);
    suite.add("run::environment_is_added_to", &builds, environment);
    suite.add("run::tunable_of_the_user_holds", &builds, tunable);
    suite.add("run::dry_run", &builds, dry_run);
    suite.add("run::corruption_is_refused", &builds, corruption);
    suite.add("run::pointers_are_followed", &builds, pointers);
    suite.add("run::sections_that_do_not_abort", &builds, no_abort);
    suite.add("run::remembered_answer", &builds, remembered);
    suite.add("run::launchers", &builds, launchers);
    suite.add("run::entry_point_script", &builds, entry_point);
    suite.add("run::static_tls_for_dlopen", &builds, static_tls);
    suite.add("run::verified", &builds, verified);
    suite.add("run::not_as_decided", &builds, not_as_decided);
    suite.add("run::who_verifies_is_no_child", &runs, no_child);
    suite.add("run::report", &builds, report);
    suite.add("run::adopters", &builds, adopters);
    suite.add("run::adopter_library", &builds, adopter_library);
    suite.add("run::denied", &builds, denied);
    suite.add("run::static", &links_static, static_program);
    suite.add("run::static_pie", &links_static, static_pie);
    suite.add("run::set_user_id", &as_root, set_user_id);
    suite.add("run::other_class", &builds, other_class);
    suite.add("run::other_machine", &builds, other_machine);
    suite.add("run::musl", &builds, musl);
    suite.add("run::script", &builds, script);
    suite.add("run::no_file_may_be_written", &runs, no_file);
    suite.add("run::nobody_can_be_told", &runs, nobody_can_be_told);
    suite.add("run::pipes_are_the_commands", &runs, pipes);
    suite.add("run::folder_below_a_strangers", &root, strangers_folder);
    suite.add("run::unknown_mode", &builds, unknown_mode);
    suite.run()
}

fn run(options: &[&str], command: &[impl AsRef<std::ffi::OsStr>]) -> Result<Program, String> {
    Ok(Program::new(&artifacts()?.rseqctl)
        .arg("run")
        .args(options)
        .arg("--")
        .args(command))
}

/// Fails unless `text` holds every one of `words`.
fn holds(text: &str, words: &[&str]) -> Result<(), String> {
    match words.iter().find(|word| !text.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("expected {word:?} in {text:?}")),
    }
}

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

/// 126 and 127 as env(1), and in words.
fn cannot_start() -> Outcome {
    let folder = scratch::directory("programs")?;
    let file = |name: &str, content: &[u8], mode| -> std::io::Result<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
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

fn environment() -> Outcome {
    let shim = artifacts()?.shim.display().to_string();
    let witness = built("witness", "default")?.display().to_string();
    let user = [
        ("LD_PRELOAD", &*witness),
        ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"),
    ];
    let got = variables(&["--mode", "own"], &user)?;
    let tunables = format!("glibc.malloc.tcache_count=0:{GLIBC_OFF}");
    assert_eq!(got.out, format!("{witness}:{shim}\n{tunables}\n"));
    // where nothing has to change, nothing does
    let got = variables(&[], &user)?;
    let lines: Vec<_> = got.out.lines().collect();
    assert_eq!(lines[1], "glibc.malloc.tcache_count=0");
    let got = variables(&["--mode", "off"], &user)?;
    assert_eq!(got.out, format!("{witness}\nglibc.malloc.tcache_count=0\n"));
    Ok(())
}

fn tunable() -> Outcome {
    let kept = "glibc.pthread.rseq=1";
    let got = variables(&["--mode", "own"], &[("GLIBC_TUNABLES", kept)])?;
    assert_eq!(got.out.lines().nth(1), Some(kept));
    holds(&got.err, &[kept])?;
    assert_eq!(got.err.lines().count(), 1, "{}", got.err);
    Ok(())
}

fn dry_run() -> Outcome {
    let rows = [
        (built("nothing", "default")?, "libc", false),
        (built("adopter", "exports")?, "adopter", true),
        (built("adopter", "hides")?, "client", true),
        (built("adopter", "hides-stripped")?, "client", true),
    ];
    for (path, owner, off) in rows {
        let finished = run(&["--dry-run"], &[&path])?.run()?.expect(0)?;
        let words = |line: &str| line.split_whitespace().eq(["owner", owner]);
        assert!(finished.out.lines().any(words), "{owner}: {}", finished.out);
        assert_eq!(finished.out.contains(GLIBC_OFF), off, "{}", finished.out);
    }
    let command = ["sh", "-c", "echo started"];
    let finished = run(&["--dry-run"], &command)?.run()?.expect(0)?;
    assert!(!finished.out.contains("started"), "{}", finished.out);
    Ok(())
}

fn report() -> Outcome {
    let census = built("census", "default")?;
    let path = scratch::directory("report")?.join("report.json");
    let options = [
        "--mode",
        "own",
        "--report",
        path.to_str().unwrap_or_default(),
    ];
    let finished = run(&options, &[&census])?.run()?.expect(0)?;
    holds(&finished.out, &["threads ours 8\n"])?;
    let report = Report::read(&path)?;
    assert_eq!(report.owner()?, "shim");
    assert!(!report.reason()?.is_empty());
    for (what, count) in [("started", 9), ("registered", 9), ("refused", 0)] {
        assert_eq!(report.threads(what)?, count, "{what}");
    }
    // on standard output, after the command's own
    let finished = run(&["--report", "-"], &[&census])?.run()?.expect(0)?;
    let (own, json) = finished.out.split_at(finished.out.find('{').unwrap_or(0));
    holds(own, &["threads foreign 8\n"])?;
    assert_eq!(Report::parse(json)?.owner()?, "libc");
    Ok(())
}

fn adopters() -> Outcome {
    adopts(
        "exports",
        "granted 0 already 9 refused 0 denied 0\n",
        "adopter",
    )?;
    adopts(
        "hides",
        "granted 9 already 0 refused 0 denied 0\n",
        "client",
    )?;
    adopts(
        "hides-stripped",
        "granted 9 already 0 refused 0 denied 0\n",
        "client",
    )
}

/// The definition is in a library that the program needs.
fn adopter_library() -> Outcome {
    adopts(
        "uses-library",
        "granted 0 already 9 refused 0 denied 0\n",
        "adopter",
    )
}

fn adopts(case: &str, says: &str, owner: &str) -> Outcome {
    let path = scratch::directory("report")?.join("report.json");
    let options = ["--report", path.to_str().unwrap_or_default()];
    let finished = run(&options, &[built("adopter", case)?])?.run()?;
    assert_eq!(finished.out, says, "{case}");
    finished.expect(0)?;
    assert_eq!(Report::read(&path)?.owner()?, owner, "{case}");
    Ok(())
}

/// Where the kernel refuses rseq, the command runs on, and its threads can tell.
fn denied() -> Outcome {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let path = scratch::directory("report")?.join("report.json");
        let report = path.to_str().unwrap_or_default();
        let options = ["--mode", "own", "--report", report];
        let census = built("census", "default")?;
        let finished = run(&options, &[census])?.deny(errno).run()?.expect(0)?;
        holds(&finished.out, &["main denied -2\n", "cpu 0 failed 8\n"])?;
        assert_eq!(finished.err, "");
        let report = Report::read(&path)?;
        assert_eq!(report.owner()?, "unavailable");
        assert_eq!(report.threads("registered")?, 0);
    }
    Ok(())
}

/// A program that cannot be preloaded is said to be one, and runs all the same.
fn said_and_started(path: &Path, words: &[&str]) -> Outcome {
    said(path, words)?;
    let finished = run(&[], &[path])?.run()?.expect(0)?;
    holds(&finished.err, words)?;
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    Ok(())
}

fn said(path: &Path, words: &[&str]) -> Outcome {
    let finished = run(&["--dry-run"], &[path])?.run()?.expect(0)?;
    holds(&finished.out, words)?;
    assert!(!finished.out.contains("LD_PRELOAD="), "{}", finished.out);
    Ok(())
}

fn static_program() -> Outcome {
    let path = built("definer-executable", "static")?;
    said_and_started(&path, &["statically linked"])
}

fn static_pie() -> Outcome {
    let path = built("definer-executable", "static-pie")?;
    said_and_started(&path, &["statically linked"])
}

/// A copy of a fixture, changed.
fn changed(name: &str, change: impl FnOnce(&mut [u8])) -> Result<PathBuf, String> {
    let path = scratch::directory("changed")?.join(name);
    let mut bytes = fs::read(built("nothing", "default")?).map_err(|error| error.to_string())?;
    change(&mut bytes);
    fs::write(&path, bytes).map_err(|error| error.to_string())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .map_err(|error| error.to_string())?;
    Ok(path)
}

fn set_user_id() -> Outcome {
    let path = changed("set-user-id", |_| ())?;
    std::os::unix::fs::chown(&path, Some(65534), Some(65534))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755))?;
    said_and_started(&path, &["setuid"])
}

fn other_class() -> Outcome {
    // e_ident[EI_CLASS] = ELFCLASS32, e_machine = EM_386
    let path = changed("class", |bytes| {
        bytes[4] = 1;
        bytes[18] = 3;
    })?;
    said(&path, &["32-bit", "i386"])
}

fn other_machine() -> Outcome {
    // e_machine = EM_AARCH64
    let path = changed("machine", |bytes| bytes[18] = 183)?;
    said(&path, &["aarch64"])
}

fn musl() -> Outcome {
    const GLIBC: &[u8] = b"/lib64/ld-linux-x86-64.so.2";
    const MUSL: &[u8] = b"/lib/ld-musl-x86_64.so.1\0\0\0";
    let path = changed("musl", |bytes| {
        let place = bytes.windows(GLIBC.len()).position(|part| part == GLIBC);
        let place = place.unwrap_or_default();
        bytes[place..place + MUSL.len()].copy_from_slice(MUSL);
    })?;
    said(&path, &["musl"])
}

/// A script is its interpreter: that is what gets the preload.
fn script() -> Outcome {
    let shim = artifacts()?.shim.display().to_string();
    let path = scratch::directory("script")?.join("script");
    fs::write(&path, "#!/bin/sh\necho \"$LD_PRELOAD\"\nexit 4\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let finished = run(&["--dry-run"], &[&path])?.run()?.expect(0)?;
    holds(&finished.out, &["/bin/sh", &shim])?;
    let finished = run(&[], &[&path])?.run()?.expect(4)?;
    assert_eq!(finished.out, format!("{shim}\n"));
    Ok(())
}

/// What comes through a pipe can be read once, and is the command's.
fn pipes() -> Outcome {
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
fn no_file() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    for (command, status) in [("true", 0), ("sh -c 'kill -XFSZ $$'", -libc::SIGXFSZ)] {
        let script = format!("ulimit -f 0; exec '{rseqctl}' run --mode own -- {command}");
        let finished = Program::new("sh").args(["-c", &script]).run()?;
        assert_eq!(finished.expect(status)?.err, "", "{command}");
    }
    Ok(())
}

/// What cannot be told changes nothing.
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
fn strangers_folder() -> Outcome {
    let folder = scratch::directory("strangers")?;
    // LD_PRELOAD cannot name it: the libraries are copied elsewhere
    let install = folder.join("with space");
    fs::create_dir(&install)?;
    let files = artifacts()?;
    for file in [&files.rseqctl, &files.abi, &files.shim] {
        fs::copy(file, install.join(file.file_name().unwrap_or_default()))?;
    }
    let (cache, temporary) = (folder.join("cache"), folder.join("tmp"));
    fs::create_dir_all(cache.join("rseqctl"))?;
    let place = || -> Result<String, String> {
        let plan = Program::new(install.join("rseqctl"))
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

/// A folder for what rseqctl remembers, with what it has seen of this kernel.
fn remembering() -> Result<(PathBuf, PathBuf), String> {
    let cache = scratch::directory("cache")?;
    Program::new(&artifacts()?.rseqctl)
        .args(["doctor", "--seconds", "20", "--fail-on", "never"])
        .env("XDG_CACHE_HOME", &cache)
        .limit(Duration::from_secs(60))
        .run()?;
    let file = cache.join("rseqctl/kernel.json");
    if file.is_file() {
        Ok((cache, file))
    } else {
        Err(format!("{} was not written", file.display()))
    }
}

/// Changes one value in what is remembered.
fn pretend(file: &Path, key: &str, value: &str) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| say(&error))?;
    let mut content: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| say(&error))?;
    content["behaviour"][key] = value.into();
    // in place: owner and mode stay
    fs::write(file, content.to_string()).map_err(|error| say(&error))
}

/// On a kernel that keeps `cpu_id_start`, a program that writes there is not
/// granted a registration of its own, unless that is forced.
fn corruption() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "cpu_id_start", "kept")?;
    let writer = built("kernel-field", "cpu-id-start")?;
    let refused = |options: &[&str]| -> Result<Finished, String> {
        run(options, &[&writer])?
            .env("XDG_CACHE_HOME", &cache)
            .run()
    };
    let finished = refused(&[])?.expect(125)?;
    let words = ["not started", "cpu_id_start", "--mode defer", "--force"];
    holds(&finished.err, &words)?;
    // what it advises, starts
    refused(&["--mode", "defer"])?.expect(0)?;
    refused(&["--mode", "own"])?.expect(0)?;
    refused(&["--force"])?.expect(0)?;
    let finished = refused(&["--dry-run"])?.expect(0)?;
    holds(&finished.out, &["refused ", "does not rewrite"])?;
    // launchers hide nothing
    run(&[], &["nice".as_ref(), writer.as_os_str()])?
        .env("XDG_CACHE_HOME", &cache)
        .run()?
        .expect(125)?;
    // where the libc is told not to register, there is nobody to leave it to
    let finished = run(&["--mode", "defer"], &[&writer])?
        .env("XDG_CACHE_HOME", &cache)
        .env("GLIBC_TUNABLES", GLIBC_OFF)
        .run()?
        .expect(125)?;
    holds(&finished.err, &["--mode own"])?;
    // programs that keep to the kernel's rules start
    for (source, case) in [
        ("kernel-field", "own-field"),
        ("kernel-field", "load"),
        ("nothing", "default"),
    ] {
        let program = built(source, case)?;
        let finished = run(&[], &[&program])?.env("XDG_CACHE_HOME", &cache).run()?;
        finished
            .expect(0)
            .map_err(|error| format!("{case}: {error}"))?;
    }
    pretend(&file, "cpu_id_start", "rewritten")?;
    refused(&[])?.expect(0)?;
    Ok(())
}

/// What is done with a pointer to the area is followed over jumps and calls; who
/// gives it away is not started, and who only reads is.
fn pointers() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "cpu_id_start", "kept")?;
    let (writes, perhaps) = ("keeps a value of its own", "cannot be excluded");
    let mut wrong = Vec::new();
    for case in &rseq_tests::fixture::all().cases {
        let name = case.directives.name.as_str();
        if case.source != "area-pointer" {
            continue;
        }
        let expected = match name.split_once('-') {
            Some(("writes", "somewhere") | ("gives", _)) => Some(perhaps),
            Some(("writes", _)) => Some(writes),
            _ if name == "computes" => Some(perhaps),
            _ => None,
        };
        let finished = run(&[], &[case.build()?])?
            .env("XDG_CACHE_HOME", &cache)
            .run()?;
        let holds = match expected {
            None => finished.code() == 0,
            Some(words) => {
                finished.code() == 125
                    && finished.err.contains(words)
                    && finished.err.contains("--mode defer")
                    && (words == perhaps || !finished.err.contains(perhaps))
            }
        };
        if !holds {
            wrong.push(format!("{name}: {} {}", finished.code(), finished.err));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("\n").into())
}

/// Where sections do not abort, no program gets to use them.
fn no_abort() -> Outcome {
    let (cache, file) = remembering()?;
    pretend(&file, "sections", "runs-on")?;
    let program = built("adopter", "exports")?;
    let finished = run(&[], &[&program])?
        .env("XDG_CACHE_HOME", &cache)
        .run()?
        .expect(125)?;
    holds(&finished.err, &["critical-sections-do-not-abort"])?;
    Ok(())
}

/// An answer that somebody else could have written is not believed.
fn remembered() -> Outcome {
    let (cache, file) = remembering()?;
    let writer = built("kernel-field", "cpu-id-start")?;
    let plan = || -> Result<String, String> {
        let options = ["--dry-run", "--format", "json"];
        let program = run(&options, &[&writer])?.env("XDG_CACHE_HOME", &cache);
        Ok(program.run()?.expect(0)?.out)
    };
    assert!(plan()?.contains("earlier in this boot"));
    pretend(&file, "cpu_id_start", "kept")?;
    assert!(plan()?.contains("that corrupts memory"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    let text = plan()?;
    assert!(text.contains("tested just now"), "{text}");
    // and it is replaced by what was seen
    assert!(!plan()?.contains("that corrupts memory"));
    let mode = fs::metadata(&file)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // of another boot
    let text = fs::read_to_string(&file)?;
    let mut content: serde_json::Value = serde_json::from_str(&text)?;
    content["key"]["boot"] = "another".into();
    content["behaviour"]["cpu_id_start"] = "kept".into();
    fs::write(&file, content.to_string())?;
    assert!(plan()?.contains("tested just now"));
    Ok(())
}

/// The program behind a launcher is what is looked at.
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
    holds(&finished, &["but ", "were not looked at"])?;
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
fn entry_point() -> Outcome {
    let hidden = built("adopter", "hides")?;
    let script = scratch::directory("script")?.join("docker-entrypoint.sh");
    fs::write(&script, "#!/bin/sh\nset -e\nexec \"$@\"\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let command = [script.as_os_str(), hidden.as_os_str()];
    let finished = run(&["--dry-run"], &command)?.run()?.expect(0)?;
    holds(&finished.out, &["through ", "client", GLIBC_OFF])?;
    let finished = run(&[], &command)?.run()?.expect(0)?;
    holds(&finished.out, &["granted 9 already 0"])?;
    Ok(())
}

/// What a library needs that dlopen brings is kept for it.
fn static_tls() -> Outcome {
    let source = "static __thread char big[3000] __attribute__((tls_model(\"initial-exec\")));\n\
                  char *where(void) { return big; }\n";
    let folder = scratch::directory("surplus")?;
    let (text, library) = (folder.join("big.c"), folder.join("libbig.so"));
    fs::write(&text, source)?;
    Program::with_callers_environment(program("cc")?)
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &text])
        .run()?
        .expect(0)?;
    let library = library.to_str().ok_or("a path that is no text")?;
    let kept = "glibc.malloc.tcache_count=0";
    let plan = run(&["--dry-run", "--may-load", library], &["true"])?
        .env("GLIBC_TUNABLES", kept)
        .run()?
        .expect(0)?;
    let wanted = format!("GLIBC_TUNABLES={kept}:glibc.rtld.optional_static_tls=");
    holds(&plan.out, &[&wanted])?;
    let loads = "import ctypes, sys; ctypes.CDLL(sys.argv[1])";
    if let Ok(python) = rseq_tests::needs::python() {
        let command = |options: &[&str]| {
            let python = python.as_os_str();
            run(
                options,
                &[python, "-c".as_ref(), loads.as_ref(), library.as_ref()],
            )?
            .run()
        };
        let finished = command(&[])?;
        holds(&finished.err, &["static TLS"])?;
        command(&["--may-load", library])?.expect(0)?;
    }
    // the user's own setting is kept
    let own = "glibc.rtld.optional_static_tls=600";
    let plan = run(&["--dry-run", "--may-load", library], &["true"])?
        .env("GLIBC_TUNABLES", own)
        .run()?
        .expect(0)?;
    holds(&plan.out, &["warning ", "which is kept"])?;
    // too small a need changes nothing, and what is no library is said
    let shim = artifacts()?.abi.to_str().unwrap_or_default().to_owned();
    let plan = run(&["--dry-run", "--may-load", &shim], &["true"])?.run()?;
    assert!(!plan.out.contains("optional_static_tls"), "{}", plan.out);
    let finished = run(&["--may-load", "/etc/passwd"], &["true"])?
        .run()?
        .expect(125)?;
    holds(&finished.err, &["/etc/passwd"])?;
    Ok(())
}

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

fn verified() -> Outcome {
    for (source, case, owner) in [
        ("nothing", "default", "libc"),
        ("adopter", "exports", "adopter"),
        ("adopter", "hides", "client"),
    ] {
        let path = built(source, case)?.display().to_string();
        let told = errors(&["--verify"], &[&path])?;
        holds(&told, &[&format!("to be {owner}: it is so")])?;
        let told = errors(&["--verify"], &["nice", &path])?;
        holds(&told, &[&format!("to be {owner}: it is so")])?;
        // good news only where they are asked for
        assert_eq!(errors(&[], &[&path])?, "");
    }
    let told = errors(&["--verify", "--mode", "off"], &["true"])?;
    holds(&told, &["not verified"])?;
    Ok(())
}

/// The tunable is lost on the way: whoever reads the log is told.
fn not_as_decided() -> Outcome {
    let hidden = built("adopter", "hides")?.display().to_string();
    let script = scratch::directory("script")?.join("entrypoint");
    fs::write(&script, "#!/bin/sh\nunset GLIBC_TUNABLES\nexec \"$@\"\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let script = script.display().to_string();
    let told = errors(&[], &[&script, &hidden])?;
    holds(&told, &["to be client", "it is libc"])?;
    assert_eq!(errors(&["--no-verify"], &[&script, &hidden])?, "");
    Ok(())
}

/// The command has no child that it did not start, and nothing of rseqctl's
/// open.
fn no_child() -> Outcome {
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
