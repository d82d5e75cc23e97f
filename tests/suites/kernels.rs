//! Other kernels: each boots in an emulator and answers for itself.

use std::process::ExitCode;

use rseq_tests::guest::{Command, Guest, Kernel, kernels};
use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let kernels = match kernels::chosen() {
        Ok(kernels) => kernels,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for kernel in kernels {
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
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref()?.code(), 127, "{results:?}");
    Ok(())
}
