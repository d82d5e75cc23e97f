//! The kernel's own tests of rseq give the same under the shim as without it,
//! with the registration of the shim instead of their own.

use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::same;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::{Records, World};
use rseq_lab_clients::selftests;

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
    suite.run()
}

fn run(world: &str, program: &str, arguments: &[&str]) -> Result<(Finished, Records), String> {
    let program = Program::new(selftests::folder()?.join(program))
        .args(arguments)
        .limit(Duration::from_secs(60));
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
