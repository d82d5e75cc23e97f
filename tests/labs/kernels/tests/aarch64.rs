//! AArch64: the shim on two of its kernels, emulated.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;
use rseq_lab_kernels::asked::ask;
use rseq_lab_kernels::guest::{self, kernels};

fn main() -> ExitCode {
    let kernels = match kernels::chosen_for_aarch64() {
        Ok(kernels) => kernels,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new();
    for kernel in kernels {
        let needs = [Need::CC, guest::need(kernel)];
        suite.add(format!("aarch64::{}", kernel.name), &needs, move || {
            ask(kernel, None, 4)
        });
    }
    // signed return addresses and landing pads; pages of 16 and 64 KiB
    for (name, kernel, processor, pages) in [
        ("max", kernels::newest_for_aarch64(), "max", 4),
        ("16k", kernels::LARGE_PAGES, "cortex-a76", 16),
        ("64k", kernels::LARGEST_PAGES, "cortex-a57", 64),
    ] {
        let needs = [Need::CC, guest::need(kernel)];
        suite.add(format!("aarch64::{name}"), &needs, move || {
            ask(kernel, Some(processor), pages)
        });
    }
    suite.run()
}
