//! Definitions that cannot be registered: glibc says so, and keeps its own area.

use rseq_tests::child::Program;
use rseq_tests::needs::Need;
use rseq_tests::patched::Patched;
use rseq_tests::patched::link::Kind;
use rseq_tests::runner::{Outcome, Suite};

/// How the definition is wrong, and what is said about it.
const CASES: [(&str, &str); 3] = [
    ("TOO_SMALL", "is too small"),
    ("MISALIGNED", "is misaligned"),
    ("NO_TLS", "is not a thread-local variable"),
];

pub fn add(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    for (case, why) in CASES {
        let name = format!("{base}::unusable::{}", case.to_lowercase());
        suite.add(name, needs, move || falls_back(base, case, why));
    }
}

fn falls_back(base: &str, case: &str, why: &str) -> Outcome {
    let exported = "-Wl,--export-dynamic-symbol=__rseq_abi";
    let options = [&*format!("-D{case}"), exported];
    let program = Patched::of(base)?.compile("unusable", Kind::Dynamic, &options)?;
    let finished = Program::new(&program).run()?.expect(0)?;
    assert_eq!(
        finished.out,
        "main: registered elsewhere, left alone\n\
         thread: registered elsewhere, left alone\n"
    );
    assert_eq!(
        finished.err,
        format!(
            "{}: warning: __rseq_abi {why} and will not be registered\n",
            program.display()
        )
    );
    Ok(())
}
