//! What tools see of a hook: strace no system call that the dynamic linker alone
//! would not make, a debugger every frame.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::program;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::GLIBC_OFF;

use crate::driver::{Room, with_words};

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

/// The system calls after the first that the script opens has been there, without
/// addresses.
fn calls(world: &str, shim: Shim, script: &str) -> Result<Vec<String>, String> {
    let log = scratch::directory("calls")?.join("log");
    let mut strace = Program::new(program("strace")?).args(["-f", "-qq", "-s", "256", "-o"]);
    strace = strace.arg(&log);
    for (name, value) in in_world(world, shim)? {
        strace = strace.arg(format!("-E{name}={value}"));
    }
    let driver = with_words(strace.arg(built("loading-driver", "default")?), script)?;
    driver.run()?.expect(0)?;
    let log = fs::read_to_string(&log).map_err(|error| error.to_string())?;
    let calls = log.lines().skip_while(|line| !line.contains("opened"));
    Ok(calls.skip(1).map(without_addresses).collect())
}

fn without_addresses(line: &str) -> String {
    // its number comes first; random bytes are never the same
    let call = line.split_once(' ').map_or(line, |(_, call)| call).trim();
    if call.starts_with("getrandom(") {
        return "getrandom".to_owned();
    }
    let mut text = String::new();
    let mut rest = call;
    while let Some((before, after)) = rest.split_once("0x") {
        let end = after.find(|letter: char| !letter.is_ascii_hexdigit());
        let (digits, others) = after.split_at(end.unwrap_or(after.len()));
        text += before;
        text += if digits.len() > 6 { "ADDRESS" } else { digits };
        rest = others;
    }
    text + rest
}

/// Goes through a hook instruction by instruction, and looks from each of the shim's
/// own for `main`.
const STEPS: &str = r#"
import gdb
for words in ("pagination off", "confirm off", "breakpoint pending on"):
    gdb.execute("set " + words)
gdb.execute("break main")
gdb.execute("run")
gdb.execute("delete")

def value(register):
    return int(gdb.parse_and_eval(register)) & (1 << 64) - 1

# A loop comes by the same places again, with the same frames below.
checked = set()

def is_whole():
    place = value("$pc"), value("$sp"), value("$rbp")
    if place in checked:
        return
    checked.add(place)
    names, frame = [], gdb.newest_frame()
    try:
        while frame is not None:
            # the debugger's guesses may come back from places without code
            named = frame.name() or gdb.solib_name(frame.pc())
            names.append(named or "nowhere")
            frame = frame.older()
    except gdb.error as error:
        names.append(str(error))
    if "main" not in names or "nowhere" in names:
        print("BROKEN", hex(value("$pc")), names)

def alive():
    return gdb.selected_inferior().pid != 0

# By page: no page holds code of two objects.
pages = {}

def in_shim():
    page = value("$pc") >> 12
    if page not in pages:
        pages[page] = "librseq_shim" in (gdb.solib_name(page << 12) or "")
    return pages[page]

# What the shim calls of the libc is left at once, but for the walk that calls back.
def step(start):
    was_in_shim = in_shim()
    gdb.execute("stepi", to_string=True)
    if not alive() or not was_in_shim or in_shim() or value("$sp") > start:
        return
    if "iterate" not in (gdb.newest_frame().name() or ""):
        gdb.execute("tbreak *%d" % gdb.newest_frame().older().pc())
        gdb.execute("continue", to_string=True)

gdb.execute("break *HOOK")
gdb.execute("continue")
seen = 0
while alive():
    start = value("$sp")
    while alive() and value("$sp") <= start:
        if in_shim():
            seen += 1
            is_whole()
        step(start)
    if alive():
        gdb.execute("continue", to_string=True)
print("SEEN", seen)
"#;

/// From every instruction of every hook a debugger finds the way to `main`.
pub fn backtraces(world: &'static str) -> Outcome {
    for (policy, hook, script) in [
        ("keep", "dlclose", "open n {needs-definer} close"),
        ("keep", "dlerror", "open n {large} error"),
        ("enforce", "dlopen", "open n {definer}"),
    ] {
        let file = scratch::directory("steps")?.join("steps.py");
        let steps = STEPS.replace("HOOK", hook);
        fs::write(&file, steps).map_err(|error| error.to_string())?;
        let found = debugged(world, policy, &file, script)?;
        let seen = found.lines().find_map(|line| line.strip_prefix("SEEN "));
        let seen: u32 = seen.and_then(|seen| seen.parse().ok()).unwrap_or(0);
        assert!(seen > 100, "{hook}: {found}");
        assert!(!found.contains("BROKEN"), "{hook}: {found}");
    }
    Ok(())
}

fn debugged(
    world: &str,
    policy: &'static str,
    steps: &Path,
    script: &str,
) -> Result<String, String> {
    let mut gdb = Program::new(program("gdb")?).args(["-nx", "-q", "-batch"]);
    for (name, value) in in_world(world, Shim::Asked(policy))? {
        gdb = gdb.args(["-ex", &format!("set environment {name} {value}")]);
    }
    let driver: PathBuf = built("loading-driver", "default")?;
    let gdb = gdb.arg("-x").arg(steps).arg("--args").arg(driver);
    let gdb = with_words(gdb, script)?.limit(Duration::from_secs(300));
    let found = gdb.run()?.expect(0)?;
    Ok(found.out + &found.err)
}
