//! Who is decided to be the owner, and what comes of it.

use super::BUILDS;
use std::fs;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::program;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::{GLIBC_OFF, Report};

use super::{holds, run};

#[rseq_kit::test(BUILDS)]
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

#[rseq_kit::test(BUILDS)]
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

#[rseq_kit::test(BUILDS)]
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
#[rseq_kit::test(BUILDS)]
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
#[rseq_kit::test(BUILDS)]
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

/// What a library needs that dlopen brings is kept for it.
#[rseq_kit::test(BUILDS)]
fn static_tls_for_dlopen() -> Outcome {
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
    if let Ok(python) = rseq_kit::needs::python() {
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

/// Who asks for the libc's area first is no client: the libc is left alone.
#[rseq_kit::test(BUILDS)]
fn adopts_the_libcs_area() -> Outcome {
    for case in ["by-name", "weak"] {
        let path = built("adopts", case)?;
        let plan = run(&["--dry-run"], &[&path])?.run()?.expect(0)?;
        let is_libc = |line: &str| line.split_whitespace().eq(["owner", "libc"]);
        assert!(plan.out.lines().any(is_libc), "{case}: {}", plan.out);
        assert!(!plan.out.contains(GLIBC_OFF), "{case}: {}", plan.out);
        let finished = run(&[], &[&path])?.run()?.expect(0)?;
        holds(&finished.out, &["adopted 9 registered 0 refused 0"])?;
        assert_eq!(finished.err, "", "{case}");
    }
    Ok(())
}

/// `--mode own` means it: plan, warning, behaviour and report say the same.
#[rseq_kit::test(BUILDS)]
fn own_is_own() -> Outcome {
    let hidden = built("adopter", "hides")?;
    let plan = run(&["--mode", "own", "--dry-run"], &[&hidden])?
        .run()?
        .expect(0)?;
    let is_shim = |line: &str| line.split_whitespace().eq(["owner", "shim"]);
    assert!(plan.out.lines().any(is_shim), "{}", plan.out);
    // lines are broken between words
    let plan = plan.out.split_whitespace().collect::<Vec<_>>().join(" ");
    holds(&plan, &["its own registration will be refused"])?;
    assert!(!plan.contains("nobody else"), "{plan}");
    for mode in ["own", "takeover"] {
        let place = scratch::directory("report")?.join("report.json");
        let options = [
            "--mode",
            mode,
            "--report",
            place.to_str().unwrap_or_default(),
        ];
        let finished = run(&options, &[&hidden])?.run()?.expect(1)?;
        holds(&finished.out, &["granted 0 already 0 refused 9"])?;
        holds(&finished.err, &["will be refused"])?;
        assert_eq!(finished.err.lines().count(), 1, "{mode}: {}", finished.err);
        let report = Report::read(&place)?;
        assert_eq!(report.owner()?, "shim", "{mode}");
        assert_eq!(report.threads("registered")?, 9, "{mode}");
        assert_eq!(report.threads("refused")?, 9, "{mode}");
    }
    Ok(())
}
