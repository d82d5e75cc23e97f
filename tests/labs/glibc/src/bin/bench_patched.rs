//! What the series of `patches-glibc/` cost: the patched glibc against the stock one
//! from the same source and options, in turn in one run.
//!
//!     bench_patched [BASE]...

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rseq_kit::artifacts::room;
use rseq_kit::child::Program;
use rseq_kit::needs::program;
use rseq_kit::trace::count::{Stretch, instructions};
use rseq_lab_glibc::Patched;
use rseq_lab_glibc::series::BASES;

/// How often each is measured, in turn.
const ROUNDS: usize = 31;

/// Names of `tests/bench/cost.c`, and how often each happens between its marks.
const NAMES: [(&str, f64); 2] = [("pthread_create+join", 1.0), ("sched_getcpu", 16.0)];

/// Starts in a row, of each glibc in turn.
const STARTS: usize = 40;

fn main() -> ExitCode {
    let mut bases: Vec<_> = std::env::args().skip(1).collect();
    if bases.is_empty() {
        bases = BASES.map(str::to_owned).to_vec();
    }
    let mut code = ExitCode::SUCCESS;
    for base in &bases {
        match measure(base) {
            Ok(text) => println!("{text}\n"),
            Err(error) => {
                eprintln!("bench_patched: {base}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// One glibc, and the programs that start with it by themselves.
struct Side {
    glibc: Patched,
    folder: PathBuf,
    start: PathBuf,
    cost: PathBuf,
}

impl Side {
    fn new(glibc: &Patched, folder: &Path) -> Result<Self, String> {
        let glibc = glibc.copied_to(folder)?;
        let options = glibc.by_itself();
        Ok(Self {
            start: compile("start.c", &folder.join("start"), &options)?,
            cost: compile("cost.c", &folder.join("cost"), &options)?,
            folder: folder.to_owned(),
            glibc,
        })
    }

    /// Nanoseconds from before fork to after wait.
    fn start(&self) -> Result<f64, String> {
        let mut command = Command::new(&self.start);
        command.env_clear().stdin(Stdio::null());
        let begin = Instant::now();
        let status = command.status().map_err(|error| error.to_string())?;
        let time = begin.elapsed().as_secs_f64() * 1e9;
        status.success().then_some(time).ok_or(status.to_string())
    }

    /// What each of [`NAMES`] takes, in nanoseconds. (The libraries that it opens
    /// as well are not there.)
    fn costs(&self) -> Result<Vec<f64>, String> {
        let said = Program::new(&self.cost)
            .arg(&self.folder)
            .limit(Duration::from_secs(300))
            .run()?
            .expect(0)?
            .out;
        NAMES.iter().map(|(name, _)| figure(&said, name)).collect()
    }
}

fn measure(base: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let sides = [
        Side::new(&Patched::stock(base)?, &folder.path().join("a"))?,
        Side::new(&Patched::of(base)?, &folder.path().join("b"))?,
    ];
    let mut lines = vec![
        format!(
            "glibc {}: instructions in user space; nanoseconds: best of a round, median of \
             {ROUNDS} rounds (lowest to highest)\n",
            sides[0].glibc.series.version
        ),
        "| | stock | patched |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let mut row = |name: &str, cells: [String; 2]| {
        lines.push(format!("| {name} | {} |", cells.join(" | ")));
    };

    let both = |of: &dyn Fn(&Side) -> Result<String, String>| -> Result<[String; 2], String> {
        Ok([of(&sides[0])?, of(&sides[1])?])
    };
    let counted = both(&|side| Ok(count(&side.start, &[], Stretch::Whole)?.to_string()))?;
    row("exec to exit, instructions", counted);
    for (name, times) in NAMES {
        let counted = both(&|side| {
            let folder = side.folder.display().to_string();
            let found = count(&side.cost, &[&folder, name], Stretch::BetweenMarks)?;
            #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
            let each = found as f64 / times;
            Ok(format!("{each:.1}"))
        })?;
        row(&format!("{name}, instructions"), counted);
    }

    let mut starts = [Vec::new(), Vec::new()];
    let mut costs = [vec![Vec::new(); NAMES.len()], vec![Vec::new(); NAMES.len()]];
    for round in 0..ROUNDS {
        // who comes second must not be at an advantage
        let order = [round % 2, 1 - round % 2];
        let mut best = [f64::INFINITY; 2];
        for _ in 0..STARTS {
            for side in order {
                best[side] = best[side].min(sides[side].start()?);
            }
        }
        for side in order {
            starts[side].push(best[side]);
            for (time, times) in sides[side].costs()?.into_iter().zip(&mut costs[side]) {
                times.push(time);
            }
        }
    }
    row("fork, exec, exit and wait, ns", starts.map(spread));
    for (index, (name, _)) in NAMES.iter().enumerate() {
        let cells = [0, 1].map(|side: usize| spread(std::mem::take(&mut costs[side][index])));
        row(&format!("{name}, ns"), cells);
    }
    Ok(lines.join("\n"))
}

fn count(program: &Path, words: &[&str], stretch: Stretch) -> Result<u64, String> {
    let mut command = Command::new(program);
    command.args(words).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    instructions(command, stretch)
}

fn compile(source: &str, out: &Path, options: &[String]) -> Result<PathBuf, String> {
    Program::with_callers_environment(program("cc")?)
        .args(["-O2", "-pthread", "-o"])
        .args([out, &room().join("bench").join(source)])
        .args(options)
        .run()?
        .expect(0)?;
    Ok(out.to_owned())
}

/// The figure of a line that begins with the name.
fn figure(said: &str, name: &str) -> Result<f64, String> {
    let line = said.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("no figure for {name}: {said}"))
}

fn spread(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let middle = times[times.len() / 2];
    match times[..] {
        [first, .., last] => format!("{middle:.2} ({first:.2} to {last:.2})"),
        _ => String::new(),
    }
}
