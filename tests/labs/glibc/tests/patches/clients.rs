//! Real programs on a libc that owns `__rseq_abi`, alone and with the shim
//! preloaded, which must stay passive. What they ask of the kernel is watched.

use std::path::Path;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::same;
use rseq_kit::needs::{self, Need};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::Trace;
use rseq_kit::world::Records;
use rseq_lab_clients::selftests;
use rseq_lab_clients::tcmalloc::{self, Linked};
use rseq_lab_clients::workerd;
use rseq_lab_glibc::Patched;

use super::owned::{REASON, complaints, look};

/// Programs of the kernel's selftests, with the library that librseq came from: it
/// uses the area that the libc announces, or else registers its own.
const LIBRSEQ: [(&str, &[&str]); 3] = [
    ("basic_test", &[]),
    ("basic_percpu_ops_test", &[]),
    ("param_test", &["-T", "i", "-r", "1000", "-t", "6"]),
];

pub fn add(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    for with_shim in [false, true] {
        let on = On { base, with_shim };
        let end = if with_shim { "with-shim" } else { "alone" };
        let mut add = |name: &str, more: &[Need], body: Box<dyn Fn() -> Outcome + Send>| {
            let needs = [needs, more, &[Need::PTRACE]].concat();
            suite.add(format!("{base}::{name}::{end}"), &needs, body);
        };
        for (name, linked) in [
            ("tcmalloc-hidden", Linked::Hidden),
            ("tcmalloc-exported", Linked::Exported),
            ("tcmalloc-shared", Linked::Shared),
        ] {
            let more = [Need::CXX, tcmalloc::NEED];
            add(name, &more, Box::new(move || tcmalloc(on, linked)));
        }
        for (name, arguments) in LIBRSEQ {
            let title = format!("librseq-{name}");
            let body = move || librseq(on, name, arguments);
            add(&title, &[selftests::NEED], Box::new(body));
        }
        add("workerd", &[workerd::NEED], Box::new(move || workerd(on)));
        add("python", &[Need::PYTHON], Box::new(move || python(on)));
    }
}

/// On which libc a program is started.
#[derive(Clone, Copy)]
struct On {
    base: &'static str,
    with_shim: bool,
}

impl On {
    /// The program at `path`; the shim reports to `records`.
    fn program(self, path: &Path, records: &Records) -> Result<Program, String> {
        let words = Patched::of(self.base)?.command(path);
        let [ld_so, rest @ ..] = &words[..] else {
            return Err("no words".to_owned());
        };
        let mut program = Program::new(ld_so).limit(Duration::from_secs(120));
        if self.with_shim {
            program = program
                .arg("--preload")
                .arg(&artifacts()?.shim)
                .env("RSEQ_SHIM_REPORT", records.report_path());
        }
        Ok(program.args(rest))
    }

    /// Runs a program to its end, and looks whether the shim left everything to the
    /// libc.
    fn run(self, path: &Path, arguments: &[&str]) -> Result<(Finished, Trace), String> {
        let records = Records::new()?;
        let program = self.program(path, &records)?.args(arguments);
        let trace = program.trace()?.finish()?;
        if self.with_shim {
            let report = records.report()?;
            let said = (report.owner()?, report.reason()?);
            if said != ("libc", REASON) {
                return Err(format!("the shim says {said:?}"));
            }
        }
        Ok((trace.finished.clone().expect(0)?, trace))
    }
}

/// TCMalloc shares the area where its definition is there to be found. Only there
/// its per-CPU caches are on; where it hides, it is refused as on any libc that
/// registers.
fn tcmalloc(on: On, linked: Linked) -> Outcome {
    let (finished, trace) = on.run(&tcmalloc::binary(linked)?, &[])?;
    let caches = if linked == Linked::Hidden {
        assert!(!trace.refused().is_empty(), "{:?}", trace.calls);
        false
    } else {
        true
    };
    assert_eq!(tcmalloc::said(&finished)?.caches, caches);
    registered_by_libc(&trace)?;
    Ok(())
}

/// A server that hides its definition, finds the slot taken, and serves all the
/// same. It is ended by a signal, so the shim does not report.
fn workerd(on: On) -> Outcome {
    let records = Records::new()?;
    let program = on.program(workerd::binary()?, &records)?;
    let mut running = program.args(workerd::arguments()?).start()?;
    let port = running.wait_for_output(workerd::port)?;
    let answers = workerd::ask(port, 4, 10)?;
    let row = look(&running)?;
    running.terminate();
    running.finish()?;
    assert_eq!(answers.len(), 40);
    assert_eq!(row["owner"], "libc", "{row}");
    let because = row["because"].as_str().unwrap_or_default();
    assert!(because.starts_with(REASON), "{row}");
    assert!(complaints(&row).contains(&"refused-client"), "{row}");
    let has_shim = row["objects"].to_string().contains("librseq_shim.so");
    assert_eq!(has_shim, on.with_shim, "{row}");
    Ok(())
}

fn librseq(on: On, name: &str, arguments: &[&str]) -> Outcome {
    let path = selftests::folder(selftests::Linked::Own)?.join(name);
    let limit = Duration::from_secs(60);
    let here = Program::new(&path).args(arguments).limit(limit);
    let here = here.run()?.expect(0)?;
    let (finished, trace) = on.run(&path, arguments)?;
    same(&finished, &here)?;
    assert_eq!(trace.refused(), [], "{:?}", trace.calls);
    registered_by_libc(&trace)?;
    Ok(())
}

/// Every thread of an interpreter is registered, as its own foreign function
/// interface finds it.
fn python(on: On) -> Outcome {
    let script = "import ctypes, threading\n\
        libc = ctypes.CDLL(None)\n\
        offset = ctypes.c_ssize_t.in_dll(libc, '__rseq_offset').value\n\
        libc.pthread_self.restype = ctypes.c_void_p\n\
        cpus = []\n\
        def look():\n\
        \x20   area = libc.pthread_self() + offset\n\
        \x20   cpus.append(ctypes.c_int.from_address(area + 4).value)\n\
        threads = [threading.Thread(target=look) for _ in range(16)]\n\
        [thread.start() for thread in threads]\n\
        [thread.join() for thread in threads]\n\
        look()\n\
        print(len(cpus), min(cpus) >= 0)\n";
    let (finished, trace) = on.run(&needs::python()?, &["-c", script])?;
    assert_eq!(finished.out, "17 True\n", "{}", finished.err);
    registered_by_libc(&trace)?;
    Ok(())
}

/// What was granted is the libc's: in the main thread the registration that says
/// whether there is rseq, its end, and that of `__rseq_abi`; in any other thread that
/// one only. It has exactly 32 bytes.
fn registered_by_libc(trace: &Trace) -> Result<(), String> {
    for (thread, process) in &trace.threads {
        let calls = trace.calls.iter();
        let granted: Vec<_> = calls
            .filter(|call| call.thread == *thread && call.result == 0)
            .collect();
        let registers: Vec<_> = granted.iter().map(|call| call.registers()).collect();
        let expected: &[bool] = if thread == process {
            &[true, false, true]
        } else {
            &[true]
        };
        let length = granted.last().map(|call| call.length);
        if registers != expected || length != Some(32) {
            return Err(format!("thread {thread} of {process}: {granted:?}"));
        }
    }
    Ok(())
}
