//! Odd hosts: no /proc, closed descriptors, small limits, many children.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs;
use rseq_lab::files::files;
use rseq_lab::{Case, Need, Row, Seen, World};

use crate::sources::{plugins, program};

const NO_PROC: &str = r#"
exec unshare --mount sh -c 'mount -t tmpfs none /proc; exec env $WORLD "$@"' sh "$@"
"#;
const CLOSED: &str = r#"
env $WORLD "$@" result <&- >&- 2>&-
cat result
"#;

pub fn rows() -> Vec<Row> {
    let mount = Need::Host(needs::Need::MOUNT_NAMESPACE);
    let threaded = |name, asks, text: &'static str| {
        Row::new(name, asks, move |case| {
            let script = case.script(text)?;
            Ok(Seen::of(with_threads(script)?.run()))
        })
    };
    vec![
        threaded("host/no-proc", "a machine without /proc", NO_PROC).needs(&[mount]),
        Row::new(
            "host/no-proc-run",
            "the same, started by rseqctl run",
            |case| {
                let script = case.script(NO_PROC)?;
                Ok(Seen::of(with_threads(launched(case, script)?)?.run()))
            },
        )
        .needs(&[mount])
        .shim_only(),
        Row::new(
            "host/closed-descriptors",
            "descriptors 0 to 2 that were closed stay closed",
            |case| {
                Ok(Seen::of(
                    case.script(CLOSED)?.arg(program("fds.c", &[])?).run(),
                ))
            },
        ),
        Row::new(
            "host/closed-descriptors-run",
            "the same, started by rseqctl run",
            |case| {
                let script = launched(case, case.script(CLOSED)?)?;
                Ok(Seen::of(script.arg(program("fds.c", &[])?).run()))
            },
        )
        .shim_only(),
        threaded(
            "host/little-memory",
            "RLIMIT_AS of 48 MiB",
            "ulimit -s 256; ulimit -v 49152; exec env $WORLD \"$@\"",
        ),
        threaded(
            "host/few-descriptors",
            "RLIMIT_NOFILE of 4: one is left to load with",
            "ulimit -n 4; exec env $WORLD \"$@\"",
        ),
        Row::new(
            "host/children",
            "vfork, posix_spawn, system and popen from several threads",
            |case| {
                let program = Program::new(program("spawn.c", &["-pthread"])?);
                case.run(program.limit(Duration::from_secs(60)))
            },
        ),
    ]
}

/// The command before the program, where the world has the shim. It sets up what
/// the world sets up elsewhere.
fn launched(case: &Case, script: Program) -> Result<Program, String> {
    Ok(if case.world == World::Without {
        script
    } else {
        script
            .env("WORLD", "")
            .arg(&files()?.rseqctl)
            .args(["run", "--"])
    })
}

fn with_threads(starter: Program) -> Result<Program, String> {
    Ok(starter
        .arg(program("threads.c", &["-pthread"])?)
        .arg(plugins()?)
        .args(["20", "3"]))
}
