//! The command on AArch64, on two of its kernels, emulated: what it says of live
//! processes with each glibc, of this host, of a program's libraries; and what it starts.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::needs::Need;
use rseq_kit::runner::Outcome;
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_kernels::command::{self, COPIES, DOCTOR, GLIBCS, SHIM, look, rseqctl};
use rseq_lab_kernels::guest::{self, Command, Kernel, kernels};
use rseq_lab_kernels::question::{Question, ask_all, refused_for_sections, run_suite};
use serde_json::{Value, json};

fn main() -> ExitCode {
    run_suite(|suite| {
        let needs = |kernel| [Need::CC, guest::need(kernel)];
        for kernel in kernels::chosen_for_aarch64()? {
            let name = format!("aarch64-command::{}", kernel.name);
            suite.add(name, &needs(kernel), move || ask(kernel));
        }
        let old = kernels::that_runs_on()?;
        suite.add("aarch64-command::refused", &needs(old), move || {
            refused(old)
        });
        Ok(())
    })
}

/// Who has critical sections is not started there, whoever registers.
fn refused(kernel: Kernel) -> Outcome {
    let not_started = |program: &'static str| Question {
        name: format!("run, {program}"),
        command: rseqctl(["run", "--", program]),
        holds: Box::new(refused_for_sections),
    };
    let adopted = "adopted 9 registered 0 refused 0";
    let questions = [
        // on a busy host an emulated one needs longer to show it than `run` takes
        Question {
            name: "doctor".to_owned(),
            command: rseqctl(DOCTOR),
            holds: Box::new(|finished| {
                let runs_on = finished.out.contains("critical-sections-do-not-abort");
                equal(&json!(runs_on), &json!(true))
            }),
        },
        not_started("/p/hides"),
        not_started("/p/adopts"),
        says(
            "an adopter of the libc's area",
            Command::new("/p/adopts"),
            adopted,
        ),
        says(
            "run --force",
            rseqctl(["run", "--force", "--", "/p/adopts"]),
            adopted,
        ),
        says(
            "run of who has none",
            rseqctl(["run", "--", "/p/census"]),
            "main foreign -1\nthreads foreign 8\ncpu 0 failed 0",
        ),
    ];
    ask_all(command::guest()?, &kernel, &questions)
}

fn ask(kernel: Kernel) -> Outcome {
    // what is switched on holds for all that follows
    let questions: Vec<_> = processes().chain(others()).chain(switched_on()).collect();
    ask_all(command::guest()?, &kernel, &questions)
}

/// A process: its variables, its program, its owner, its threads' areas.
type Row = (
    &'static [&'static str],
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
);

fn processes() -> impl Iterator<Item = Question> {
    const LIBC: Option<(&str, &str)> = Some(("libc", "proved"));
    const SYMBOL: Option<(&str, &str)> = Some(("__rseq_abi", "proved"));
    const OFF: &str = "GLIBC_TUNABLES=glibc.pthread.rseq=0";
    const WITH_EACH: [Row; 7] = [
        (&[], "idle", "libc", LIBC),
        (&[OFF], "idle", "none", None),
        (&[SHIM], "idle", "libc", LIBC),
        (&[OFF, SHIM], "idle", "shim", SYMBOL),
        (&[OFF, SHIM], "exports", "adopter", SYMBOL),
        (&[OFF], "client", "client", SYMBOL),
        (&[OFF, SHIM], "client", "client", SYMBOL),
    ];
    assert_eq!(OFF, format!("GLIBC_TUNABLES={GLIBC_OFF}"));
    let dynamic = GLIBCS.iter().flat_map(|(version, release)| {
        WITH_EACH.iter().map(move |(variables, name, owner, area)| {
            let program = format!("/p/{name}-{release}");
            process(variables, &program, owner, *area, version)
        })
    });
    let fixed = [
        ("/p/idle-static", Some(("libc", "proved"))),
        // no symbol says where the area is
        ("/p/idle-stripped", Some(("libc", "likely"))),
    ];
    let fixed = fixed.map(|(program, area)| process(&[], program, "libc", area, "static"));
    dynamic.chain(fixed)
}

