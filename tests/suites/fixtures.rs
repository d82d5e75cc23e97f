//! Every fixture: it builds, the audit reads it as its header says, and it runs
//! as its header says.

use std::collections::BTreeSet;
use std::process::ExitCode;

use rseq_kit::fixture::audit::{self, Audited};
use rseq_kit::fixture::confirm::Confirmed;
use rseq_kit::fixture::header::Headers;
use rseq_kit::fixture::{self, Case, agree};
use rseq_kit::runner::{Outcome, Suite, none_of};

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
                compare("rseqctl audit", &Audited::of(case)?.lines, expected)
            });
            if !case.has_members() {
                let mut needs = needs.clone();
                needs.extend(Case::NEEDS_TO_RUN);
                suite.add(format!("{name}::agreed"), &needs, || {
                    Ok(agree::check(case)?)
                });
            }
            if case.directives.trap.is_some() {
                let needs = case.needs_to_confirm();
                suite.add(format!("{name}::confirmed"), &needs, || confirmed(case));
            }
        }
        needs.extend(Case::NEEDS_TO_RUN);
        for run in &case.directives.runs {
            let name = format!("{name}::run::{}", run.name);
            suite.add(name, &needs, || Ok(case.check(run)?));
        }
    }
    suite.run()
}

/// Others say what the audit says: the readers, the tool that unpacks it, its runs.
fn confirmed(case: &Case) -> Outcome {
    let confirmed = Confirmed::of(case)?;
    none_of(confirmed.wrong)
}

/// Builds a case; where its header speaks of symbols, the second reader must
/// find those and no others: the fixture is what it claims to be.
fn build(case: &Case) -> Outcome {
    let path = case.build()?;
    // the second reader does not read what is cut off
    if case.has_members() || case.directives.headers == Headers::Cut {
        return Ok(());
    }
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
