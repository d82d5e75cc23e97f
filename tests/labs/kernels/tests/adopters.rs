//! What authors build, on old kernels and new ones of both architectures, emulated: programs
//! with the header, with `librseq_owner.a` and with the crate are registered where they
//! should be, lose nothing, and none of them ends for lack of anything.

use std::process::ExitCode;

use rseq_kit::child::Finished;
use rseq_kit::machine::Machine;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, none_of};
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_kernels::adopters;
use rseq_lab_kernels::guest::{self, Command, Kernel, kernels};
use rseq_lab_kernels::question::run_suite;

/// The oldest that can be had, one of the last that takes 32 bytes alone, and the newest.
const X86_64: &str = "5.10,6.1,7.3";
const AARCH64: &str = "6.1,7.3";

/// From when on the kernel has concurrency ids.
const MM_CID: (u32, u32, u32) = (6, 3, 0);

/// Every place in which a thread may be is registered.
const OWNED: &str = "before main 1; main 1; owner 2; thread 1; C11 thread 1 returns -7; exits 1; \
    many 200; timer 1; aio 1; raw clone 1, main 1; child 1; enter 0, leave 0, again -22; \
    at the end 1";

/// The libc was first: nothing is taken from it.
const BESIDE: &str = "before main -1; main -1; owner 1; thread -1; C11 thread -1 returns -7; \
    exits -1; many 200; timer -1; aio -1; raw clone 1, main -1; child -1; \
    enter 0, leave 0, again -22; at the end -1";

/// A program, whether the libc registers, and what it says; of a kernel without
/// concurrency ids `mm_cid unknown` instead.
const QUESTIONS: [(&str, bool, &str); 9] = [
    (
        "refers",
        true,
        "symbol absent; aligned yes; registered 1; register -2; registered 1 own 0; cpu known; \
         node known; mm_cid known; errno kept",
    ),
    (
        "refers",
        false,
        "symbol absent; aligned yes; registered 0; register -2; registered 0 own 0; cpu known; \
         node known; mm_cid unknown; errno kept",
    ),
    (
        "defines",
        false,
        "symbol there; aligned yes; registered 0; register 0; registered 1 own 1; cpu known; \
         node known; mm_cid known; unregister 0; same 1; errno kept",
    ),
    ("creates", false, "main 1, thread 1"),
    ("owned", false, OWNED),
    ("owned", true, BESIDE),
    ("owned-pie", false, OWNED),
    ("counts", false, COUNTED),
    ("counts", true, COUNTED),
];

const COUNTED: &str = "registered true; counted 400000 of 400000; used all";

fn main() -> ExitCode {
    run_suite(|suite| {
        for (machine, list) in [(Machine::X86_64, X86_64), (Machine::Aarch64, AARCH64)] {
            for kernel in kernels::named_of(machine, list)? {
                let needs = [Need::CC, guest::need(kernel)];
                let name = format!("adopters::{}::{}", machine.name(), kernel.name);
                suite.add(name, &needs, move || ask(kernel));
            }
        }
        Ok(())
    })
}

fn ask(kernel: Kernel) -> Outcome {
    let has_mm_cid = kernel.version()? >= MM_CID;
    let mut guest = adopters::guest(kernel.machine)?;
    for (name, libc_registers, _) in QUESTIONS {
        let command = Command::new(&format!("/p/{name}"));
        guest = guest.run(if libc_registers {
            command
        } else {
            command.env("GLIBC_TUNABLES", GLIBC_OFF)
        });
    }
    guest.ask(&kernel, |answers| {
        let answers = QUESTIONS.iter().zip(answers);
        none_of(
            answers.filter_map(|((name, libc_registers, expected), answer)| {
                let mut expected = (*expected).to_owned();
                if !has_mm_cid {
                    expected = expected.replace("mm_cid known", "mm_cid unknown");
                }
                let found = answer.map_or_else(|error| error, |finished| told(&finished));
                let wrong = format!(
                    "{name}, the libc registers: {libc_registers}\n expected {expected}\n \
                     found    {found}"
                );
                (found != expected).then_some(wrong)
            }),
        )
    })
}

/// What a program said, in one line; of its uses only whether none is lost.
fn told(finished: &Finished) -> String {
    let lines = finished.out.lines().map(|line| {
        let uses = line.strip_prefix("used ");
        match uses.and_then(|uses| uses.split_once(" of ")) {
            Some((seen, of)) if seen == of && seen != "0" => "used all",
            _ => line,
        }
    });
    let mut text = lines.collect::<Vec<_>>().join("; ");
    if finished.code() != 0 || !finished.err.is_empty() {
        text = format!("{} {text} {}", finished.status, finished.err);
    }
    text
}
