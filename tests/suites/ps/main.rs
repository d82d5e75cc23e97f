//! `rseqctl ps` at real processes: who owns the registration of each thread, and
//! that every process goes on as if nobody had looked.

use std::process::ExitCode;

use rseq_kit::foreign;
use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;
use rseq_lab_clients::tcmalloc;
use rseq_lab_clients::tcmalloc::Linked;
use rseq_lab_kernels::guest;
use rseq_lab_kernels::guest::kernels;

mod choices;
mod elsewhere;
mod look;
mod owners;
mod states;

use elsewhere::on_kernel;
use owners::{libc_of, owned, static_program, with_launcher};

/// Who owns the threads of a program that waits, by its case and world.
const OWNERS: [(&str, &str, &str); 9] = [
    ("nobody", "plain", "libc"),
    ("nobody", "bare", "none"),
    ("nobody", "libc", "libc"),
    ("nobody", "shim", "shim"),
    ("nobody", "own", "shim"),
    ("nobody", "takeover", "shim"),
    ("exports", "plain", "libc"),
    ("exports", "shim", "adopter"),
    ("exports", "takeover", "adopter"),
];

fn main() -> ExitCode {
    let with = |more: &[Need]| [&Need::LIVE[..], more].concat();
    let mut suite = Suite::collected();
    for (case, world, owner) in OWNERS {
        let title = format!("ps::owner::{case}::{world}");
        suite.add(title, &Need::LIVE, move || owned(case, world, owner));
    }
    for case in ["static", "static-stripped"] {
        let needs = with(&[Need::STATIC_LIBC]);
        suite.add(format!("ps::{case}"), &needs, move || static_program(case));
    }
    let tcmalloc = with(&[Need::CXX, tcmalloc::NEED]);
    for (way, linked, owner) in [
        ("hidden", Linked::Hidden, "client"),
        ("exported", Linked::Exported, "adopter"),
        ("shared", Linked::Shared, "adopter"),
    ] {
        let title = format!("ps::with_launcher::{way}");
        suite.add(title, &tcmalloc, move || with_launcher(linked, owner));
    }
    for name in ["bullseye", "trixie", "forky"] {
        let needs = with(&[foreign::need(name)]);
        suite.add(format!("ps::libc::{name}"), &needs, move || libc_of(name));
    }
    let kernels = match kernels::chosen() {
        Ok(kernels) => kernels,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for kernel in kernels {
        let needs = with(&[Need::BINUTILS, Need::STATIC_LIBC, guest::need(kernel)]);
        let title = format!("ps::kernel::{}", kernel.name);
        suite.add(title, &needs, move || on_kernel(kernel));
    }
    suite.run()
}
