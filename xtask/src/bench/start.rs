//! The time from the start of a trivial program to its end.

use std::process::Command;
use std::time::Instant;

use super::table::{self, Figures};
use super::world::{Bench, Preload, World};

const TURNS: usize = 15;
/// Starts in a row.
const STARTS: usize = 60;

/// Preloading anything at all has a price of its own: the second is the floor.
pub const WORLDS: [World; 5] = [
    World {
        name: "nothing preloaded",
        libc_registers: true,
        preload: Preload::Nothing,
    },
    World {
        name: "an empty library preloaded",
        libc_registers: true,
        preload: Preload::Empty,
    },
    World {
        name: "librseq_abi.so alone preloaded",
        libc_registers: true,
        preload: Preload::Abi,
    },
    World {
        name: "shim passive",
        libc_registers: true,
        preload: Preload::Shim("auto"),
    },
    World {
        name: "the shim registers",
        libc_registers: false,
        preload: Preload::Shim("own"),
    },
];
pub const FLOOR: usize = 1;

pub fn table(bench: &Bench) -> Result<String, String> {
    let turns: Result<Vec<Vec<_>>, String> = (0..TURNS)
        .map(|_| WORLDS.iter().map(|world| measure(bench, world)).collect())
        .collect();
    Ok(table::of(&turns?, &WORLDS, FLOOR))
}

/// The best of a few dozen is the one that nothing came in between.
fn measure(bench: &Bench, world: &World) -> Result<Figures, String> {
    let name = bench.start.display();
    let variables = bench.variables(world);
    let mut best = f64::INFINITY;
    for _ in 0..STARTS {
        let mut command = Command::new(&bench.start);
        command.env_clear().envs(variables.clone());
        let start = Instant::now();
        let status = command
            .status()
            .map_err(|error| format!("{name}: {error}"))?;
        best = best.min(start.elapsed().as_secs_f64() * 1e9);
        if !status.success() {
            return Err(format!("{name}: {status}"));
        }
    }
    Ok(Figures::from([("start".to_owned(), best)]))
}
