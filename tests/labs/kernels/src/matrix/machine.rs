//! All questions on another kernel: one guest, one boot.

use std::fs;
use std::path::{Path, PathBuf};

use super::World;
use super::facts::Facts;
use super::judge::{Asked, Context};
use crate::aarch64::{self, Shipped};
use crate::command::DOCTOR;
use crate::guest::{Command, Guest, Kernel, Machine, programs};
use rseq_kit::artifacts::artifacts;
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_conformance::build::shared_objects;
use rseq_lab_conformance::{Cell, Known, Owner, Place, Programs, Root};

/// Where things are in the guest.
const SUITE: &str = "/suite";
const OWN: &str = "/own";
const FILES: &str = "/rseq";

/// Percent of the usual rounds: emulation is slow.
const ROUNDS: &str = "2";

/// Boots `kernel` with the C library of `libc` (a Debian release) and asks all
/// there is to ask, the suite's questions in the worlds of these owners.
///
/// # Errors
///
/// The machine cannot be put together, or does not start.
pub fn ask(kernel: &Kernel, libc: &str, owners: &[Owner]) -> Result<Vec<World>, String> {
    let machine = kernel.machine;
    let root = Root::open_for(libc, machine)?;
    let suite = Programs::for_machine(machine)?;
    let mut guest = system(&root, machine)?;
    guest = with_folder(guest, SUITE, &suite.folder)?;
    guest = with_folder(guest, OWN, programs::folder(machine)?)?;
    for (name, file) in files(machine)? {
        guest = guest.file(&format!("{FILES}/{name}"), &file);
    }
    let asked = questions(suite, &root, owners);
    for (_, command) in &asked {
        guest = guest.run(command.clone());
    }
    // read before, not after: checkouts change while machines run
    let mut context = Context {
        kernel: kernel.version()?,
        glibc: root.glibc,
        facts: Facts::default(),
        known_facts: Facts::known(machine, kernel.name)?,
        known: Known::read()?,
    };
    let results = guest.boot(kernel)?;
    context.facts = match results.first() {
        Some(Ok(finished)) => Facts::found(&finished.out)?,
        Some(Err(error)) => return Err(error.clone()),
        None => return Err("nothing was asked".to_owned()),
    };
    let mut worlds = Vec::<World>::new();
    for ((asked, _), result) in asked.iter().zip(results) {
        let judged = asked.judge(&context, result);
        let subject = asked.subject();
        match worlds.iter_mut().find(|world| world.subject == subject) {
            Some(world) => world.judged.extend(judged),
            None => worlds.push(World {
                machine,
                kernel: kernel.name.to_owned(),
                libc: libc.to_owned(),
                subject: subject.to_owned(),
                judged,
            }),
        }
    }
    Ok(worlds)
}

/// What is asked, and by which command.
fn questions<'a>(suite: &'a Programs, root: &Root, owners: &[Owner]) -> Vec<(Asked<'a>, Command)> {
    let place = Place {
        programs: PathBuf::from(SUITE),
        shim: Path::new(FILES).join("librseq_shim.so"),
        loader: None,
    };
    let own = |name: &str| Command::new(&format!("{OWN}/{name}"));
    let off = |command: Command| command.env("GLIBC_TUNABLES", GLIBC_OFF);
    let rseqctl = || Command::new(&format!("{FILES}/rseqctl"));
    let client = format!("{OWN}/cached-hidden");
    let mut asked = vec![
        (Asked::Facts, off(own("facts"))),
        (Asked::Doctor, rseqctl().args(DOCTOR)),
        (Asked::CachedAlone, off(own("cached-static"))),
        (
            Asked::CachedUnderRun,
            rseqctl().args(["run", "--", &client]),
        ),
        (
            Asked::CachedByPointer,
            rseqctl().args(["run", "--", &format!("{OWN}/cached-by-pointer")]),
        ),
        (
            Asked::CachedDeferred,
            rseqctl().args(["run", "--mode", "defer", "--", &client]),
        ),
    ];
    for &owner in owners {
        if !owner.applies_to(root.glibc) {
            continue;
        }
        for program in &suite.sources {
            let cell = Cell::new(program, owner, &place);
            let command = command(&cell).env("CONFORMANCE_ROUNDS", ROUNDS);
            asked.push((Asked::Suite(program, owner), command));
        }
        // the same world, with another program
        let program = suite.sources.first();
        let Some(cell) = program.map(|program| Cell::new(program, owner, &place)) else {
            continue;
        };
        let mut others = vec![
            ("length", Asked::Length(owner)),
            ("cached-exported", Asked::Cached(owner)),
        ];
        if owner == Owner::Shim {
            others.push(("length-wide", Asked::WideLength(owner)));
        }
        for (name, asks) in others {
            let mut cell = cell.clone();
            cell.words = vec![format!("{OWN}/{name}")];
            asked.push((asks, command(&cell)));
        }
    }
    asked
}

/// A cell as a command of a guest.
fn command(cell: &Cell) -> Command {
    let (path, arguments) = cell.words.split_first().expect("a cell has words");
    let command = Command::new(path).args(arguments);
    let variables = cell.environment.iter();
    variables.fold(command, |command, (name, value)| command.env(name, value))
}

/// What is under test, by the names that it is installed under.
fn files(machine: Machine) -> Result<[(&'static str, PathBuf); 3], String> {
    let [rseqctl, abi, shim] = if machine == Machine::Aarch64 {
        let folder = aarch64::shipped(Shipped::All)?;
        ["rseqctl", "librseq_abi.so", "librseq_shim.so"].map(|name| folder.join(name))
    } else {
        let artifacts = artifacts()?;
        [&artifacts.rseqctl, &artifacts.abi, &artifacts.shim].map(Clone::clone)
    };
    Ok([
        ("rseqctl", rseqctl),
        ("librseq_abi.so.1", abi),
        ("librseq_shim.so", shim),
    ])
}

/// The C library where programs look for it.
fn system(root: &Root, machine: Machine) -> Result<Guest, String> {
    let loader = root.loader.as_ref().ok_or("needs a Debian release")?;
    let find = |name: &str| {
        let mut paths = loader.libraries.iter().map(|folder| folder.join(name));
        paths
            .find(|path| path.is_file())
            .ok_or_else(|| format!("no {name} for {}", root.name))
    };
    let mut guest = Guest::new().file(machine.linker(), &loader.ld_so);
    let folder = machine.libraries();
    for name in shared_objects(machine).into_iter().chain(["libgcc_s.so.1"]) {
        guest = guest.file(&format!("/lib/{folder}/{name}"), &find(name)?);
    }
    Ok(guest)
}

fn with_folder(mut guest: Guest, to: &str, from: &Path) -> Result<Guest, String> {
    let say = |error: std::io::Error| format!("{}: {error}", from.display());
    for entry in fs::read_dir(from).map_err(say)? {
        let path = entry.map_err(say)?.path();
        if path.is_file() {
            guest = guest.file(&place(to, &path), &path);
        }
    }
    Ok(guest)
}

/// Where in `folder` of the guest a file goes.
fn place(folder: &str, file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    format!("{folder}/{}", name.to_string_lossy())
}
