//! `rseqctl ps` at real processes: who owns the registration of each thread, and
//! that every process goes on as if nobody had looked.

use std::process::ExitCode;

use rseq_kit::foreign;
use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;
use rseq_lab_clients::tcmalloc;
use rseq_lab_clients::tcmalloc::Linked;
use rseq_lab_clients::workerd;
use rseq_lab_kernels::guest;
use rseq_lab_kernels::guest::kernels;

mod elsewhere;
mod look;
mod owners;
mod states;

use elsewhere::{another_user, namespaces, on_kernel, whole_host};
use owners::{
    dlopened, java, libc_of, node, owned, python_threads, static_program, with_launcher,
    without_launcher, workerd_under_load,
};
use states::{
    debugger, deleted, ends_meanwhile, interrupted, main_thread_ended, many_threads, not_stopped,
    signals, stopped, threads_come_and_go, watch, zombie,
};

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
    let needs = [
        Need::X86_64,
        Need::glibc(2, 35),
        Need::RSEQ,
        Need::PTRACE,
        Need::CC,
    ];
    let with = |more: &[Need]| [&needs[..], more].concat();
    let mut suite = Suite::new();
    for (case, world, owner) in OWNERS {
        let title = format!("ps::owner::{case}::{world}");
        suite.add(title, &needs, move || owned(case, world, owner));
    }
    for case in ["static", "static-stripped"] {
        let needs = with(&[Need::STATIC_LIBC]);
        suite.add(format!("ps::{case}"), &needs, move || static_program(case));
    }
    suite.add("ps::python", &with(&[Need::PYTHON]), python_threads);
    suite.add("ps::node", &with(&[Need::NODE]), node);
    suite.add("ps::java", &with(&[Need::JAVA]), java);
    suite.add("ps::dlopened", &with(&[Need::PYTHON]), dlopened);
    let tcmalloc = with(&[Need::CXX, tcmalloc::NEED]);
    suite.add("ps::without_launcher", &tcmalloc, without_launcher);
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
    suite.add("ps::workerd", &with(&[workerd::NEED]), workerd_under_load);
    suite.add("ps::many_threads", &needs, many_threads);
    suite.add("ps::ends_meanwhile", &needs, ends_meanwhile);
    suite.add("ps::threads_come_and_go", &needs, threads_come_and_go);
    suite.add(
        "ps::main_thread_ended",
        &with(&[Need::PYTHON]),
        main_thread_ended,
    );
    suite.add("ps::zombie", &with(&[Need::PYTHON]), zombie);
    suite.add("ps::debugger", &needs, debugger);
    suite.add("ps::stopped", &needs, stopped);
    suite.add("ps::signals", &needs, signals);
    suite.add("ps::interrupted", &needs, interrupted);
    suite.add("ps::not_stopped", &needs, not_stopped);
    suite.add("ps::deleted", &needs, deleted);
    suite.add("ps::watch", &needs, watch);
    let namespace = with(&[Need::ROOT, Need::MOUNT_NAMESPACE]);
    suite.add("ps::namespaces", &namespace, namespaces);
    suite.add("ps::whole_host", &namespace, whole_host);
    let other = with(&[Need::ROOT, Need::SETPRIV]);
    suite.add("ps::another_user", &other, another_user);
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
