//! The time that calls take, as the program itself measures it.

use std::process::Command;

use super::output::output;
use super::table::{self, Figures};
use super::world::{Bench, WORLDS, World};

/// How often all worlds are gone through.
const TURNS: usize = 9;

pub fn table(bench: &Bench) -> Result<String, String> {
    let turns: Result<Vec<Vec<_>>, String> = (0..TURNS)
        .map(|_| WORLDS.iter().map(|world| measure(bench, world)).collect())
        .collect();
    Ok(table::of(&turns?, &WORLDS, 0))
}

fn measure(bench: &Bench, world: &World) -> Result<Figures, String> {
    let mut command = Command::new(&bench.cost);
    let said = output(command.arg(&bench.folder).envs(bench.variables(world)))?;
    said.lines()
        .map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect::<Option<Figures>>()
        .ok_or_else(|| format!("{}: unexpected output", bench.cost.display()))
}
