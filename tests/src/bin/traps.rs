//! Prints the table of traps: what makes a fixture hard to audit, what the
//! audit has to say, what it says. Exit status 1 where the two differ.

use std::process::ExitCode;

use rseq_tests::fixture::{self, Case, audit};

fn main() -> ExitCode {
    let mut status = ExitCode::SUCCESS;
    println!("| trap | fixture | expected | found | |");
    println!("|---|---|---|---|---|");
    for case in &fixture::all().cases {
        let Some(trap) = &case.directives.trap else {
            continue;
        };
        let (row, right) = row(trap, case);
        println!("{row}");
        if !right {
            status = ExitCode::FAILURE;
        }
    }
    status
}

fn row(trap: &str, case: &Case) -> (String, bool) {
    let name = format!("{}/{}", case.source, case.directives.name);
    let missing = case.needs().into_iter().find_map(|need| need.check().err());
    if let Some(reason) = missing {
        return (format!("| {trap} | {name} | | | skipped: {reason} |"), true);
    }
    let words = |lines: &std::collections::BTreeSet<String>| {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        if lines.is_empty() {
            "nothing".to_owned()
        } else {
            lines.join("; ")
        }
    };
    let expected = case.directives.audit.clone().unwrap_or_default();
    match case.build().and_then(audit::by_rseqctl) {
        Ok(found) => {
            let right = found == expected;
            let said = if right {
                "as expected".to_owned()
            } else {
                words(&found)
            };
            let mark = if right { "right" } else { "WRONG" };
            (
                format!(
                    "| {trap} | {name} | {} | {said} | {mark} |",
                    words(&expected)
                ),
                right,
            )
        }
        Err(error) => {
            let error = error.replace('\n', " ");
            (format!("| {trap} | {name} | | {error} | WRONG |"), false)
        }
    }
}
