//! What tools see of the shim on each glibc: checkers of races none, a debugger every
//! frame, strace no system call of the shim's own.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use rseq_kit::artifacts::artifacts;
use rseq_kit::fixture::built;
use rseq_kit::foreign::Libc;
use rseq_kit::races;
use rseq_kit::runner::Outcome;
use rseq_kit::seen::Watched;
use rseq_kit::trace::count::{Stretch, instructions};
use rseq_kit::world::GLIBC_OFF;

use crate::rooted::Rooted;

/// The packages of the root in which checkers run.
pub const CHECKERS: [&str; 4] = ["libc6", "libgcc-s1", "libc6-dbg", "valgrind"];

/// Nothing here stays, so what is unmapped is the same as well.
const SCRIPTS: [&str; 3] = [
    "open n NULL open n {plain} close open n {plain} open no {plain} close close",
    "open g {harmless} open z {plain} close close open nd {hidden} close",
    "open n NULL new n {plain} close open n /nonexistent/lib.so error",
];

/// The driver of the suite `loading` as a program that finds this glibc by itself, and
/// the words of a script.
fn driver(libc: &Libc, script: &str) -> Result<Vec<OsString>, String> {
    let [linker, folder] = libc.own_linker();
    let driver = libc.build("loading-driver", &["-pthread", &linker, &folder])?;
    let mut words = vec![driver.into_os_string()];
    for word in script.split_whitespace() {
        let case = word
            .strip_prefix('{')
            .and_then(|word| word.strip_suffix('}'));
        words.push(match case {
            Some(case) => built("loading-library", case)?.into_os_string(),
            None => word.into(),
        });
    }
    Ok(words)
}

fn variables(loading: Option<&str>) -> Result<Vec<(&'static str, String)>, String> {
    let mut variables = vec![("GLIBC_TUNABLES", GLIBC_OFF.to_owned())];
    if let Some(loading) = loading {
        variables.push(("LD_PRELOAD", artifacts()?.shim.display().to_string()));
        variables.push(("RSEQ_SHIM_LOADING", loading.to_owned()));
    }
    Ok(variables)
}

/// The calls of loading and closing, one by one.
pub fn same_calls(libc: &Libc) -> Outcome {
    for script in SCRIPTS {
        let words = driver(libc, script)?;
        let calls = |loading: Option<&str>| {
            let variables = variables(loading)?;
            let watched = Watched {
                words: &words,
                variables: &variables,
            };
            watched.calls()
        };
        let plain = calls(None)?;
        // the oracle is not blind
        assert!(plain.iter().any(|call| call.contains(".so")), "{plain:?}");
        for loading in ["keep", "enforce"] {
            assert_eq!(calls(Some(loading))?, plain, "{script}: {loading}");
        }
    }
    Ok(())
}

/// From every instruction of every hook a debugger finds the way to `main`.
pub fn backtraces(libc: &Libc) -> Outcome {
    for (loading, hook, script) in [
        ("keep", "dlclose", "open n {needs-definer} close"),
        ("enforce", "dlopen", "open n {definer}"),
    ] {
        let debugged = Watched {
            words: &driver(libc, script)?,
            variables: &variables(Some(loading))?,
        };
        let seen = debugged.backtraces(hook)?;
        assert!(seen > 100, "{hook}: {seen}");
    }
    Ok(())
}

/// A further pair of function and value for SIGEV_THREAD costs the same however many
/// there have been.
pub fn pairs(libc: &Libc) -> Outcome {
    let program = libc.build("pairs", &["-pthread"])?;
    let with = |pairs: &str| -> Result<u64, String> {
        let [linker, arguments @ ..] = libc.command(&program);
        let mut command = Command::new(linker);
        command.args(arguments).args([pairs, "marks"]).env_clear();
        command.envs(variables(Some("keep"))?);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        instructions(command, Stretch::BetweenMarks)
    };
    let (few, many) = (with("1000")?, with("200000")?);
    assert!(
        many < few * 2,
        "{few} instructions after 1,000 pairs, {many} after 200,000"
    );
    Ok(())
}

/// Neither helgrind nor DRD reports anything that the shim does: each glibc under the
/// valgrind of its own suite, which knows it.
pub fn no_races(suite: &str, libc: &Libc) -> Outcome {
    let rooted = Rooted::new(suite, &CHECKERS)?;
    // where each creator comes after the last one's threads, stacks are used again most
    for order in ["-DALL_AT_ONCE", "-DONE_BY_ONE"] {
        let creators = libc.build("creators", &["-pthread", "-gdwarf-4", order])?;
        for tool in races::CHECKERS {
            let words = [
                "/usr/bin/valgrind.bin".into(),
                format!("--tool={tool}").into(),
                races::FRESH_STACKS.into(),
                rooted.file(&creators)?,
            ];
            let program = rooted.preloaded(&words, &races::tunables())?;
            let checked = program.run()?.expect(0)?;
            assert!(
                checked.err.contains("ERROR SUMMARY: 0 errors"),
                "{tool}, {order}: {}",
                checked.err
            );
        }
    }
    Ok(())
}