fn process(
    variables: &[&str],
    program: &str,
    owner: &'static str,
    area: Option<(&'static str, &'static str)>,
    glibc: &str,
) -> Question {
    let variables: Vec<_> = variables.iter().map(|&it| it.to_owned()).collect();
    Question {
        name: format!("ps {} {program} (glibc {glibc})", variables.join(" ")),
        command: look(&variables, [program]),
        holds: Box::new(move |finished| {
            let row = json_of(finished)?;
            equal(&row["owner"], &json!(owner))?;
            let threads = row["threads"].as_array().ok_or("no threads")?;
            equal(&json!(threads.len()), &json!(5))?;
            equal(&row["missing"], &json!([]))?;
            for thread in threads {
                equal(&thread["registered"], &json!(area.is_some()))?;
                if let Some((kind, evidence)) = area {
                    equal(&thread["area"], &json!(kind))?;
                    equal(&thread["area_evidence"], &json!(evidence))?;
                    equal(&thread["signature"], &json!("0xd428bc00"))?;
                }
            }
            Ok(())
        }),
    }
}

fn json_of(finished: &Finished) -> Result<Value, String> {
    serde_json::from_str(finished.out.trim_end()).map_err(|error| error.to_string())
}

fn equal(found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{found}, should be {expected}"))
    }
}

fn says(name: &str, command: Command, expected: &'static str) -> Question {
    Question {
        name: name.to_owned(),
        command,
        holds: Box::new(move |finished| {
            equal(&json!(finished.code()), &json!(0))?;
            equal(&json!(finished.out.trim_end()), &json!(expected))
        }),
    }
}

fn others() -> impl Iterator<Item = Question> {
    let doctor = rseqctl(DOCTOR);
    let narrow = command::NARROW.iter().enumerate().map(|(place, word)| {
        let silent = if place == 0 { "@" } else { "" };
        format!("{silent}{word}")
    });
    let narrow: Vec<_> = narrow.collect();
    [
        Question {
            name: "doctor".to_owned(),
            command: doctor,
            holds: Box::new(sections_abort),
        },
        Question {
            name: "ps of a 32-bit program".to_owned(),
            command: look(&[], narrow.iter().map(String::as_str)),
            holds: Box::new(is_narrow),
        },
        says(
            "run --mode own",
            rseqctl(["run", "--mode", "own", "--", "/p/census"]),
            "main ours cpu\nthreads ours 8\ncpu 8 failed 0",
        ),
        says(
            "run --mode own, with copies of the libraries",
            Command::new(COPIES).args(["run", "--mode", "own", "--", "/p/census"]),
            "main ours cpu\nthreads ours 8\ncpu 8 failed 0",
        ),
        Question {
            name: "run --dry-run of a 32-bit program".to_owned(),
            command: rseqctl(["run", "--dry-run", "--format", "json", "--"]).args(command::NARROW),
            holds: Box::new(|finished| equal(&json_of(finished)?["owner"], &json!("libc"))),
        },
        says(
            "run, an adopter",
            rseqctl(["run", "--", "/p/adopter"]),
            "granted 0 already 9 refused 0 denied 0",
        ),
        says(
            "run, a client",
            rseqctl(["run", "--", "/p/hides"]),
            "granted 9 already 0 refused 0 denied 0",
        ),
        says(
            "run, a user of the libc's area",
            rseqctl(["run", "--", "/p/adopts"]),
            "adopted 9 registered 0 refused 0",
        ),
        Question {
            name: "audit --program".to_owned(),
            command: rseqctl(["audit", "--format", "json", "--program", "/p/adopter"]),
            holds: Box::new(|finished| {
                let report = json_of(finished)?;
                let objects = report["objects"].as_array();
                let mut programs = objects.into_iter().flatten().map(|it| &it["program"]);
                let program = programs.find(|it| !it.is_null()).ok_or("no program")?;
                equal(&program["missing"], &json!([]))?;
                equal(&program["winner"], &json!("/p/adopter"))?;
                let objects = ["/p/adopter", "/lib/libc.so.6", "/lib/ld-linux-aarch64.so.1"];
                equal(&program["objects"], &json!(objects))
            }),
        },
    ]
    .into_iter()
}

