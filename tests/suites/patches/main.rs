//! The patch series for glibc: their form, that they apply, and what the patched
//! libcs do.

mod owned;
mod refused;
mod unusable;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::Program;
use rseq_tests::conformance::known::Verdict;
use rseq_tests::conformance::{Cell, Conditions, Known, Owner, Programs, source, table};
use rseq_tests::fixture::expect::same;
use rseq_tests::needs::{self, Need};
use rseq_tests::patched::series::{BASES, Series};
use rseq_tests::patched::{Patched, lint};
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::scratch;
use rseq_tests::selftests;
use rseq_tests::tcmalloc::{self, Linked};
use rseq_tests::workerd;

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for base in BASES {
        suite.add(format!("{base}::form"), &[], move || form(base));
        let needs = [Need::GlibcSource(base)];
        suite.add(format!("{base}::applies"), &needs, move || applies(base));
        let needs = [Need::Cc, Need::X86_64, Need::Rseq, Need::PatchedGlibc(base)];
        suite.add(format!("{base}::own-tests"), &needs, move || {
            own_tests(base)
        });
        for owner in [Owner::Patched, Owner::PatchedPassive] {
            for program in source::programs().unwrap_or_default() {
                let name = format!("{base}::{}::{}", owner.name(), program.name);
                suite.add(name, &needs, move || cell(base, owner, &program.name));
            }
        }
        owned::add(&mut suite, base, &needs);
        unusable::add(&mut suite, base, &needs);
        refused::add(&mut suite, base, &needs);
        clients(&mut suite, base, &needs);
    }
    suite.run()
}

/// Real programs, with and without the shim preloaded: it must see a libc that
/// owns the symbol and stay passive.
fn clients(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    for with_shim in [false, true] {
        let end = if with_shim { "with-shim" } else { "alone" };
        for (name, linked) in [
            ("hidden", Linked::Hidden),
            ("exported", Linked::Exported),
            ("shared", Linked::Shared),
        ] {
            let needs = [needs, &[Need::Cxx, Need::Tcmalloc]].concat();
            suite.add(
                format!("{base}::tcmalloc-{name}::{end}"),
                &needs,
                move || tcmalloc(base, linked, with_shim),
            );
        }
        let workerd_needs = [needs, &[Need::Workerd]].concat();
        suite.add(
            format!("{base}::workerd::{end}"),
            &workerd_needs,
            move || workerd(base, with_shim),
        );
        let librseq_needs = [needs, &[Need::Selftests]].concat();
        for (name, arguments) in LIBRSEQ {
            suite.add(
                format!("{base}::librseq-{name}::{end}"),
                &librseq_needs,
                move || librseq(base, name, arguments, with_shim),
            );
        }
        let python_needs = [needs, &[Need::Python]].concat();
        suite.add(format!("{base}::python::{end}"), &python_needs, move || {
            python(base, with_shim)
        });
    }
}

/// TCMalloc shares the area where its definition is there to be found. Only there
/// its per-CPU caches are on.
fn tcmalloc(base: &str, linked: Linked, with_shim: bool) -> Outcome {
    let finished = start(base, &tcmalloc::binary(linked)?, with_shim)?
        .run()?
        .expect(0)?;
    let caches = if linked == Linked::Hidden {
        "off"
    } else {
        "on"
    };
    let expected = format!("per-CPU caches {caches}\n0 overlaps 0 failures\n");
    assert_eq!(finished.out, expected, "{}", finished.err);
    Ok(())
}

/// A server that hides its definition, finds the slot taken, and serves as it does
/// on any libc that registers.
fn workerd(base: &str, with_shim: bool) -> Outcome {
    let mut running = start(base, workerd::binary()?, with_shim)?
        .args(workerd::arguments()?)
        .limit(Duration::from_secs(120))
        .start()?;
    let port = running.wait_for_output(workerd::port)?;
    let answers = workerd::ask(port, 4, 10)?;
    running.terminate();
    running.finish()?;
    assert_eq!(answers.len(), 40);
    Ok(())
}

/// Programs of the kernel's selftests, with the library that librseq came from: it
/// uses the area that the libc announces, and dies where it has to register its own
/// and cannot.
const LIBRSEQ: [(&str, &[&str]); 3] = [
    ("basic_test", &[]),
    ("basic_percpu_ops_test", &[]),
    ("param_test", &["-T", "i", "-r", "1000", "-t", "6"]),
];

fn librseq(base: &str, name: &str, arguments: &[&str], with_shim: bool) -> Outcome {
    let path = selftests::folder()?.join(name);
    let limit = Duration::from_secs(60);
    let here = Program::new(&path).args(arguments).limit(limit);
    let here = here.run()?.expect(0)?;
    let finished = start(base, &path, with_shim)?.args(arguments);
    same(&finished.run()?, &here)?;
    Ok(())
}

/// Every thread of an interpreter is registered, as its own foreign function
/// interface finds it.
fn python(base: &str, with_shim: bool) -> Outcome {
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
    let finished = start(base, &needs::python()?, with_shim)?
        .args(["-c", script])
        .run()?
        .expect(0)?;
    assert_eq!(finished.out, "17 True\n", "{}", finished.err);
    Ok(())
}

/// `program` on the patched libc.
fn start(base: &str, path: &Path, with_shim: bool) -> Result<Program, String> {
    let words = Patched::of(base)?.command(path);
    let [ld_so, rest @ ..] = &words[..] else {
        return Err("no words".to_owned());
    };
    let mut program = Program::new(ld_so).limit(Duration::from_secs(120));
    if with_shim {
        program = program.arg("--preload").arg(&artifacts()?.shim);
    }
    Ok(program.args(rest))
}

fn form(base: &str) -> Outcome {
    none_of(lint::check(base)?)
}

fn applies(base: &str) -> Outcome {
    let series = Series::read(base)?;
    let source = scratch::directory(&format!("glibc-{base}"))?.join("source");
    series.unpack(&source)?;
    for patch in &series.patches {
        patch.apply(&source)?;
    }
    std::fs::remove_dir_all(&source).map_err(|error| error.to_string().into())
}

fn own_tests(base: &str) -> Outcome {
    let tests = Patched::of(base)?.own_tests()?;
    if tests.iter().filter(|test| test.said == "PASS").count() < 20 {
        return Err("hardly any test ran".into());
    }
    let failed = tests.iter().filter(|test| !test.is_right());
    none_of(failed.map(|test| format!("{}: {}", test.name, test.said)))
}

fn cell(base: &str, owner: Owner, program: &str) -> Outcome {
    let root = Patched::of(base)?.root();
    let programs = Programs::for_root(&root)?;
    let program = programs.get(program)?;
    let mut cell = Cell::new(program, owner, &programs.place(&root)?);
    // the command runs them in full
    let rounds = ("CONFORMANCE_ROUNDS".to_owned(), "10".to_owned());
    cell.environment.push(rounds);
    let conditions = Conditions::here(owner, root.glibc)?;
    let judged = table::judge(program, &cell, &conditions, &Known::read()?)?;
    none_of(judged.iter().filter_map(|judged| match &judged.verdict {
        Verdict::Wrong(why) => Some(format!("{}: {why}", judged.question)),
        _ => None,
    }))
}

fn none_of(wrong: impl IntoIterator<Item = String>) -> Outcome {
    let wrong: Vec<_> = wrong.into_iter().collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}
