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
    let (errors, first) = match &ended {
        Ok(finished) => (
            errors(&finished.err).ok_or("valgrind says no number of errors")?,
            first_error(&finished.err),
        ),
        Err(_) => (0, String::new()),
    };
    Ok(Seen::of(ended).with_figure("errors", errors, first))
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

/// What valgrind's first error is, and the function that makes it.
fn first_error(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.split_once("== "));
    let words: Vec<_> = lines.map(|(_, words)| words.trim()).collect();
    let place = words.iter().position(|words| words.starts_with("at 0x"));
    // threads are announced before the first error, with places of their own
    let error = words.iter().position(|words| {
        ["data race", "onflicting", "Invalid", "lost in"]
            .iter()
            .any(|kind| words.contains(kind))
    });
    let Some(error) = error.or(place) else {
        return String::new();
    };
    let place = words[error..]
        .iter()
        .find(|words| words.starts_with("at 0x"));
    format!("{} {}", words[error], place.unwrap_or(&""))
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
    fn the_first_error_is_told() {
        let text = "==1== Thread #2 was created\n==1==    at 0x1: clone\n==1== \n\
                    ==1== Possible data race during read\n==1==    at 0x2: f (a.c:1)\n";
        let error = "Possible data race during read at 0x2: f (a.c:1)";
        assert_eq!(super::first_error(text), error);
        assert_eq!(super::first_error("x"), "");
    }

    #[test]
    fn the_number_of_errors_is_read() {
        let text = "==1== x\n==1== ERROR SUMMARY: 12 errors from 3 contexts (suppressed: 0)\n";
        assert_eq!(super::errors(text), Some(12));
        assert_eq!(super::errors("nothing"), None);
    }
}
