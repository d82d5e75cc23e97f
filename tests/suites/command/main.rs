//! `rseqctl run` from outside: statuses, what the command gets, what is said.

use std::ffi::OsStr;
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;

mod owned;
mod refused;
mod started;
mod through;
mod verified;
mod without;

use owned::{adopter_library, adopters, denied, dry_run, report, static_tls};
use refused::{corruption, no_abort, pointers, remembered};
use started::{
    cannot_start, environment, no_file, nobody_can_be_told, pipes, script, signal, status,
    strangers_folder, tunable, unknown_mode, usage,
};
use through::{entry_point, launchers};
use verified::{no_child, not_as_decided, verified};
use without::{musl, other_class, other_machine, set_user_id, static_pie, static_program};

fn main() -> ExitCode {
    let runs = [Need::X86_64, Need::glibc(2, 35), Need::RSEQ];
    let builds = [Need::CC, Need::X86_64, Need::glibc(2, 35), Need::RSEQ];
    let links_static = [Need::CC, Need::X86_64, Need::STATIC_LIBC];
    let as_root = [Need::CC, Need::X86_64, Need::ROOT];
    let root = [Need::X86_64, Need::glibc(2, 35), Need::RSEQ, Need::ROOT];
    let mut suite = Suite::new();
    suite.add("run::status", &runs, status);
    suite.add("run::cannot_start", &runs, cannot_start);
    suite.add("run::usage", &runs, usage);
    suite.add("run::signal", &runs, signal);
    suite.add("run::environment_is_added_to", &builds, environment);
    suite.add("run::tunable_of_the_user_holds", &builds, tunable);
    suite.add("run::dry_run", &builds, dry_run);
    suite.add("run::corruption_is_refused", &builds, corruption);
    suite.add("run::pointers_are_followed", &builds, pointers);
    suite.add("run::sections_that_do_not_abort", &builds, no_abort);
    suite.add("run::remembered_answer", &builds, remembered);
    suite.add("run::launchers", &builds, launchers);
    suite.add("run::entry_point_script", &builds, entry_point);
    suite.add("run::static_tls_for_dlopen", &builds, static_tls);
    suite.add("run::verified", &builds, verified);
    suite.add("run::not_as_decided", &builds, not_as_decided);
    suite.add("run::who_verifies_is_no_child", &runs, no_child);
    suite.add("run::report", &builds, report);
    suite.add("run::adopters", &builds, adopters);
    suite.add("run::adopter_library", &builds, adopter_library);
    suite.add("run::denied", &builds, denied);
    suite.add("run::static", &links_static, static_program);
    suite.add("run::static_pie", &links_static, static_pie);
    suite.add("run::set_user_id", &as_root, set_user_id);
    suite.add("run::other_class", &builds, other_class);
    suite.add("run::other_machine", &builds, other_machine);
    suite.add("run::musl", &builds, musl);
    suite.add("run::script", &builds, script);
    suite.add("run::no_file_may_be_written", &runs, no_file);
    suite.add("run::nobody_can_be_told", &runs, nobody_can_be_told);
    suite.add("run::pipes_are_the_commands", &runs, pipes);
    suite.add("run::folder_below_a_strangers", &root, strangers_folder);
    suite.add("run::unknown_mode", &builds, unknown_mode);
    suite.run()
}

fn run(options: &[&str], command: &[impl AsRef<OsStr>]) -> Result<Program, String> {
    Ok(Program::new(&artifacts()?.rseqctl)
        .arg("run")
        .args(options)
        .arg("--")
        .args(command))
}

/// Fails unless `text` holds every one of `words`.
fn holds(text: &str, words: &[&str]) -> Result<(), String> {
    match words.iter().find(|word| !text.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("expected {word:?} in {text:?}")),
    }
}
