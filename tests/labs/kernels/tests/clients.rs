//! Real users of rseq on AArch64, emulated: TCMalloc's program, workerd and Java, under
//! `rseqctl run`. Every thread is registered, and they answer as they do without us. On a
//! kernel that does not abort critical sections, `run` refuses those that rely on it.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::runner::Outcome;
use rseq_lab_clients::tcmalloc::{self, Linked};
use rseq_lab_clients::workerd;
use rseq_lab_kernels::clients::{self, AUTHORITY, CLASSES, WAYS, WORKERD, java, place};
use rseq_lab_kernels::command::{COMMAND, DOCTOR, beside, look, rseqctl};
use rseq_lab_kernels::guest::{self, Command, Kernel, kernels};
use rseq_lab_kernels::question::{Question, ask_all, refused_for_sections, run_suite};
use serde_json::Value;

const WORKERD_NEED: Need = Need::new(&Asked("workerd for AArch64", || {
    workerd::for_aarch64().map(drop)
}));
const JAVAC: Need = Need::new(&Asked("javac", || program("javac").map(drop)));

/// What asks workerd for a page.
const ASK: &str = "import socket\n\
    s = socket.socket(socket.AF_UNIX)\n\
    s.connect('\\0workerd')\n\
    s.send(b'GET /some/page HTTP/1.0\\r\\nHost: here\\r\\n\\r\\n')\n\
    print(s.makefile().read().split('\\n')[-1])\n";

/// What it answers.
const PAGE: &str = "you asked for /some/page 124124";

fn main() -> ExitCode {
    run_suite(|suite| {
        let newest = kernels::newest_for_aarch64();
        let needs = |kernel| {
            [
                Need::CC,
                Need::CXX,
                guest::need(kernel),
                tcmalloc::NEED_FOR_AARCH64,
                WORKERD_NEED,
            ]
        };
        suite.add("aarch64-clients::run", &needs(newest), move || run(&newest));
        let old = kernels::that_runs_on()?;
        suite.add("aarch64-clients::refused", &needs(old), move || {
            refused(&old)
        });
        let needs = [Need::CC, guest::need(newest), JAVAC];
        suite.add("aarch64-clients::java", &needs, move || in_java(&newest));
        Ok(())
    })
}

/// These words under `run`, and what they are without it.
fn under_run<'a>(words: &[&'a str]) -> Vec<&'a str> {
    // "--" ends the program of `beside`
    let run = [COMMAND, "run"];
    run.into_iter().chain(words.iter().copied()).collect()
}

/// The same for a program that says something when it is ready, if only anything.
fn after(mark: &str, words: &[&str]) -> Vec<String> {
    let mut words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
    words[0].insert_str(0, mark);
    words
}

fn run(kernel: &Kernel) -> Outcome {
    let mut questions = Vec::new();
    for linked in WAYS {
        let program = &*place(linked);
        let owner = if linked == Linked::Hidden {
            "client"
        } else {
            "adopter"
        };
        questions.extend([
            caches(linked, Command::new(program), false),
            caches(linked, rseqctl(["run", "--", program]), true),
            threads(linked.name(), &under_run(&[program, "wait"]), "", owner, 9),
        ]);
    }
    let python = ["/usr/bin/python3.11", "-c", ASK];
    for words in [WORKERD.to_vec(), under_run(&WORKERD)] {
        let started = after("+", &words);
        let words = started.iter().map(String::as_str);
        let asked = beside(&[AUTHORITY.to_owned()], words, &python);
        questions.push(says(started.first().map(String::as_str), asked, PAGE));
    }
    questions.push(threads("workerd", &under_run(&WORKERD), "+", "client", 2));
    ask_all(clients::guest()?, kernel, &questions)
}

/// The caches are on, and no block was given out twice.
fn caches(linked: Linked, command: Command, on: bool) -> Question {
    Question {
        name: format!("TCMalloc {}, caches {on}", linked.name()),
        command,
        holds: Box::new(move |finished| {
            if tcmalloc::said(finished)?.caches == on {
                Ok(())
            } else {
                Err("its per-CPU caches are otherwise".to_owned())
            }
        }),
    }
}

