//! What AArch64 programs do with a pointer to their area is followed as it is on x86-64
//! (`command::refused` tries that with `run`): over jumps and calls, and in the frame.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::child::Program;
use rseq_kit::compile::DEFINES;
use rseq_kit::fixture;
use rseq_kit::machine::Machine;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::{Outcome, Suite, none_of};
use rseq_kit::scratch;
use rseq_lab_clients::{selftests, tcmalloc};
use tls_model::critical::{Critical, Violation};
use tls_model::elf::Object;

const BUILDS: [Need; 1] = [Need::new(&rseq_kit::needs::Asked(
    "aarch64-linux-gnu-gcc",
    || program(Machine::Aarch64.compiler()).map(drop),
))];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// What is seen of the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Something is written to `cpu_id_start` by it.
    Writes,
    /// It goes where it is not followed.
    Gives,
    /// Neither, and all was followed.
    Neither,
    /// It was not even seen.
    Nothing,
}

fn critical(path: &Path) -> Result<Critical, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let object = Object::open(&*bytes).map_err(|error| error.to_string())?;
    let report = rseq_code::read(&object);
    assert!(report.damage().is_empty(), "{}", report.damage());
    report
        .code
        .critical
        .ok_or_else(|| "no code was read".to_owned())
}

fn seen(critical: &Critical) -> Seen {
    if critical.offence(Violation::StrayStore).is_some() {
        Seen::Writes
    } else if critical.escapes != 0 {
        Seen::Gives
    } else if critical.uses != 0 && critical.followed {
        Seen::Neither
    } else {
        Seen::Nothing
    }
}

fn build(folder: &Path, name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let out = folder.join(name);
    let source = rseq_kit::artifacts::room().join("fixtures/area-pointer.c");
    Program::with_callers_environment(program(Machine::Aarch64.compiler())?)
        .args(options)
        .arg("-o")
        .args([&out, &source])
        .run()?
        .expect(0)?;
    Ok(out)
}

/// Builds every case of the fixture in this form, and compares what is seen with what
/// the case's name says.
fn compare(form: &[&str]) -> Outcome {
    let folder = scratch::directory("followed")?;
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in &fixture::all().cases {
        let name = case.directives.name.as_str();
        if case.source != "area-pointer" {
            continue;
        }
        let expected = match name.split_once('-') {
            Some(("writes", "somewhere") | ("gives", _)) => Seen::Gives,
            Some(("writes", _)) => Seen::Writes,
            _ if name == "computes" => Seen::Gives,
            _ => Seen::Neither,
        };
        let own = case.directives.cc.iter().map(String::as_str);
        let options: Vec<_> = own.chain(form.iter().copied()).collect();
        let critical = critical(&build(&folder, name, &options)?)?;
        let seen = seen(&critical);
        if seen != expected {
            wrong.push(format!("{name}: {seen:?} for {expected:?}: {critical:x?}"));
        }
        count += 1;
    }
    assert!(count > 20, "{count} cases");
    none_of(wrong)
}

#[rseq_kit::test(BUILDS)]
fn position_independent_programs() -> Outcome {
    compare(&["-fpie", "-pie"])
}

#[rseq_kit::test(BUILDS)]
fn programs_at_fixed_addresses() -> Outcome {
    compare(&["-fno-pie", "-no-pie"])
}

#[rseq_kit::test(BUILDS)]
fn libraries_with_a_slot() -> Outcome {
    compare(&["-fPIC", "-shared", "-ftls-model=initial-exec"])
}

/// The offset comes from a descriptor's function.
#[rseq_kit::test(BUILDS)]
fn libraries_with_a_descriptor() -> Outcome {
    compare(&["-fPIC", "-shared"])
}

/// The kernel's own templates: every section is decoded to its end and breaks no rule.
/// Its library works out where its area is, and keeps that in a variable.
#[rseq_kit::test(BUILDS)]
fn the_kernels_templates() -> Outcome {
    let folder = selftests::folder_for(Machine::Aarch64)?;
    for (name, sections) in [("param_test", 16), ("param_test_compare_twice", 16)] {
        let critical = critical(&folder.join(name))?;
        assert_eq!((critical.read, critical.decoded), (sections, sections));
        let clean = format!("{critical:?}");
        assert!(!clean.contains("Offence"), "{name}: {clean}");
    }
    let library = critical(&folder.join("librseq.so"))?;
    assert_eq!(seen(&library), Seen::Gives, "{library:x?}");
    Ok(())
}

/// TCMalloc's assembly by itself, beside an area: both of its sections are decoded to their
/// ends and break no rule.
#[rseq_kit::test(BUILDS, tcmalloc::NEED_SOURCES)]
fn tcmallocs_assembly() -> Outcome {
    let sources = tcmalloc::sources()?;
    let folder = scratch::directory("assembly")?;
    let (area, out) = (folder.join("area.c"), folder.join("libassembly.so"));
    std::fs::write(&area, DEFINES)?;
    Program::with_callers_environment(program(Machine::Aarch64.compiler())?)
        // as Abseil defines it
        .args(["-shared", "-fPIC", "-nostdlib", "-DCFI(x)=x", "-I"])
        .arg(sources.join("tcmalloc"))
        .arg("-I")
        .arg(sources.join("abseil-cpp"))
        .arg("-o")
        .args([&out, &area])
        .arg(sources.join("tcmalloc/tcmalloc/internal/percpu_rseq_aarch64.S"))
        .run()?
        .expect(0)?;
    let critical = critical(&out)?;
    assert_eq!((critical.read, critical.decoded), (2, 2), "{critical:x?}");
    assert!(
        !format!("{critical:?}").contains("Offence"),
        "{critical:x?}"
    );
    Ok(())
}

/// TCMalloc, with its own assembly: every section is decoded to its end, and the store is
/// found by which it keeps a value of its own in `cpu_id_start`.
#[rseq_kit::test(BUILDS, tcmalloc::NEED_FOR_AARCH64)]
fn tcmalloc_with_its_assembly() -> Outcome {
    let folder = tcmalloc::for_aarch64()?;
    for name in ["hidden", "exported", tcmalloc::LIBRARY] {
        let critical = critical(&folder.join(name))?;
        println!("{name}: {critical:x?}");
        assert!(critical.read >= 2, "{name}: {critical:x?}");
        assert_eq!(critical.read, critical.decoded, "{name}: {critical:x?}");
        assert_eq!(critical.offence(Violation::Undecoded), None);
        assert_eq!(seen(&critical), Seen::Writes, "{name}: {critical:x?}");
    }
    Ok(())
}
