//! All questions on another kernel: one guest, one boot, or a boot for each subject whose
//! answers are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::World;
use super::facts::Facts;
use super::judge::{Asked, Context};
use crate::command::DOCTOR;
use crate::guest::{Command, Guest, Kernel, Machine, Results, programs};
use crate::shim::{Shipped, shipped};
use rseq_kit::artifacts::artifacts;
use rseq_kit::world::GLIBC_OFF;
use rseq_lab_conformance::build::shared_objects;
use rseq_lab_conformance::known::Judged;
use rseq_lab_conformance::root::RELEASES;
use rseq_lab_conformance::{Cell, Known, Owner, Place, Programs, Root, Verdict};

/// Where things are in the guest.
const SUITE: &str = "/suite";
const OWN: &str = "/own";
const FILES: &str = "/rseq";

/// Percent of the usual rounds: emulation is slow.
const ROUNDS: &str = "2";

/// Where answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A machine that is booted now.
    Fresh,
    /// The machine that gave them to the very same questions; where there was none, one
    /// that is booted now, if that is before the end.
    Kept {
        /// When no machine is booted any more.
        end: Option<Instant>,
    },
    /// The same; one machine is asked everything.
    Together,
}

impl Answers {
    /// Whether no machine may be booted any more.
    fn is_late(self) -> bool {
        matches!(self, Self::Kept { end: Some(end) } if Instant::now() >= end)
    }
}

/// What a kernel with a C library has answered.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The answers.
    pub worlds: Vec<World>,
    /// Who could not be asked before the end.
    pub missing: Vec<&'static str>,
}

impl Told {
    /// Everything was asked.
    #[must_use]
    pub fn of(worlds: Vec<World>) -> Self {
        Self {
            worlds,
            missing: Vec::new(),
        }
    }
}

/// Boots `kernel` with the C library of `libc` (a Debian release) and asks all
/// there is to ask, the suite's questions in the worlds of these owners.
///
/// # Errors
///
/// The machine cannot be put together, or does not start.
pub fn ask(
    kernel: &Kernel,
    libc: &str,
    owners: &[Owner],
    answers: Answers,
) -> Result<Told, String> {
    let root = Root::open_for(libc, kernel.machine)?;
    let owners = owners.iter().copied();
    let owners: Vec<_> = owners
        .filter(|owner| owner.applies_to(root.glibc))
        .collect();
    ask_root(kernel, &root, &owners, answers)
}

/// The same with the C library of `root`, in the worlds of just these owners.
///
/// # Errors
///
/// As [`ask`].
pub fn ask_root(
    kernel: &Kernel,
    root: &Root,
    owners: &[Owner],
    answers: Answers,
) -> Result<Told, String> {
    let machine = kernel.machine;
    let suite = Programs::for_machine(machine)?;
    let mut guest = system(root, machine)?;
    guest = with_folder(guest, SUITE, &suite.folder)?;
    guest = with_folder(guest, OWN, programs::folder(machine)?)?;
    let under_test = files(machine)?;
    let asked = questions(suite, owners, machine);
    // read before, not after: checkouts change while machines run
    let mut context = Context {
        kernel: kernel.version()?,
        glibc: root.glibc,
        facts: Facts::default(),
        known_facts: Facts::known(machine, kernel.name)?,
        known: Known::read()?,
    };
    let mut told = Told::default();
    for part in parts(&asked, answers) {
        let mut guest = guest.clone();
        // kept answers hold as long as nothing changes that they depend on
        if part
            .iter()
            .any(|(_, command)| command.mentions(&format!("{FILES}/")))
        {
            for (name, file) in &under_test {
                guest = guest.file(&format!("{FILES}/{name}"), file);
            }
        }
        for (_, command) in part {
            guest = guest.run(command.clone());
        }
        // nothing can be judged before it is known what the kernel does
        let asks_facts = part.iter().any(|(asked, _)| matches!(asked, Asked::Facts));
        let results = if asks_facts || context.facts != Facts::default() {
            results(&guest, kernel, answers, |results| {
                with_facts(&mut context, part, results).is_ok() && is_right(&context, part, results)
            })?
        } else {
            None
        };
        let Some(results) = results else {
            told.missing
                .extend(part.iter().map(|(asked, _)| asked.subject()));
            continue;
        };
        with_facts(&mut context, part, &results)?;
        for ((asked, _), result) in part.iter().zip(results) {
            let judged = asked.judge(&context, result);
            add(&mut told.worlds, kernel, root, asked.subject(), judged);
        }
    }
    told.missing.dedup();
    Ok(told)
}

