//! The harness looks at itself: what it says must be true before anything that
//! is said with it is.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, python};
use rseq_kit::patience::stretched;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::registration_of;

const SIGNATURE: u32 = 0x5305_3053;

const TRACED: [Need; 4] = [Need::X86_64, Need::RSEQ, Need::PTRACE, Need::GLIBC_2_35];

fn main() -> ExitCode {
    Suite::collected().run()
}

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

#[rseq_kit::test]
fn child_status_and_output() -> Outcome {
    let finished = shell("echo out; echo err >&2; exit 7").run()?.expect(7)?;
    assert_eq!((&*finished.out, &*finished.err), ("out\n", "err\n"));
    assert_eq!(shell("kill -9 $$").run()?.code(), -9);
    Ok(())
}

#[rseq_kit::test]
fn child_ends_in_time() -> Outcome {
    let start = Instant::now();
    let late = shell("sleep 60").limit(Duration::from_millis(100)).run();
    let error = late.err().ok_or("it was not stopped")?;
    assert!(error.contains("took too long"), "{error}");
    assert!(start.elapsed() < stretched(Duration::from_secs(10)));
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_libc_registers() -> Outcome {
    let trace = Program::new("true").trace()?.finish()?;
    assert_eq!(trace.finished.code(), 0);
    assert_eq!(trace.threads.len(), 1);
    let [call] = trace.calls[..] else {
        return Err(format!("one call, not {:?}", trace.calls).into());
    };
    assert!(call.registers());
    assert_eq!((call.result, call.signature), (0, SIGNATURE));
    assert!(call.length >= 32 && call.area != 0);
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_switched_off() -> Outcome {
    let trace = Program::new("true")
        .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
        .trace()?
        .finish()?;
    assert_eq!(trace.calls, []);
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_every_process() -> Outcome {
    let trace = shell("(exit 3); true & wait; /bin/true; exit 5")
        .trace()?
        .finish()?;
    assert_eq!(trace.finished.code(), 5);
    // sh, and the one child that calls exec; fork inherits a registration
    assert_eq!(trace.registered().len(), 2, "{:?}", trace.calls);
    assert!(trace.threads.len() >= 4, "{:?}", trace.threads);
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_start_fails() -> Outcome {
    let traced = Program::new("/nonexistent/program").trace();
    let error = traced.err().ok_or("it was started")?;
    assert!(error.contains("No such file"), "{error}");
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_ends_in_time() -> Outcome {
    let start = Instant::now();
    let late = shell("sleep 60 & sleep 61")
        .limit(Duration::from_millis(300))
        .trace()?
        .finish();
    let error = late.err().ok_or("it was not stopped")?;
    assert!(error.contains("took too long"), "{error}");
    assert!(start.elapsed() < stretched(Duration::from_secs(10)));
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn trace_registration_of() -> Outcome {
    let mut running = shell("echo ready; sleep 300; exit 1").start()?;
    running.wait_for_output(|text| text.contains("ready").then_some(()))?;
    let configuration = registration_of(running.id())?;
    assert_ne!(configuration.rseq_abi_pointer, 0);
    assert!(configuration.rseq_abi_size >= 32);
    assert_eq!(configuration.signature, SIGNATURE);
    // and it goes on afterwards
    running.terminate();
    assert_eq!(running.finish()?.code(), -libc::SIGTERM);
    Ok(())
}

#[rseq_kit::test(TRACED)]
fn deny_errno() -> Outcome {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let mut running = shell("echo ready; sleep 300").deny(errno).start()?;
        running.wait_for_output(|text| text.contains("ready").then_some(()))?;
        assert_eq!(registration_of(running.id())?.rseq_abi_pointer, 0);
    }
    Ok(())
}

#[rseq_kit::test(TRACED, Need::PYTHON)]
fn trace_every_thread() -> Outcome {
    let script = "import threading\n\
        barrier = threading.Barrier(9)\n\
        threads = [threading.Thread(target=barrier.wait) for _ in range(8)]\n\
        [t.start() for t in threads]; barrier.wait(); [t.join() for t in threads]";
    let trace = Program::new(python()?)
        .args(["-c", script])
        .trace()?
        .finish()?;
    assert_eq!(trace.finished.code(), 0, "{:?}", trace.finished);
    assert_eq!(trace.threads.len(), 9);
    assert_eq!(trace.registered().len(), 9);
    assert!(trace.refused().is_empty());
    Ok(())
}
