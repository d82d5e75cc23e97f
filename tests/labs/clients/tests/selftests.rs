//! The kernel's own tests of rseq give the same under the shim as without it,
//! with the registration of the shim instead of their own.

use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::same;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::{Records, World};
use rseq_lab_clients::selftests::{self, Linked};

/// What `run_param_test.sh` runs, with fewer repetitions.
const PARAMETERS: [(&str, &[&str]); 8] = [
    ("spinlock", &["-T", "s"]),
    ("list", &["-T", "l"]),
    ("buffer", &["-T", "b"]),
    ("buffer_barrier", &["-T", "b", "-M"]),
    ("memcpy", &["-T", "m"]),
    ("memcpy_barrier", &["-T", "m", "-M"]),
    ("increment", &["-T", "i"]),
    ("membarrier", &["-T", "r"]),
];

fn main() -> ExitCode {
    let needs = [
        Need::X86_64,
        Need::GLIBC_2_35,
        Need::RSEQ,
        Need::CC,
        selftests::NEED,
    ];
    let mut suite = Suite::new();
    for program in ["basic_test", "basic_percpu_ops_test"] {
        let title = format!("selftests::{program}");
        suite.add(title, &needs, move || compare(program, &[]));
    }
    for program in ["param_test", "param_test_compare_twice"] {
        for (name, parameters) in PARAMETERS {
            let sizes = ["-r", "1000", "-t", "6"];
            let arguments = [parameters, &sizes].concat();
            let title = format!("selftests::{program}::{name}");
            suite.add(title, &needs, move || compare(program, &arguments));
        }
    }
    for (name, linked) in [
        ("header", Linked::Header),
        ("header_static", Linked::HeaderStatic),
        ("owner", Linked::Owner),
    ] {
        let mut needs = needs.to_vec();
        match linked {
            Linked::HeaderStatic => needs.push(Need::STATIC_LIBC),
            Linked::Owner => needs.push(Need::BINUTILS),
            Linked::Own | Linked::Header => {}
        }
        for (program, parameters) in SHARED {
            let title = format!("selftests::{name}::{program}");
            suite.add(title, &needs, move || share(linked, program, parameters));
        }
    }
    suite.run()
}

/// What is run with an area that others may share.
const SHARED: [(&str, &[&str]); 4] = [
    ("basic_test", &[]),
    ("basic_percpu_ops_test", &[]),
    ("param_test", &["-T", "l", "-r", "1000", "-t", "6"]),
    (
        "param_test_compare_twice",
        &["-T", "i", "-r", "1000", "-t", "6"],
    ),
];

/// The library gives the same with the area of `rseq_abi.h`, or of the archive, as with its
/// own: where it registers, and where the libc or the archive has.
fn share(linked: Linked, program: &str, arguments: &[&str]) -> Outcome {
    let (alone, _) = run("bare", program, arguments)?;
    let alone = alone.expect(0)?;
    for world in ["bare", "plain"] {
        let program = start(linked, program, arguments)?;
        let (finished, _) = World::from_name(world)?.run(program)?;
        same(&finished, &alone).map_err(|error| format!("{world}: {error}"))?;
    }
    Ok(())
}

fn start(linked: Linked, program: &str, arguments: &[&str]) -> Result<Program, String> {
    Ok(Program::new(selftests::folder(linked)?.join(program))
        .args(arguments)
        .limit(Duration::from_secs(60)))
}

fn run(world: &str, program: &str, arguments: &[&str]) -> Result<(Finished, Records), String> {
    let program = start(Linked::Own, program, arguments)?;
    World::from_name(world)?.run(program)
}

fn compare(program: &str, arguments: &[&str]) -> Outcome {
    let (alone, _) = run("bare", program, arguments)?;
    let alone = alone.expect(0)?;
    for world in ["shim", "takeover"] {
        let (finished, records) = run(world, program, arguments)?;
        same(&finished, &alone).map_err(|error| format!("{world}: {error}"))?;
        assert_eq!(finished.err, alone.err, "{world}");
        // and it was the shim's area that they used, in every thread
        let report = records.report()?;
        assert_eq!(report.owner()?, "shim", "{world}");
        let started = report.threads("started")?;
        assert_eq!(report.threads("registered")?, started, "{world}");
    }
    Ok(())
}
