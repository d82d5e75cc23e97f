//! Checkers of races, of memory and of locks: nothing that they report without
//! the shim is more with it.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs;
use rseq_lab::{Case, Need, Row, Seen};

use crate::sources::{plugins, program};

const LONG: Duration = Duration::from_secs(90);

pub fn rows() -> Vec<Row> {
    let valgrind = [Need::Program("valgrind", "valgrind")];
    let tool = |name, asks, tool: &'static str| {
        Row::new(name, asks, move |case| checked(case, tool)).needs(&valgrind)
    };
    vec![
        Row::new(
            "checker/tsan",
            "ThreadSanitizer reports no race in a program without one, and ends",
            tsan,
        )
        .needs(&[Need::Host(needs::Need::new(&needs::Sanitizer("thread")))])
        .times(8),
        tool("checker/helgrind", "helgrind, likewise", "helgrind"),
        tool("checker/drd", "DRD, likewise", "drd"),
        tool(
            "checker/memcheck",
            "memcheck reports nothing, and no leak",
            "memcheck",
        ),
    ]
}

fn tsan(case: &Case) -> Result<Seen, String> {
    let program = Program::new(program("threads.c", &["-pthread", "-fsanitize=thread"])?)
        .arg(plugins()?)
        .args(["30", "4"])
        .env("TSAN_OPTIONS", "exitcode=0")
        .limit(Duration::from_secs(20));
    let ended = case.finish(program)?;
    let (reports, which) = match &ended {
        Ok(finished) => reports(&finished.err),
        Err(_) => (0, String::new()),
    };
    Ok(Seen::of(ended).with_figure("reports", reports, which))
}

fn checked(case: &Case, tool: &str) -> Result<Seen, String> {
    let mut valgrind = Program::new("valgrind").arg(format!("--tool={tool}"));
    if tool == "memcheck" {
        valgrind = valgrind.args(["--leak-check=full", "--show-leak-kinds=definite"]);
    }
    let command = valgrind
        .arg(program("threads.c", &["-pthread"])?)
        .arg(plugins()?)
        .args(["8", "3"])
        .limit(LONG);
    let ended = case.finish(command)?;
    let errors = match &ended {
        Ok(finished) => errors(&finished.err).ok_or("valgrind says no number of errors")?,
        Err(_) => 0,
    };
    Ok(Seen::of(ended).with_figure("errors", errors, ""))
}

/// How many reports ThreadSanitizer made, and the summary of the first.
fn reports(text: &str) -> (u64, String) {
    let mut summaries = text
        .lines()
        .filter_map(|line| line.strip_prefix("SUMMARY: ThreadSanitizer: "));
    let first = summaries.next().map(str::to_owned);
    let more = summaries.count() as u64;
    first.map_or((0, String::new()), |first| (more + 1, first))
}

/// The last `ERROR SUMMARY: N errors` of valgrind's.
fn errors(text: &str) -> Option<u64> {
    let (_, after) = text.rsplit_once("ERROR SUMMARY: ")?;
    after.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn reports_are_counted() {
        let text = "SUMMARY: ThreadSanitizer: data race a\nx\nSUMMARY: ThreadSanitizer: b\n";
        assert_eq!(super::reports(text), (2, "data race a".to_owned()));
        assert_eq!(super::reports("x"), (0, String::new()));
    }

    #[test]
    fn the_number_of_errors_is_read() {
        let text = "==1== x\n==1== ERROR SUMMARY: 12 errors from 3 contexts (suppressed: 0)\n";
        assert_eq!(super::errors(text), Some(12));
        assert_eq!(super::errors("nothing"), None);
    }
}
