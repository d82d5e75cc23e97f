//! Definitions that cannot be registered: glibc says so, and keeps its own area.

use rseq_kit::child::Program;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_lab_glibc::Patched;
use rseq_lab_glibc::link::Kind;

/// How the definition is wrong, the kind of program, and what is said about it.
/// In a static program only the end of the TLS block tells the size.
const CASES: [(&str, Kind, &str); 7] = [
    ("TOO_SMALL", Kind::Dynamic, "is too small"),
    ("MISALIGNED", Kind::Dynamic, "is misaligned"),
    ("NO_TLS", Kind::Dynamic, "is not a thread-local variable"),
    ("MISALIGNED", Kind::Static, "is misaligned"),
    ("MISALIGNED", Kind::StaticPie, "is misaligned"),
    ("AT_THE_END", Kind::Static, "is too small"),
    ("AT_THE_END", Kind::StaticPie, "is too small"),
];

pub fn add(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    for (case, kind, why) in CASES {
        let case_name = case.to_lowercase();
        let kind_name = match kind {
            Kind::Dynamic | Kind::Library => "",
            Kind::Static => "-static",
            Kind::StaticPie => "-static-pie",
        };
        let name = format!("{base}::unusable::{case_name}{kind_name}");
        suite.add(name, needs, move || falls_back(base, case, kind, why));
    }
}

fn falls_back(base: &str, case: &str, kind: Kind, why: &str) -> Outcome {
    let case = format!("-D{case}");
    let mut options = vec![&*case];
    if kind == Kind::Dynamic {
        // a static-pie program with an exported TLS variable dies on any glibc
        options.push("-Wl,--export-dynamic-symbol=__rseq_abi");
    }
    let program = Patched::of(base)?.compile("unusable", kind, &options)?;
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
