//! What tools see of a hook: strace no system call that the dynamic linker alone
//! would not make, a debugger every frame.

use std::ffi::OsString;
use std::iter;

use rseq_kit::artifacts::artifacts;
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::seen::Watched;
use rseq_kit::world::GLIBC_OFF;

use crate::driver::{Room, with_libraries};

/// Nothing here stays, so what is unmapped is the same as well.
const SCRIPTS: [&str; 6] = [
    "open n NULL open n {plain} close open n {plain} open no {plain} close close",
    "open n NULL open n /nonexistent/lib.so error open n libnonexistent.so error",
    "open n NULL open g {harmless} open z {plain} close close open nd {hidden} close",
    "open n NULL new n {plain} close new n {definer} close",
    "open n NULL open n {constructor} close open n libc.so.6 close error",
    "open n NULL open n {large} error",
];

/// The calls of loading and closing, one by one.
pub fn same_calls(world: &'static str) -> Outcome {
    for script in SCRIPTS {
        for policy in ["keep", "enforce"] {
            let plain = calls(world, Shim::Absent, script)?;
            let with = calls(world, Shim::Asked(policy), script)?;
            let differs = plain
                .iter()
                .zip(&with)
                .position(|(one, other)| one != other);
            let at = differs.unwrap_or(plain.len().min(with.len()));
            // the hint about static TLS reads the file that has just been read
            let hint = script.contains("{large}");
            let rest = with.get(at..).unwrap_or_default();
            if hint
                && rest
                    .first()
                    .is_some_and(|call| call.contains("liblarge.so"))
            {
                continue;
            }
            if plain != with || hint {
                let (plain, with) = (plain.get(at), with.get(at));
                return Err(format!("{script}: without {plain:?}, with {with:?}").into());
            }
        }
    }
    // the oracle is not blind
    let calls = calls(world, Shim::Asked("off"), SCRIPTS[0])?;
    assert!(
        calls.iter().any(|call| call.contains("libplain.so")),
        "{calls:?}"
    );
    Ok(())
}

/// Once a plug-in is there its path is not looked at any more, whatever else is
/// loaded and closed: it may be on a mount that hangs.
pub fn untouched(world: &'static str) -> Outcome {
    for policy in ["keep", "enforce"] {
        for case in ["plain", "second"] {
            let room = Room::new()?;
            room.put("lib", case)?;
            let script = format!(
                "open n {}/lib/lib{case}.so open n NULL open n {{definer}} open n {{needs-definer}} \
                 open n {{plain}} close close close close close",
                room.0.display()
            );
            let calls = calls(world, Shim::Asked(policy), &script)?;
            let touched = calls
                .iter()
                .find(|call| call.contains(&*room.0.to_string_lossy()));
            assert_eq!(touched, None, "{policy}");
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Shim {
    Absent,
    Asked(&'static str),
}

fn in_world(world: &str, shim: Shim) -> Result<Vec<(&'static str, String)>, String> {
    let mut variables = Vec::new();
    if world == "shim" {
        variables.push(("GLIBC_TUNABLES", GLIBC_OFF.to_owned()));
    }
    if let Shim::Asked(policy) = shim {
        let shim = artifacts()?.shim.display().to_string();
        variables.extend([
            ("LD_PRELOAD", shim),
            ("RSEQ_SHIM_LOADING", policy.to_owned()),
        ]);
    }
    Ok(variables)
}

/// The system calls after the first that the script opens has been there.
fn calls(world: &str, shim: Shim, script: &str) -> Result<Vec<String>, String> {
    Watched {
        words: &words(script)?,
        variables: &in_world(world, shim)?,
    }
    .calls()
}

fn words(script: &str) -> Result<Vec<OsString>, String> {
    let driver = built("loading-driver", "default")?.into_os_string();
    let words = with_libraries(script)?.into_iter().map(OsString::from);
    Ok(iter::once(driver).chain(words).collect())
}

/// From every instruction of every hook a debugger finds the way to `main`.
pub fn backtraces(world: &'static str) -> Outcome {
    for (policy, hook, script) in [
        ("keep", "dlclose", "open n {needs-definer} close"),
        ("keep", "dlerror", "open n {large} error"),
        ("enforce", "dlopen", "open n {definer}"),
    ] {
        let debugged = Watched {
            words: &words(script)?,
            variables: &in_world(world, Shim::Asked(policy))?,
        };
        let seen = debugged.backtraces(hook)?;
        assert!(seen > 100, "{hook}: {seen}");
    }
    Ok(())
}
