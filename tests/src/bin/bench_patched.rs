//! What the series of `patches-glibc/` cost: the patched glibc against the stock one
//! from the same source and options, in turn in one run.
//!
//!     bench_patched [BASE]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rseq_tests::artifacts::room;
use rseq_tests::child::Program;
use rseq_tests::needs::program;
use rseq_tests::patched::Patched;
use rseq_tests::trace::count::{Stretch, instructions};

/// How often each is measured, in turn.
const ROUNDS: usize = 15;

/// Names of `tests/bench/cost.c`, and how often each happens between its marks.
const NAMES: [(&str, f64); 2] = [("pthread_create+join", 1.0), ("sched_getcpu", 16.0)];

fn main() -> ExitCode {
    let base = std::env::args().nth(1).unwrap_or_else(|| "2.43".to_owned());
    match measure(&base) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench_patched: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(base: &str) -> Result<String, String> {
    let glibcs = [Patched::stock(base)?, Patched::of(base)?];
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = folder.path();
    let start = compile("start", folder)?;
    let cost = compile("cost", folder)?;
    let mut lines = vec![
        format!(
            "glibc {}, instructions and nanoseconds (best of a round, median of {ROUNDS} rounds, from the lowest to the highest)\n",
            glibcs[0].series.version
        ),
        "| | stock | patched |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let mut row =
        |name: &str, cells: Vec<String>| lines.push(format!("| {name} | {} |", cells.join(" | ")));

    let counted: Result<Vec<_>, String> = glibcs
        .iter()
        .map(|glibc| Ok(count(glibc, &start, &[], Stretch::Whole)?.to_string()))
        .collect();
    row("exec to exit, instructions", counted?);
    for (name, times) in NAMES {
        let counted: Result<Vec<_>, String> = glibcs
            .iter()
            .map(|glibc| {
                let words = [folder.display().to_string(), name.to_owned()];
                let found = count(glibc, &cost, &words, Stretch::BetweenMarks)?;
                #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
                let each = found as f64 / times;
                Ok(format!("{each:.1}"))
            })
            .collect();
        row(&format!("{name}, instructions"), counted?);
    }

    let mut times: [Vec<Vec<f64>>; 2] = [vec![Vec::new(); 2], vec![Vec::new(); 2]];
    for _ in 0..ROUNDS {
        for (glibc, times) in glibcs.iter().zip(&mut times) {
            let said = run(glibc, &cost, &[folder.display().to_string()])?;
            for ((name, _), times) in NAMES.iter().zip(times) {
                times.push(figure(&said, name)?);
            }
        }
    }
    for (index, (name, _)) in NAMES.iter().enumerate() {
        let cells = times.iter_mut().map(|times| spread(&mut times[index]));
        row(&format!("{name}, ns"), cells.collect());
    }
    Ok(lines.join("\n"))
}

fn compile(name: &str, folder: &Path) -> Result<PathBuf, String> {
    let bench = room().join("bench");
    let compile = |source: &str, out: &str, options: &[&str]| {
        let out = folder.join(out);
        Program::with_callers_environment(program("cc")?)
            .args(["-O2", "-pthread", "-o"])
            .arg(&out)
            .arg(bench.join(source))
            .args(options)
            .run()?
            .expect(0)?;
        Ok::<_, String>(out)
    };
    compile("small.c", "libsmall.so", &["-shared", "-fPIC"])?;
    compile("thread.c", "libthread.so", &["-shared", "-fPIC"])?;
    let runpath = format!("-Wl,-rpath,{}", folder.display());
    compile(&format!("{name}.c"), name, &[&runpath])
}

fn count(
    glibc: &Patched,
    program: &Path,
    words: &[String],
    stretch: Stretch,
) -> Result<u64, String> {
    let [first, rest @ ..] = &glibc.command(program)[..] else {
        return Err("no command".to_owned());
    };
    let mut command = Command::new(first);
    command.args(rest).args(words).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    instructions(command, stretch)
}

fn run(glibc: &Patched, program: &Path, words: &[String]) -> Result<String, String> {
    let command = glibc.command(program);
    let done = Program::new(&command[0])
        .args(&command[1..])
        .args(words)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    Ok(done.out)
}

/// The figure of a line that begins with the name.
fn figure(said: &str, name: &str) -> Result<f64, String> {
    let line = said.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("no figure for {name}: {said}"))
}

fn spread(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    let middle = times[times.len() / 2];
    match times {
        [first, .., last] => format!("{middle:.2} ({first:.2} to {last:.2})"),
        _ => String::new(),
    }
}
