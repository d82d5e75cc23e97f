//! The loading rules, seen from outside: a program that knows nothing of the
//! shim opens and closes libraries, and says what came of it.

use std::process::ExitCode;

use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};

mod driver;
mod memory;
mod policy;
mod promotion;
mod refusal;
mod same;
mod search;

/// The shim passive, and the shim as the owner: the rules are the same.
const WORLDS: [&str; 2] = ["libc", "shim"];

/// A test, given the world that it runs in.
type Test = fn(&'static str) -> Outcome;

fn main() -> ExitCode {
    let needs = [Need::Cc, Need::X86_64, Need::Glibc(2, 35)];
    let mut suite = Suite::new();
    let tests: [(&str, Test); 28] = [
        ("promoted::opened", promotion::opened),
        ("promoted::needed", promotion::needed),
        ("promoted::needed_by_name", promotion::needed_by_name),
        (
            "promoted::opened_after_needed",
            promotion::opened_after_needed,
        ),
        ("promoted::two_definers", promotion::two_definers),
        ("promoted::base_namespace", promotion::base_namespace),
        ("start_up::linked", promotion::linked),
        ("start_up::preloaded", promotion::preloaded),
        ("refused::deep_bind", refusal::deep_bind),
        ("refused::own_definition", refusal::own_definition),
        ("refused::namespace", refusal::namespace),
        ("refused::same_name", refusal::same_name),
        ("refused::dlerror", refusal::error_is_said_once),
        ("same::private_definitions", same::private_definitions),
        ("same::failures", same::failures),
        ("same::failure_while_due", same::failure_while_due),
        ("same::search_paths", search::search_paths),
        ("same::constructors", same::constructors),
        ("same::closed_for_real", same::closed_for_real),
        ("same::pooled_stacks", same::pooled_stacks),
        ("refused::changed_file", refusal::changed_file),
        ("refused::changed_search", refusal::changed_search),
        ("promoted::owed", promotion::owed),
        ("policy::warn", policy::warn),
        ("policy::off", policy::off),
        ("refused::little_memory", memory::little_memory),
        ("threads::eight", memory::threads),
        ("threads::small_stack", memory::small_stack),
    ];
    for (name, test) in tests {
        for world in WORLDS {
            suite.add(format!("{name}::{world}"), &needs, move || test(world));
        }
    }
    let as_root = [&needs[..], &[Need::Root, Need::MountNamespace]].concat();
    suite.add("same::ld_so_cache", &as_root, search::found_in_cache);
    suite.add("static_tls::hint", &needs, memory::static_tls_hint);
    suite.add("log::promotions_and_refusals", &needs, policy::log);
    suite.add("mode::off", &needs, policy::mode_off);
    suite.run()
}
