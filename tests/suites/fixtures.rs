//! Every fixture: it builds, the audit reads it as its header says, and it runs
//! as its header says.

use std::collections::BTreeSet;
use std::process::ExitCode;

use rseq_tests::fixture::{self, Case, audit};
use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};

fn main() -> ExitCode {
    let fixtures = fixture::all();
    let mut suite = Suite::new();
    for (source, error) in &fixtures.errors {
        suite.add(format!("fixture::{source}::header"), &[], || {
            Err(error.into())
        });
    }
    for case in &fixtures.cases {
        let name = format!("fixture::{}::{}", case.source, case.directives.name);
        let mut needs = case.needs();
        suite.add(format!("{name}::build"), &needs, || build(case));
        if let Some(expected) = &case.directives.audit {
            suite.add(format!("{name}::audit"), &needs, || {
                compare(
                    "rseqctl audit",
                    &audit::by_rseqctl(case.build()?)?,
                    expected,
                )
            });
        }
        needs.extend([Need::X86_64, Need::Rseq]);
        for run in &case.directives.runs {
            let name = format!("{name}::run::{}", run.name);
            suite.add(name, &needs, || Ok(case.check(run)?));
        }
    }
    suite.run()
}

/// Builds a case; where its header speaks of symbols, the second reader must
/// find those and no others: the fixture is what it claims to be.
fn build(case: &Case) -> Outcome {
    let path = case.build()?;
    let Some(expected) = &case.directives.audit else {
        return Ok(());
    };
    let Some(found) = audit::by_second_reader(path)? else {
        return Ok(());
    };
    let symbols = expected.iter().filter(|line| line.starts_with("symbol:"));
    compare("the second reader", &found, &symbols.cloned().collect())
}

fn compare(who: &str, found: &BTreeSet<String>, expected: &BTreeSet<String>) -> Outcome {
    if found == expected {
        return Ok(());
    }
    let missing = expected.difference(found).map(|line| format!("- {line}"));
    let extra = found.difference(expected).map(|line| format!("+ {line}"));
    let lines: Vec<_> = missing.chain(extra).collect();
    Err(format!("{who}: - expected, + found\n{}", lines.join("\n")).into())
}
