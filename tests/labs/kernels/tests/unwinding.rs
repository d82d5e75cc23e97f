//! Unwinding on AArch64 through what the shim puts between a program and its libc: C++
//! exceptions, ends of threads, and a debugger's backtraces, emulated.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_kernels::guest::{self, Command, kernels};
use rseq_lab_kernels::question::{Question, ask_all};
use rseq_lab_kernels::unwinding::{Symbols, with_a_debugger, with_exceptions};

const SHIM: &str = "/lib/librseq_shim.so";

const CXX: Need = Need::new(&Tool("aarch64-linux-gnu-g++"));

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let emulated = guest::need(kernels::newest_for_aarch64());
    let needs = [Need::CC, CXX, emulated];
    suite.add("aarch64-unwinding::exceptions", &needs, exceptions);
    let needs = [Need::CC, emulated];
    suite.add("aarch64-unwinding::debugger", &needs, debugger);
    suite.run()
}

/// What each end of a thread leaves behind, and what ends the program, is the same in every
/// world, with return addresses that are signed.
fn exceptions() -> Outcome {
    const ALL: &str = "caught: 8 destroyed 8 caught\nexit: 8 destroyed 0 caught\n\
        cancel: 8 destroyed 8 caught\nasync: 8 destroyed 8 caught\n";
    const SIGABRT: i32 = 6;
    let plain = |command: Command| command.env("GLIBC_TUNABLES", GLIBC_OFF);
    let shim = |command: Command| command.env("LD_PRELOAD", SHIM);
    let worlds: [(&str, &dyn Fn(Command) -> Command); 4] = [
        ("nobody", &plain),
        ("shim", &|command| shim(plain(command))),
        ("passive", &shim),
        ("takeover", &|command| {
            shim(command).env("RSEQ_SHIM_MODE", "takeover")
        }),
    ];
    let questions: Vec<_> = worlds
        .iter()
        .flat_map(|(name, world)| {
            let program = || Command::new("/p/exceptions");
            [
                Question {
                    name: format!("each end, {name}"),
                    command: world(program()),
                    holds: Box::new(|finished| same(&finished.expect_ref(0)?.out, ALL)),
                },
                Question {
                    name: format!("uncaught, {name}"),
                    command: world(program().args(["uncaught"])),
                    holds: Box::new(|finished| {
                        same(&finished.code().to_string(), &(-SIGABRT).to_string())?;
                        contains(finished, "std::runtime_error")
                    }),
                },
            ]
        })
        .collect();
    ask_all(
        with_exceptions()?.processor("max"),
        &kernels::newest_for_aarch64(),
        &questions,
    )
}

fn same(found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{found:?}, should be {expected:?}"))
    }
}

fn contains(finished: &Finished, words: &str) -> Result<(), String> {
    if finished.err.contains(words) {
        Ok(())
    } else {
        Err(format!("{words:?} is missing"))
    }
}

/// How many instructions the debugger executes one by one from a hook's first on.
const STEPS: usize = 150;

/// What every script begins with.
const FIRST: &str = "set pagination off\nset confirm off\nset width 0\n\
    set startup-with-shell off\n\
    set environment LD_PRELOAD /lib/librseq_shim.so\n\
    set environment GLIBC_TUNABLES glibc.pthread.rseq=0\n";

/// Something that the debugger goes through.
struct Stepped {
    name: &'static str,
    /// The function of the shim at whose first instruction it begins.
    hook: &'static str,
    program: &'static str,
    arguments: &'static str,
    /// What the shim does at loading.
    loading: &'static str,
    /// What its outermost frame is from there on.
    outermost: &'static str,
}

const STEPPED: [Stepped; 6] = [
    opened("dlopen", "dlopen", "keep"),
    // with a frame of its own
    opened("dlopen-enforced", "dlopen", "enforce"),
    opened("dlclose", "dlclose", "keep"),
    Stepped {
        program: "by-handle",
        arguments: "",
        ..opened("dlsym", "dlsym", "keep")
    },
    Stepped {
        program: "census",
        arguments: "",
        ..opened("create", "pthread_create", "keep")
    },
    // the first instructions of a thread, and those of its routine
    Stepped {
        program: "census",
        arguments: "",
        outermost: " from /lib/libc.so.6",
        ..opened("thread", THREAD_START, "keep")
    },
];

/// A hook that a program comes to which opens and closes a library.
const fn opened(name: &'static str, hook: &'static str, loading: &'static str) -> Stepped {
    Stepped {
        name,
        hook,
        program: "driver",
        arguments: OPEN,
        loading,
        outermost: " main (",
    }
}

/// A part of the name that the compiler gives the shim's first code of a thread.
const THREAD_START: &str = "threads12thread_start";

const OPEN: &str = "open n /p/libplain.so close";

/// From every instruction of what the shim puts between a program and its libc the debugger
/// finds the outermost frame.
fn debugger() -> Outcome {
    let symbols = Symbols::of_the_shim()?;
    let (start, at) = symbols.containing(THREAD_START)?;
    let mut scripts = Vec::new();
    for it in &STEPPED {
        // by name the debugger would begin behind what it takes for a function's prologue, and
        // no other object has this symbol
        let hook = if it.hook == THREAD_START {
            start
        } else {
            it.hook
        };
        let distance = symbols.named(hook)?.wrapping_sub(at).cast_signed();
        let text = format!(
            "{FIRST}set environment RSEQ_SHIM_LOADING {}\ntbreak main\nrun {}\n\
             tbreak *((char *) &'{start}' + {distance})\ncontinue\ninfo symbol $pc\n\
             set $n = 0\nwhile $n < {STEPS}\nbt -1\nstepi\nset $n = $n + 1\nend\nkill\nquit\n",
            it.loading, it.arguments
        );
        scripts.push((it.name, text));
    }
    let questions = STEPPED.map(|it| Question {
        name: format!("every instruction of {}", it.name),
        command: Command::new("/usr/bin/gdb")
            .args(["-batch", "-nx", "-x", &format!("/scripts/{}", it.name)])
            .args([format!("/p/{}", it.program)]),
        holds: Box::new(move |finished| steps(&finished.out, it.hook, it.outermost)),
    });
    ask_all(
        with_a_debugger(&scripts)?
            .processor("neoverse-n1")
            .with_one_processor(),
        &kernels::newest_for_aarch64(),
        &questions,
    )
}

/// Each step began in the shim's function and had this outermost frame.
fn steps(said: &str, hook: &str, outermost: &str) -> Result<(), String> {
    // the debugger writes it without the length
    let name = hook
        .rsplit(|c: char| c.is_ascii_digit())
        .next()
        .unwrap_or(hook);
    // without "+ 4" and the like: at its first instruction
    let is_there = |line: &str| line.contains(name) && line.contains(SHIM) && !line.contains(" + ");
    if !said.lines().any(is_there) {
        return Err(format!("{hook} of the shim was not reached"));
    }
    let frames: Vec<_> = said.lines().filter(|line| line.starts_with('#')).collect();
    match frames.iter().find(|line| !line.contains(outermost)) {
        Some(line) => Err(format!("another outermost frame: {line}")),
        None if frames.len() < STEPS => Err(format!("only {} frames", frames.len())),
        None => Ok(()),
    }
}
