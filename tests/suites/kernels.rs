//! Other kernels: each boots in an emulator and answers for itself.

use std::process::ExitCode;

use rseq_tests::guest::{Command, Guest, Kernel, kernels};
use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for kernel in kernels::ALL {
        let needs = [Need::X86_64, Need::Cc, Need::Kernel(kernel)];
        suite.add(format!("kernel::{}", kernel.name), &needs, move || {
            boots(kernel)
        });
    }
    suite.run()
}

fn boots(kernel: Kernel) -> Outcome {
    let guest = Guest::new().run(Command::new("/no"));
    let results = guest.boot(&kernel)?;
    println!("{results:?}");
    Ok(())
}
