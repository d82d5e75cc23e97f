//! What the shim costs: one C program in several worlds, in turn, so that what
//! the machine does meanwhile befalls all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::step::Steps;

/// How often all worlds are gone through.
const TURNS: usize = 9;

struct World {
    name: &'static str,
    libc_registers: bool,
    shim: Option<&'static str>,
}

/// The first one is the floor that the others are measured against.
const WORLDS: [World; 4] = [
    World {
        name: "glibc registers, no shim",
        libc_registers: true,
        shim: None,
    },
    World {
        name: "glibc registers, shim passive",
        libc_registers: true,
        shim: Some("auto"),
    },
    World {
        name: "nobody registers, no shim",
        libc_registers: false,
        shim: None,
    },
    World {
        name: "the shim registers",
        libc_registers: false,
        shim: Some("own"),
    },
];

/// Prints, for each name and world, the median, the spread, and the median of
/// the ratios to the first world of the same turn.
pub fn run(steps: &mut Steps, shim: &Path) -> Result<(), String> {
    let program = steps.target().join("cost");
    steps.run(
        "build the benchmark",
        Command::new("cc")
            .args(["-O2", "-pthread", "-o"])
            .arg(&program)
            .arg(steps.root().join("tests/bench/cost.c")),
    )?;
    let library = steps.target().join("libsmall.so");
    steps.run(
        "build a small library for it",
        Command::new("cc")
            .args(["-O2", "-fPIC", "-shared", "-o"])
            .arg(&library)
            .arg(steps.root().join("tests/bench/small.c")),
    )?;
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let turn: Result<Vec<_>, String> = WORLDS
            .iter()
            .map(|world| measure(&program, &library, shim, world))
            .collect();
        turns.push(turn?);
    }
    print!("{}", table(&turns));
    Ok(())
}

type Figures = BTreeMap<String, f64>;

fn measure(program: &Path, library: &Path, shim: &Path, world: &World) -> Result<Figures, String> {
    let mut command = Command::new(program);
    command.arg(library).env(
        "GLIBC_TUNABLES",
        format!("glibc.pthread.rseq={}", u8::from(world.libc_registers)),
    );
    if let Some(mode) = world.shim {
        command.env("LD_PRELOAD", shim).env("RSEQ_SHIM_MODE", mode);
    }
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{}: {}", program.display(), output.status));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect::<Option<Figures>>()
        .ok_or_else(|| format!("{}: unexpected output", program.display()))
}

fn table(turns: &[Vec<Figures>]) -> String {
    let mut text = String::from(
        "| name | world | median ns | min-max ns | ratio | more than the first, ns |\n|---|---|---|---|---|---|\n",
    );
    let Some(floor) = turns.first().and_then(|turn| turn.first()) else {
        return text;
    };
    for name in floor.keys() {
        for (index, world) in WORLDS.iter().enumerate() {
            let values: Vec<f64> = turns.iter().map(|turn| turn[index][name]).collect();
            let ratios: Vec<f64> = turns
                .iter()
                .map(|turn| turn[index][name] / turn[0][name])
                .collect();
            let more: Vec<f64> = turns
                .iter()
                .map(|turn| turn[index][name] - turn[0][name])
                .collect();
            let (least, middle, most) = spread(values);
            let _ = writeln!(
                text,
                "| `{name}` | {} | {middle:.1} | {least:.1}-{most:.1} | {:.3} | {:+.1} |",
                world.name,
                spread(ratios).1,
                spread(more).1,
            );
        }
    }
    text
}

/// Minimum, median, maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    )
}
