//! The patched glibcs on AArch64, emulated, on its newest kernel: glibc's own tests of what
//! the series touches, and what every guest of the matrix is asked. They are not built here,
//! as that takes most of an hour: `cargo xtask patches --target aarch64` has to have done so.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::{Suite, none_of};
use rseq_lab_glibc::series::BASES;
use rseq_lab_glibc::{Patched, built_for_aarch64, own_tests};
use rseq_lab_kernels::guest::{self, Machine, kernels};
use rseq_lab_kernels::matrix::World;

fn main() -> ExitCode {
    let kernel = kernels::newest_for_aarch64();
    let mut suite = Suite::new();
    for base in BASES {
        let needs = [Need::CC, guest::need(kernel), built_for_aarch64(base)];
        suite.add(format!("aarch64::{base}::own-tests"), &needs, move || {
            let ran = Patched::of_machine(base, Machine::Aarch64)?.own_tests_in(&kernel)?;
            for ran in ran.iter().filter(|ran| !ran.why.is_empty()) {
                eprintln!("{}: {}", ran.test.name, ran.why);
            }
            let tests: Vec<_> = ran.into_iter().map(|ran| ran.test).collect();
            none_of(own_tests::complaints(&tests))
        });
        suite.add(format!("aarch64::{base}::everything"), &needs, move || {
            let worlds = Patched::of_machine(base, Machine::Aarch64)?.ask_in(&kernel)?;
            none_of(worlds.iter().flat_map(World::failures))
        });
    }
    suite.run()
}