/// Starts a program with the variables that the drop-in for systemd sets, and no
/// registration of the libc's.
const AS_SYSTEMD: &str = "while read -r line; do \
    case $line in DefaultEnvironment=*) set -- ${line#DefaultEnvironment=} \"$@\" ;; esac; \
    done </etc/systemd/system.conf.d/50-rseq-owner.conf; \
    for it; do it=${it#\\\"}; export \"${it%\\\"}\"; done; \
    export GLIBC_TUNABLES=glibc.pthread.rseq=0; exec /p/census";

/// The shim switched on for every program of the host, and off again.
fn switched_on() -> impl Iterator<Item = Question> {
    const OFF: &str = "GLIBC_TUNABLES=glibc.pthread.rseq=0";
    let contains = |name: &str, command: Command, expected: &'static str| Question {
        name: name.to_owned(),
        command,
        holds: Box::new(move |finished| {
            equal(&json!(finished.out.contains(expected)), &json!(true))
        }),
    };
    let with_each = GLIBCS.iter().map(|(version, release)| {
        let program = format!("/p/idle-{release}");
        process(&[OFF], &program, "shim", Some(("tls", "likely")), version)
    });
    let before = [
        contains(
            "enable",
            rseqctl(["enable"]),
            "programs that are started from now on have it",
        ),
        contains("status", rseqctl(["status"]), "loaded in this very"),
        says(
            "enabled, a client",
            Command::new("/p/hides"),
            "granted 9 already 0 refused 0 denied 0",
        ),
        says(
            "enabled, a user of the libc's area",
            Command::new("/p/adopts"),
            "adopted 9 registered 0 refused 0",
        ),
        says(
            "enabled, an adopter",
            Command::new("/p/adopter"),
            "granted 0 already 9 refused 0 denied 0",
        ),
    ];
    let after = [
        contains(
            "disable",
            rseqctl(["disable"]),
            "changed /etc/ld.so.preload",
        ),
        contains(
            "disabled, a client",
            Command::new("/p/hides"),
            "granted 0 already 0 refused 9 denied 0",
        ),
    ];
    let of_systemd = [
        contains(
            "enable --system",
            rseqctl(["enable", "--system"]),
            "/etc/systemd/system.conf.d/",
        ),
        says(
            "as systemd starts it",
            Command::new("/bin/sh").args(["-c", AS_SYSTEMD]),
            // in the copy's own storage, for which there is no symbol
            "main foreign -\nthreads foreign 8\ncpu 0 failed 0",
        ),
        contains(
            "disable --system",
            rseqctl(["disable", "--system"]),
            "/etc/systemd/system.conf.d/",
        ),
    ];
    let all = before.into_iter().chain(with_each).chain(after);
    all.chain(of_systemd)
}

/// The doctor has seen sections abort, and none run on.
fn sections_abort(finished: &Finished) -> Result<(), String> {
    let told = json_of(finished)?;
    let lengths = told["self_test"]["lengths"]
        .as_array()
        .ok_or("no lengths")?;
    let seen: Vec<_> = lengths
        .iter()
        .flat_map(|length| length["aborts"].as_object().into_iter().flatten())
        .map(|(_, seen)| seen)
        .collect();
    let all = seen.iter().all(|seen| **seen != json!("runs-on"));
    if all && seen.contains(&&json!("aborts")) {
        Ok(())
    } else {
        Err(format!("{seen:?}"))
    }
}

fn is_narrow(finished: &Finished) -> Result<(), String> {
    let row = json_of(finished)?;
    equal(&row["owner"], &json!("libc"))?;
    let threads = row["threads"].as_array().map(Vec::as_slice);
    let Some([thread]) = threads else {
        return Err("not one thread".to_owned());
    };
    equal(&thread["area"], &json!("libc"))?;
    equal(&thread["area_evidence"], &json!("proved"))?;
    // its own architecture's
    equal(&thread["signature"], &json!("0xe7f5def3"))
}