/// Every thread is registered, and there are so many at least.
fn threads(name: &str, words: &[&str], mark: &str, owner: &'static str, at_least: u64) -> Question {
    let words = after(mark, words);
    Question {
        name: format!("{name}, threads"),
        command: look(&[AUTHORITY.to_owned()], words.iter().map(String::as_str)),
        holds: Box::new(move |finished| {
            let row: Value =
                serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
            let all = row["registered"].as_u64() >= Some(at_least);
            if row["owner"] == owner && all && row["unregistered"] == 0 && row["unknown"] == 0 {
                Ok(())
            } else {
                Err(format!("not every thread is registered by {owner}"))
            }
        }),
    }
}

fn says(name: Option<&str>, command: Command, text: &'static str) -> Question {
    Question {
        name: format!("{}, an answer", name.unwrap_or_default()),
        command,
        holds: Box::new(move |finished| {
            if finished.expect_ref(0)?.out.trim_end() == text {
                Ok(())
            } else {
                Err(format!("it does not say {text}"))
            }
        }),
    }
}

/// The doctor has seen critical sections run on; who has some is not started, and nobody is
/// harmed without us.
fn refused(kernel: &Kernel) -> Outcome {
    let mut questions = vec![Question {
        name: "doctor".to_owned(),
        command: rseqctl(DOCTOR),
        holds: Box::new(sections_run_on),
    }];
    for linked in WAYS {
        let program = &*place(linked);
        questions.extend([
            caches(linked, Command::new(program), false),
            not_started(linked.name(), rseqctl(["run", "--", program])),
        ]);
    }
    let workerd = under_run(&WORKERD);
    let arguments = workerd.into_iter().skip(1);
    questions.push(not_started("workerd", rseqctl(arguments)));
    ask_all(clients::guest()?, kernel, &questions)
}

fn sections_run_on(finished: &Finished) -> Result<(), String> {
    let told: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    let lengths = told["self_test"]["lengths"].as_array();
    let mut seen = lengths
        .into_iter()
        .flatten()
        .flat_map(|length| length["aborts"].as_object().into_iter().flatten());
    if seen.any(|(_, seen)| *seen == "runs-on") {
        Ok(())
    } else {
        Err("no section was seen to run on".to_owned())
    }
}

fn not_started(name: &str, command: Command) -> Question {
    Question {
        name: format!("run of {name}"),
        command,
        holds: Box::new(refused_for_sections),
    }
}

fn in_java(kernel: &Kernel) -> Outcome {
    const SUM: &str = "319847730";

    let java = &*java();
    let version = [java, "-version"];
    let sums = [java, "-cp", CLASSES, "Threads"];
    let waits = [java, "-cp", CLASSES, "Threads", "wait"];
    let run = |words: &[&str]| rseqctl(under_run(words).into_iter().skip(1));
    let plain = |words: &[&str]| Command::new(words[0]).args(&words[1..]);
    let own = [COMMAND, "run", "--mode", "own"];
    let own: Vec<_> = own.into_iter().chain(waits).collect();
    let questions = [
        told_its_version(plain(&version)),
        told_its_version(run(&version)),
        says(Some("Java"), plain(&sums), SUM),
        says(Some("Java under run"), run(&sums), SUM),
        threads("Java", &own, "", "shim", 33),
    ];
    ask_all(clients::guest_with_java()?, kernel, &questions)
}

fn told_its_version(command: Command) -> Question {
    Question {
        name: "java -version".to_owned(),
        command,
        holds: Box::new(|finished| {
            if finished
                .expect_ref(0)?
                .err
                .contains("OpenJDK 64-Bit Server VM")
            {
                Ok(())
            } else {
                Err("it does not say its version".to_owned())
            }
        }),
    }
}
