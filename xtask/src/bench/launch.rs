//! What a start below one `rseqctl run` takes: of a program that needs nothing, and of one
//! that is started once more in its place. The worlds are gone through start by start.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::world::{Bench, output};

/// How often all worlds are gone through.
const TURNS: usize = 1500;

type Variables = BTreeMap<String, String>;

/// A program, and the environment that it is started with.
struct Row {
    program: &'static str,
    world: &'static str,
    file: PathBuf,
    variables: Variables,
}

/// Prints both tables, or that only which a busy machine does not change.
pub fn tables(bench: &Bench, counts_only: bool) -> Result<String, String> {
    let rows = rows(bench)?;
    let mut text = String::new();
    if !counts_only {
        let times = times(&rows)?;
        text += "Time of a start below one rseqctl run, microseconds:\n\n";
        text += &table(&rows, &times, 1);
    }
    let counted = rows
        .iter()
        .map(|row| count(bench, row).map(|count| vec![count]))
        .collect::<Result<Vec<_>, _>>()?;
    text += "\nInstructions in user space of the same:\n\n";
    text += &table(&rows, &counted, 0);
    Ok(text)
}

/// The first row of each program is the one that its others are measured against.
fn rows(bench: &Bench) -> Result<Vec<Row>, String> {
    let rseqctl = bench.shim.with_file_name("rseqctl");
    let below = below(&rseqctl)?;
    let enabled = enabled(&rseqctl, &bench.folder)?;
    let none = Variables::new();
    let empty = Variables::from([("LD_PRELOAD".to_owned(), bench.empty.display().to_string())]);
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

/// Returns what each start took in each turn.
fn times(rows: &[Row]) -> Result<Vec<Vec<f64>>, String> {
    let mut times = vec![Vec::with_capacity(TURNS); rows.len()];
    for _ in 0..TURNS {
        for (row, times) in rows.iter().zip(&mut times) {
            let mut command = Command::new(&row.file);
            command.env_clear().envs(&row.variables);
            let start = Instant::now();
            let status = command
                .status()
                .map_err(|error| format!("{}: {error}", row.file.display()))?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            if !status.success() {
                return Err(format!("{}: {status}", row.file.display()));
            }
        }
    }
    Ok(times)
}

fn count(bench: &Bench, row: &Row) -> Result<f64, String> {
    let said = output(
        Command::new(&bench.counter)
            .arg("whole")
            .args(
                row.variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .arg(&row.file),
    )?;
    said.trim()
        .parse()
        .map_err(|_| format!("{}: unexpected output", bench.counter.display()))
}

/// For each row the median, the middle half, and the median of the differences within a
/// turn from the program's first row.
fn table(rows: &[Row], values: &[Vec<f64>], digits: usize) -> String {
    let mut text =
        String::from("| program | world | median | middle half | more |\n|---|---|---|---|---|\n");
    let mut first = 0;
    for (index, (row, own)) in rows.iter().zip(values).enumerate() {
        if rows[first].program != row.program {
            first = index;
        }
        let more = own.iter().zip(&values[first]).map(|(own, base)| own - base);
        let [low, middle, high] = quartiles(own.clone());
        let [_, more, _] = quartiles(more.collect());
        // writing to a String does not fail
        let _ = writeln!(
            text,
            "| {} | {} | {middle:.digits$} | {low:.digits$}-{high:.digits$} | {more:+.digits$} |",
            row.program, row.world
        );
    }
    text
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
