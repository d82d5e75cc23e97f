//! What a start below one `rseqctl run` takes: of a program that needs nothing, and of one
//! that is started once more in its place. The worlds are gone through start by start, by
//! `tests/bench/starts.c`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::output::output;
use super::world::Bench;

/// Two libraries, one of which needs the other, with nothing in them that does not have to
/// be there.
pub(super) const PAIR: &str = "libpair.so";

/// How often all worlds are gone through.
const TURNS: usize = 1000;

type Variables = BTreeMap<String, String>;

/// A program, and the environment that it is started with.
struct Row {
    program: &'static str,
    world: &'static str,
    file: PathBuf,
    variables: Variables,
}

impl Row {
    fn settings(&self) -> impl Iterator<Item = String> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| format!("{name}={value}"))
    }
}

/// Prints both tables, or that only which a busy machine does not change.
pub fn tables(bench: &Bench, counts_only: bool) -> Result<String, String> {
    let rows = rows(bench)?;
    let mut text = String::new();
    if !counts_only {
        let times = times(bench, &rows)?;
        text += "Time of a start below one rseqctl run, microseconds:\n\n";
        text += &times_table(&rows, &times);
        text += "\n";
    }
    let counts = bench
        .counter
        .count(&rows.iter().map(words).collect::<Vec<_>>())?;
    text += "Instructions in user space of the same:\n\n";
    text += &counts_table(&rows, &counts);
    Ok(text)
}

/// The first row of each program is the one that its others are measured against.
fn rows(bench: &Bench) -> Result<Vec<Row>, String> {
    let rseqctl = bench.shim.with_file_name("rseqctl");
    let below = below(&rseqctl)?;
    let enabled = enabled(&rseqctl, &bench.folder)?;
    let none = Variables::new();
    let empty = Variables::from([("LD_PRELOAD".to_owned(), bench.empty.display().to_string())]);
    let pair = bench.folder.join(PAIR).display().to_string();
    let pair = Variables::from([("LD_PRELOAD".to_owned(), pair)]);
    let row = |program, world, file: &Path, variables: &Variables| Row {
        program,
        world,
        file: file.to_owned(),
        variables: variables.clone(),
    };
    let (start, client) = (&bench.start, &bench.client);
    Ok(vec![
        row("needs nothing", "without us", start, &none),
        row("needs nothing", "an empty library preloaded", start, &empty),
        row(
            "needs nothing",
            "two bare libraries preloaded",
            start,
            &pair,
        ),
        row("needs nothing", "below `rseqctl run`", start, &below),
        row(
            "needs nothing",
            "`rseqctl enable --system`",
            start,
            &enabled,
        ),
        row("brings an area", "without us: refused", client, &none),
        row(
            "brings an area",
            "below `rseqctl run`: started once more",
            client,
            &below,
        ),
        row(
            "brings an area",
            "`rseqctl enable --system`: started once more",
            client,
            &enabled,
        ),
        row("executes itself", "without us, once", start, &none),
        row(
            "executes itself",
            "without us, once more",
            &bench.again,
            &none,
        ),
    ])
}

/// Returns what `rseqctl run` sets for everything below.
fn below(rseqctl: &Path) -> Result<Variables, String> {
    let said = output(
        Command::new(rseqctl)
            .args(["run", "--", "sh", "-c", "env; :"])
            .env_clear(),
    )?;
    let is_ours = |name: &str| name == "LD_PRELOAD" || name.starts_with("RSEQ_SHIM_");
    let variables: Variables = said
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| is_ours(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if variables.contains_key("LD_PRELOAD") {
        Ok(variables)
    } else {
        Err(format!("{}: run sets no LD_PRELOAD", rseqctl.display()))
    }
}

/// Makes the copy for every program in a folder, and returns what names it.
fn enabled(rseqctl: &Path, folder: &Path) -> Result<Variables, String> {
    let root = folder.join("root");
    let say = |error: std::io::Error| format!("{}: {error}", root.display());
    if root.exists() {
        std::fs::remove_dir_all(&root).map_err(say)?;
    }
    std::fs::create_dir_all(&root).map_err(say)?;
    output(
        Command::new(rseqctl)
            .args(["enable", "--system", "--root"])
            .arg(&root),
    )?;
    let library = root.join("usr/local/lib/rseq-owner/librseq_shim.so");
    Ok(Variables::from([(
        "LD_PRELOAD".to_owned(),
        library.display().to_string(),
    )]))
}

/// What each start of a program took, in microseconds.
#[derive(Default)]
struct Times {
    clock: Vec<f64>,
    processor: Vec<f64>,
}

/// Starts all programs in turn, again and again.
fn times(bench: &Bench, rows: &[Row]) -> Result<Vec<Times>, String> {
    let mut command = Command::new(&bench.starts);
    command.arg(TURNS.to_string());
    for row in rows {
        command.arg(&row.file).args(row.settings()).arg("--");
    }
    let strange = || format!("{}: unexpected output", bench.starts.display());
    let mut times: Vec<Times> = rows.iter().map(|_| Times::default()).collect();
    let said = output(&mut command)?;
    for (line, row) in said.lines().zip((0..rows.len()).cycle()) {
        let microseconds = |text: &str| text.parse().map(|time: f64| time / 1000.0);
        let (clock, processor) = line.split_once(' ').ok_or_else(strange)?;
        let times = &mut times[row];
        times
            .clock
            .push(microseconds(clock).map_err(|_| strange())?);
        times
            .processor
            .push(microseconds(processor).map_err(|_| strange())?);
    }
    Ok(times)
}

/// What the counter is told of a row.
fn words(row: &Row) -> Vec<String> {
    let mut words = vec!["whole".to_owned()];
    words.extend(row.settings());
    words.push(row.file.display().to_string());
    words
}

/// For each row the median, the middle half, and the median of the differences within a
/// turn from the program's first row; of the time on the clock, which others lengthen on a
/// busy machine, what nine tenths exceed.
fn times_table(rows: &[Row], times: &[Times]) -> String {
    let mut text = String::from(
        "| program | world | processor | middle half | more | clock, lowest tenth | more |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (row, (first, own)) in rows.iter().zip(with_first(rows, times)) {
        let pairs = own.processor.iter().zip(&first.processor);
        let [_, more, _] = quartiles(pairs.map(|(own, first)| own - first).collect());
        let [low, middle, high] = quartiles(own.processor.clone());
        let (tenth, first) = (lowest_tenth(&own.clock), lowest_tenth(&first.clock));
        // writing to a String does not fail
        let _ = writeln!(
            text,
            "| {} | {} | {middle:.0} | {low:.0}-{high:.0} | {more:+.0} | {tenth:.0} | {:+.0} |",
            row.program,
            row.world,
            tenth - first
        );
    }
    text
}

fn counts_table(rows: &[Row], counts: &[f64]) -> String {
    let mut text = String::from("| program | world | instructions | more |\n|---|---|---|---|\n");
    for (row, (first, own)) in rows.iter().zip(with_first(rows, counts)) {
        let (program, world) = (row.program, row.world);
        let _ = writeln!(text, "| {program} | {world} | {own} | {:+} |", own - first);
    }
    text
}

/// Returns each value beside that of its program's first row.
fn with_first<'a, T>(rows: &'a [Row], values: &'a [T]) -> impl Iterator<Item = (&'a T, &'a T)> {
    rows.iter().zip(values).map(move |(row, own)| {
        let first = rows.iter().position(|it| it.program == row.program);
        (first.map_or(own, |first| &values[first]), own)
    })
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn lowest_tenth(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 10]
}
