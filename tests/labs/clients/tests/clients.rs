//! Real programs: they run as before, and every thread is registered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::fixture::same;
use rseq_kit::needs::{Need, program, python};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::trace::Trace;
use rseq_kit::world::{Records, Report, Witness, World};
use rseq_lab_clients::envoy::{self, Route, Start};
use rseq_lab_clients::workerd;

const REGISTERS: [Need; 3] = [Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// A traced server, its answers, and what it did.
fn serve(program: Program) -> Result<(BTreeMap<String, String>, Trace), String> {
    let traced = program
        .args(workerd::arguments()?)
        .limit(Duration::from_secs(60))
        .trace()?;
    let port = traced.wait_for_output(workerd::port)?;
    let answers = workerd::ask(port, 8, 25)?;
    traced.terminate();
    Ok((answers, traced.finish()?))
}

fn expected_answers() -> BTreeMap<String, String> {
    (0..8)
        .flat_map(|worker| (0..25).map(move |number| format!("/{worker}/{number}")))
        .map(|path| {
            let answer = format!("HTTP/1.1 200 OK you asked for {path}");
            (path, answer)
        })
        .collect()
}

/// glibc comes first: the allocator's own registration is refused in every
/// thread that tries.
#[rseq_kit::test(REGISTERS, workerd::NEED, Need::PTRACE)]
fn workerd_plain_is_refused() -> Outcome {
    let (answers, trace) = serve(Program::new(workerd::binary()?))?;
    assert_eq!(answers, expected_answers());
    let refused = trace.refused();
    assert!(!refused.is_empty(), "{:?}", trace.calls);
    for call in &refused {
        assert_eq!(call.result, i64::from(-libc::EINVAL), "{call:?}");
        // glibc had registered another area in this very thread
        let libc = trace.calls.iter().find(|other| {
            other.thread == call.thread && other.result == 0 && other.area != call.area
        });
        assert!(libc.is_some(), "{call:?} in {:?}", trace.calls);
    }
    Ok(())
}

/// Under `run` no registration of any thread is refused.
#[rseq_kit::test(REGISTERS, workerd::NEED, Need::PTRACE)]
fn workerd_run_is_granted() -> Outcome {
    let run = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--"])
        .arg(workerd::binary()?);
    let (answers, trace) = serve(run)?;
    assert_eq!(answers, expected_answers());
    let trace = trace.of_command()?;
    assert_eq!(trace.refused(), [], "{:?}", trace.calls);
    let threads: BTreeSet<_> = trace.threads.keys().copied().collect();
    assert_eq!(trace.registered(), threads, "{:?}", trace.calls);
    let lengths: BTreeSet<_> = trace.calls.iter().map(|call| call.length).collect();
    assert_eq!(lengths, [32].into());
    Ok(())
}

#[rseq_kit::test(REGISTERS, workerd::NEED)]
fn workerd_run_reports() -> Outcome {
    let path = scratch::directory("report")?.join("report.json");
    let mut running = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--report"])
        .arg(&path)
        .arg("--")
        .arg(workerd::binary()?)
        .args(workerd::arguments()?)
        .limit(Duration::from_secs(60))
        .start()?;
    let port = running.wait_for_output(workerd::port)?;
    assert_eq!(workerd::ask(port, 8, 25)?, expected_answers());
    running.terminate();
    running.finish()?;
    let report = Report::read(&path)?;
    assert_eq!(report.owner()?, "client");
    assert_eq!(report.threads("refused")?, 0);
    assert_eq!(report.threads("registered")?, report.threads("started")?);
    Ok(())
}

/// A traced Envoy with two threads that serve, and what it did.
fn serve_by_envoy(program: Program) -> Result<Trace, String> {
    let start = Start::new(Route::Direct(5), 2)?;
    let traced = program
        .args(&start.arguments)
        .limit(Duration::from_secs(120))
        .trace()?;
    let port = start.port()?;
    let answers = workerd::ask(port, 4, 25)?;
    let expected = BTreeSet::from(["HTTP/1.1 200 OK xxxxx".to_owned()]);
    assert_eq!(answers.into_values().collect::<BTreeSet<_>>(), expected);
    traced.terminate();
    traced.finish()
}

/// As workerd: refused where glibc comes first...
#[rseq_kit::test(REGISTERS, envoy::NEED, Need::PTRACE)]
fn envoy_plain_is_refused() -> Outcome {
    let trace = serve_by_envoy(Program::new(envoy::binary()?))?;
    assert!(!trace.refused().is_empty(), "{:?}", trace.calls);
    Ok(())
}

/// ... and granted under `run`, in every thread that asks; some never allocate.
#[rseq_kit::test(REGISTERS, envoy::NEED, Need::PTRACE)]
fn envoy_run_is_granted() -> Outcome {
    let run = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--"])
        .arg(envoy::binary()?);
    let trace = serve_by_envoy(run)?.of_command()?;
    assert_eq!(trace.refused(), [], "{:?}", trace.calls);
    // the main thread and those that serve
    assert!(trace.registered().len() > 2, "{:?}", trace.calls);
    Ok(())
}

/// 64 threads that all live at the same time and have something to do.
const PYTHON: &str = "import threading\n\
    barrier = threading.Barrier(64)\n\
    sums = []\n\
    def work(number):\n\
    \x20   barrier.wait()\n\
    \x20   sums.append(sum(i * i % 7 for i in range(2000 + number)))\n\
    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]\n\
    [t.start() for t in threads]\n\
    [t.join() for t in threads]\n\
    print(len(sums), sum(sums))\n";

#[rseq_kit::test(REGISTERS, Need::CC, Need::PYTHON)]
fn python_own() -> Outcome {
    let start = || Ok::<_, String>(Program::new(python()?).args(["-c", PYTHON]));
    let plain = start()?.run()?.expect(0)?;
    let (finished, records) = World::from_name("own+witness")?.run(start()?)?;
    same(&finished, &plain)?;
    assert_eq!(finished.err, "");
    assert_eq!(records.witness()?, Witness::all_registered(64));
    counted(&records.report()?, 64)
}

#[rseq_kit::test(REGISTERS, Need::CC, Need::PYTHON)]
fn python_run() -> Outcome {
    let plain = Program::new(python()?)
        .args(["-c", PYTHON])
        .run()?
        .expect(0)?;
    let records = Records::new()?;
    let report = scratch::directory("report")?.join("report.json");
    let finished = Program::new(&artifacts()?.rseqctl)
        .args(["run", "--mode", "own", "--report"])
        .arg(&report)
        .arg("--")
        .arg(python()?)
        .args(["-c", PYTHON])
        .env("LD_PRELOAD", built("witness", "default")?)
        .env("WITNESS_OUT", records.witness_path())
        .run()?;
    same(&finished, &plain)?;
    assert_eq!(records.witness()?, Witness::all_registered(64));
    counted(&Report::read(&report)?, 64)
}

/// The shim has counted the main thread and `threads` more, all registered.
fn counted(report: &Report, threads: u64) -> Outcome {
    assert_eq!(report.owner()?, "shim");
    assert_eq!(report.threads("started")?, threads + 1);
    assert_eq!(report.threads("registered")?, threads + 1);
    assert_eq!(report.threads("refused")?, 0);
    Ok(())
}

#[rseq_kit::test(REGISTERS, Need::CC, Need::GNU_SORT)]
fn sort_own() -> Outcome {
    let file = scratch::directory("sort")?.join("numbers");
    write_numbers(&file)?;
    let start = || {
        let sort = Program::new(program("sort")?).args(["--parallel=8", "--numeric-sort"]);
        Ok::<_, String>(sort.arg(&file))
    };
    let plain = start()?.run()?.expect(0)?;
    let (finished, records) = World::from_name("own+witness")?.run(start()?)?;
    if finished.out != plain.out || finished.status != plain.status {
        return Err(format!("sorted otherwise: {} {}", finished.status, finished.err).into());
    }
    let witness = records.witness()?;
    assert!(witness.created >= 4, "{witness:?}");
    assert_eq!(witness, Witness::all_registered(witness.created));
    counted(&records.report()?, witness.created)
}

/// Enough lines for sort to use all the threads that it may.
fn write_numbers(path: &Path) -> Result<(), String> {
    const LINES: u64 = 1_200_000;

    let mut text = String::new();
    let mut number = 1_u64;
    for _ in 0..LINES {
        // Knuth's MMIX generator: the same numbers everywhere
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _ = writeln!(text, "{}", number >> 40);
    }
    fs::write(path, text).map_err(|error| error.to_string())
}