/// What is asked of one machine each: where answers are kept in parts, each owner is asked by a
/// machine of its own, so that a run that was cut off has to repeat little.
fn parts<'a, 'b>(
    asked: &'a [(Asked<'b>, Command)],
    answers: Answers,
) -> Vec<&'a [(Asked<'b>, Command)]> {
    if !matches!(answers, Answers::Kept { .. }) {
        return vec![asked];
    }
    let parts = asked.chunk_by(|(one, _), (other, _)| one.owner() == other.owner());
    parts.collect()
}

/// The answers of a machine, if there is time to boot one where none are kept.
fn results(
    guest: &Guest,
    kernel: &Kernel,
    answers: Answers,
    good: impl FnOnce(&Results) -> bool,
) -> Result<Option<Results>, String> {
    match answers {
        Answers::Fresh => guest.boot(kernel).map(Some),
        Answers::Kept { .. } if answers.is_late() => guest.kept(kernel),
        Answers::Kept { .. } | Answers::Together => guest.boot_or_kept(kernel, good).map(Some),
    }
}

/// Reads what the kernel does out of the answers of the part that asks that.
fn with_facts(
    context: &mut Context,
    part: &[(Asked, Command)],
    results: &Results,
) -> Result<(), String> {
    let mut all = part.iter().zip(results);
    match all.find(|((asked, _), _)| matches!(asked, Asked::Facts)) {
        Some((_, Ok(finished))) => context.facts = Facts::found(&finished.out)?,
        Some((_, Err(error))) => return Err(error.clone()),
        None => (),
    }
    Ok(())
}

/// Whether no answer is wrong.
fn is_right(context: &Context, part: &[(Asked, Command)], results: &Results) -> bool {
    let mut all = part.iter().zip(results).flat_map(|((asked, _), result)| {
        let judged = asked.judge(context, result.clone());
        judged.into_iter().map(|judged| judged.verdict)
    });
    !all.any(|verdict| matches!(verdict, Verdict::Wrong(_)))
}

fn add(worlds: &mut Vec<World>, kernel: &Kernel, root: &Root, subject: &str, judged: Vec<Judged>) {
    match worlds.iter_mut().find(|world| world.subject == subject) {
        Some(world) => world.judged.extend(judged),
        None => worlds.push(World {
            machine: kernel.machine,
            kernel: kernel.name.to_owned(),
            libc: root.name.clone(),
            subject: subject.to_owned(),
            judged,
        }),
    }
}
/// What is asked, and by which command. There is no `rseqctl` for s390x, and no client that
/// it would judge.
fn questions<'a>(
    suite: &'a Programs,
    owners: &[Owner],
    machine: Machine,
) -> Vec<(Asked<'a>, Command)> {
    let has_command = machine != Machine::S390x;
    let place = Place {
        programs: PathBuf::from(SUITE),
        shim: Path::new(FILES).join("librseq_shim.so"),
        loader: None,
    };
    let own = |name: &str| Command::new(&format!("{OWN}/{name}"));
    let off = |command: Command| command.env("GLIBC_TUNABLES", GLIBC_OFF);
    let rseqctl = || Command::new(&format!("{FILES}/rseqctl"));
    let client = format!("{OWN}/cached-hidden");
    let mut asked = vec![(Asked::Facts, off(own("facts")))];
    let of_command = [
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
    asked.extend(of_command.into_iter().filter(|_| has_command));
    for &owner in owners {
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
        let mut others = vec![("length", Asked::Length(owner))];
        if has_command {
            others.push(("cached-exported", Asked::Cached(owner)));
        }
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
fn files(machine: Machine) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let in_folder = |what| {
        let folder = shipped(machine, what)?;
        Ok::<_, String>(["rseqctl", "librseq_abi.so", "librseq_shim.so"].map(|it| folder.join(it)))
    };
    let [rseqctl, abi, shim] = match machine {
        Machine::X86_64 => {
            let artifacts = artifacts()?;
            [&artifacts.rseqctl, &artifacts.abi, &artifacts.shim].map(Clone::clone)
        }
        Machine::Aarch64 => in_folder(Shipped::All)?,
        Machine::S390x => in_folder(Shipped::Libraries)?,
    };
    let mut files = vec![("librseq_abi.so.1", abi), ("librseq_shim.so", shim)];
    if machine != Machine::S390x {
        files.push(("rseqctl", rseqctl));
    }
    Ok(files)
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
    let folder = searched(root, machine);
    for name in shared_objects(machine).into_iter().chain(["libgcc_s.so.1"]) {
        guest = guest.file(&format!("{folder}/{name}"), &find(name)?);
    }
    Ok(guest)
}

/// Where a C library looks for others: Debian's in a folder of its architecture, one that was
/// configured for /usr and nothing else in glibc's own folder for 64 bits.
fn searched(root: &Root, machine: Machine) -> String {
    if RELEASES.iter().any(|(name, _)| *name == root.name) {
        format!("/lib/{}", machine.libraries())
    } else {
        "/lib64".to_owned()
    }
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
