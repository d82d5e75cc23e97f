//! The instructions that the same calls and a start execute in user space. What
//! the kernel does is not in it.

use std::process::Command;

use super::start;
use super::table::{self, Figures};
use super::world::{Bench, WORLDS, World, output};

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
    let calls: Result<Vec<Figures>, String> = WORLDS
        .iter()
        .map(|world| {
            NAMES
                .iter()
                .map(|&(name, times)| {
                    let program = [bench.cost.display(), bench.folder.display()];
                    let arguments = program.map(|path| path.to_string());
                    let counted =
                        count(bench, world, "marks", &[&arguments[0], &arguments[1], name]);
                    Ok((name.to_owned(), counted? / times))
                })
                .collect()
        })
        .collect();
    let starts: Result<Vec<Figures>, String> = start::WORLDS
        .iter()
        .map(|world| {
            let program = bench.start.display().to_string();
            let counted = count(bench, world, "whole", &[&program])?;
            Ok(Figures::from([("start".to_owned(), counted)]))
        })
        .collect();
    Ok(format!(
        "{}\n{}",
        table::of(&[calls?], &WORLDS, 0),
        table::of(&[starts?], &start::WORLDS, start::FLOOR)
    ))
}

fn count(bench: &Bench, world: &World, stretch: &str, program: &[&str]) -> Result<f64, String> {
    let variables = bench.variables(world);
    let mut command = Command::new(&bench.counter);
    command.arg(stretch);
    command.args(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    let said = output(command.args(program))?;
    said.trim()
        .parse()
        .map_err(|_| format!("{}: unexpected output", bench.counter.display()))
}
