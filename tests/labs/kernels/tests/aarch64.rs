//! AArch64: the shim on two of its kernels, emulated.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_lab_kernels::asked::ask;
use rseq_lab_kernels::guest::{self, kernels};
use rseq_lab_kernels::question::run_suite;
use rseq_lab_kernels::shim::Code;

fn main() -> ExitCode {
    run_suite(|suite| {
        for kernel in kernels::chosen_for_aarch64()? {
            let needs = [Need::CC, guest::need(kernel)];
            suite.add(format!("aarch64::{}", kernel.name), &needs, move || {
                ask(kernel, None, 4, Code::Plain)
            });
        }
        // signed return addresses and landing pads; pages of 16 and 64 KiB
        let newest = kernels::newest_for_aarch64();
        for (name, kernel, processor, pages, code) in [
            ("protected", newest, "max", 4, Code::Protected),
            ("16k", kernels::LARGE_PAGES, "cortex-a76", 16, Code::Plain),
            ("64k", kernels::LARGEST_PAGES, "cortex-a57", 64, Code::Plain),
        ] {
            let needs = [Need::CC, guest::need(kernel)];
            suite.add(format!("aarch64::{name}"), &needs, move || {
                ask(kernel, Some(processor), pages, code)
            });
        }
        Ok(())
    })
}
