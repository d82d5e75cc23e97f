//! Other kernels: each boots in an emulator and answers for itself.

use std::process::ExitCode;

use rseq_tests::guest::{Command, Guest, Kernel, kernels, programs};
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
    let off = "glibc.pthread.rseq=0";
    let guest = Guest::new()
        .file("/facts", &programs::built("facts")?)
        .file("/cached", &programs::built("cached")?)
        .run(Command::new("/facts").env("GLIBC_TUNABLES", off))
        .run(Command::new("/cached").env("GLIBC_TUNABLES", off));
    let results = guest.boot(&kernel)?;
    println!("{}", kernel.name);
    for r in results {
        let r = r?;
        println!("{} {} {}", r.code(), r.out, r.err);
    }
    Ok(())
}
