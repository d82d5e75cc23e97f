//! The loading rules, seen from outside: a program that knows nothing of the
//! shim opens and closes libraries, and says what came of it.

use std::process::ExitCode;

use rseq_kit::needs::{Need, Sanitizer, Tool};
use rseq_kit::runner::{Outcome, Suite};

mod driver;
mod hooks;
mod kept;
mod memory;
mod policy;
mod promotion;
mod same;
mod search;
mod tools;

/// The shim passive, and the shim as the owner: the rules are the same.
const WORLDS: [&str; 2] = ["libc", "shim"];

/// A test, given the world that it runs in.
type Test = fn(&'static str) -> Outcome;

fn main() -> ExitCode {
    let needs = [Need::CC, Need::X86_64, Need::GLIBC_2_35];
    let mut suite = Suite::new();
    let tests: [(&str, Test); 32] = [
        ("kept::definers", kept::definers),
        ("kept::found_by_name", kept::found_by_name),
        ("kept::two_definers", kept::two_definers),
        ("kept::own_definitions", kept::own_definitions),
        ("kept::clients", kept::clients),
        ("kept::before_the_shim", kept::before_the_shim),
        ("kept::in_constructors", kept::in_constructors),
        ("kept::little_memory", memory::little_memory),
        ("start_up::linked", promotion::linked),
        ("start_up::preloaded", promotion::preloaded),
        ("promoted::opened", promotion::opened),
        ("promoted::needed", promotion::needed),
        ("promoted::needed_by_name", promotion::needed_by_name),
        ("promoted::searches", promotion::searches),
        (
            "promoted::opened_after_needed",
            promotion::opened_after_needed,
        ),
        ("promoted::own_definition", promotion::own_definition),
        ("promoted::two_definers", promotion::two_definers),
        ("same::private_definitions", same::private_definitions),
        ("same::failures", same::failures),
        ("same::search_paths", search::search_paths),
        ("same::constructors", same::constructors),
        ("same::pooled_stacks", same::pooled_stacks),
        ("hooks::large_frames", hooks::large_frames),
        ("hooks::stopped", hooks::stopped),
        ("hooks::alternate_stack", hooks::alternate_stack),
        ("hooks::strict", hooks::strict),
        ("hooks::depth", hooks::depth),
        ("policy::warn", policy::warn),
        ("policy::off", policy::off),
        ("static_tls::text_stays", memory::text_stays),
        ("threads::eight", memory::threads),
        ("threads::small_stack", memory::small_stack),
    ];
    for (name, test) in tests {
        for world in WORLDS {
            suite.add(format!("{name}::{world}"), &needs, move || test(world));
        }
    }
    let with_tools: [(&str, Need, Test); 4] = [
        (
            "hooks::races",
            Need::new(&Sanitizer("thread")),
            hooks::races,
        ),
        (
            "strace::same_calls",
            Need::new(&Tool("strace")),
            tools::same_calls,
        ),
        (
            "strace::untouched",
            Need::new(&Tool("strace")),
            tools::untouched,
        ),
        (
            "gdb::backtraces",
            Need::new(&Tool("gdb")),
            tools::backtraces,
        ),
    ];
    for (name, tool, test) in with_tools {
        let needs = [&needs[..], &[tool]].concat();
        for world in WORLDS {
            suite.add(format!("{name}::{world}"), &needs, move || test(world));
        }
    }
    let as_root = [&needs[..], &[Need::ROOT, Need::MOUNT_NAMESPACE]].concat();
    suite.add("same::ld_so_cache", &as_root, search::found_in_cache);
    suite.add("static_tls::hint", &needs, memory::static_tls_hint);
    suite.add("log::once_each", &needs, policy::log);
    suite.add("mode::off", &needs, policy::mode_off);
    suite.run()
}
