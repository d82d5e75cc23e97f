//! s390x: the shim on one of its kernels, emulated. It is the one architecture here whose
//! bytes are the other way round.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;
use rseq_lab_kernels::asked::ask;
use rseq_lab_kernels::guest::{self, kernels};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for kernel in kernels::S390X {
        let needs = [Need::CC, guest::need(kernel)];
        suite.add(format!("s390x::{}", kernel.name), &needs, move || {
            ask(kernel, None, 4)
        });
    }
    suite.run()
}
