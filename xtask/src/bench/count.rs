//! The instructions that the same calls and a start execute in user space. What
//! the kernel does is not in it.

use super::start;
use super::table::{self, Figures};
use super::world::{Bench, WORLDS, World};

/// The program's names that are counted, and how often each happens.
const NAMES: [(&str, f64); 6] = [
    ("pthread_create+join", 1.0),
    ("sched_getcpu", 16.0),
    ("syscall(SYS_getppid)", 1.0),
    ("dlopen+dlclose:path", 1.0),
    ("dlopen+dlclose:thread-local", 1.0),
    ("dlopen+dlclose:bare-name", 1.0),
];

pub fn table(bench: &Bench) -> Result<String, String> {
    let cost = [bench.cost.display(), bench.folder.display()].map(|path| path.to_string());
    let calls = WORLDS.iter().flat_map(|world| {
        let of = |name| words(bench, world, "marks", &[&cost[0], &cost[1], name]);
        NAMES.iter().map(move |(name, _)| of(*name))
    });
    let start = bench.start.display().to_string();
    let starts = start::WORLDS.iter();
    let starts = starts.map(|world| words(bench, world, "whole", &[&start]));
    let counted = bench
        .counter
        .count(&calls.chain(starts).collect::<Vec<_>>())?;
    let (calls, starts) = counted.split_at(WORLDS.len() * NAMES.len());
    let calls = calls.chunks(NAMES.len()).map(|counted| {
        let figures = NAMES.iter().zip(counted);
        let figures = figures.map(|((name, times), count)| ((*name).to_owned(), count / times));
        figures.collect::<Figures>()
    });
    let starts = starts.iter();
    let starts = starts.map(|count| Figures::from([("start".to_owned(), *count)]));
    Ok(format!(
        "{}\n{}",
        table::of(&[calls.collect()], &WORLDS, 0),
        table::of(&[starts.collect()], &start::WORLDS, start::FLOOR)
    ))
}

/// What the counter is told: which instructions count, the variables of a world, and the
/// program.
fn words(bench: &Bench, world: &World, stretch: &str, program: &[&str]) -> Vec<String> {
    let variables = bench.variables(world);
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let program = program.iter().map(|&word| word.to_owned());
    let stretch = std::iter::once(stretch.to_owned());
    stretch.chain(variables).chain(program).collect()
}
