//! Asks kernels and C libraries everything and prints one table.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rseq_lab_conformance::Owner;
use rseq_lab_conformance::build::oldest;
use rseq_lab_conformance::root::RELEASES;
use rseq_lab_conformance::table::tally;
use rseq_lab_kernels::guest::{Kernel, Machine, kernels};
use rseq_lab_kernels::matrix::machine::{self, Answers, Told};
use rseq_lab_kernels::matrix::{World, here, page};

const USAGE: &str = "\
usage: matrix [--target MACHINE] [--kernels LIST] [--glibcs LIST] [--owners LIST] [--all]
              [--jobs N] [--minutes N] [--fresh] [--json FILE] [--page FILE]

Lists are separated by commas. Every kernel is asked with every glibc.
--target   the architecture, x86_64 (default), aarch64 or s390x, of which all kernels are
           asked with every glibc when nothing else is said
--kernels  kernels to boot, `all`, `none`, or `host`: this machine's; default: the usual three
--glibcs   Debian releases whose glibc is used, `all`, or `host` (with the host's kernel
           only); default: bookworm
--owners   owners that the suite is put to; default: all
--all      all kernels with the default glibc, and the host's kernel with all glibcs
--jobs     how many kernels are asked at a time; default: 2
--minutes  boot no further machine when so much time is over; the next run goes on there
--fresh    ask again what was answered before: answers are kept, by the content of
           kernel, C library, suite and, where they run, shim and command
--json     where all answers are written
--page     the page of the docs, of which what was asked now is written";

/// The glibc of a guest when nobody asks for another: it registers by itself.
const GLIBC: &str = "bookworm";

/// Those of a machine of another architecture: from the oldest that is there for it.
fn foreign_glibcs(machine: Machine) -> Vec<String> {
    let names = RELEASES.iter().map(|(name, _)| (*name).to_owned());
    names.skip_while(|name| name != oldest(machine)).collect()
}

/// The name of this machine's kernel, and of its glibc.
const HOST: &str = "host";

struct Wishes {
    machine: Machine,
    jobs: usize,
    kernels: Vec<String>,
    glibcs: Vec<String>,
    owners: Vec<Owner>,
    all: bool,
    minutes: Option<u64>,
    fresh: bool,
    json: Option<PathBuf>,
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    let wishes = match wishes(std::env::args().skip(1)) {
        Ok(wishes) => wishes,
        Err(error) => {
            eprintln!("matrix: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&wishes) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("matrix: {error}");
            ExitCode::from(2)
        }
    }
}

fn wishes(mut words: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let mut wishes = Wishes {
        machine: Machine::X86_64,
        jobs: 2,
        kernels: Vec::new(),
        glibcs: Vec::new(),
        owners: Owner::ALL.to_vec(),
        all: false,
        minutes: None,
        fresh: false,
        json: None,
        page: None,
    };
    let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} what?"));
        match &*word {
            "--target" => wishes.machine = machine_of(&value()?)?,
            "--kernels" => wishes.kernels = list(value()?),
            "--glibcs" => wishes.glibcs = list(value()?),
            "--owners" => {
                let names = list(value()?);
                let owners = names.iter().map(|name| Owner::from_name(name));
                wishes.owners = owners.collect::<Result<_, _>>()?;
            }
            "--all" => wishes.all = true,
            "--fresh" => wishes.fresh = true,
            "--jobs" => wishes.jobs = number(&word, &value()?)?,
            "--minutes" => wishes.minutes = Some(number(&word, &value()?)?),
            "--json" => wishes.json = Some(value()?.into()),
            "--page" => wishes.page = Some(value()?.into()),
            _ => return Err(format!("what is {word:?}?")),
        }
    }
    Ok(wishes)
}

fn number<T: FromStr>(word: &str, text: &str) -> Result<T, String> {
    let number = text.parse();
    number.map_err(|_| format!("{word}: {text:?} is no number"))
}

/// The architecture of this name; a target of rustc begins with it.
fn machine_of(name: &str) -> Result<Machine, String> {
    let mut all = Machine::ALL.into_iter();
    all.find(|machine| name.split('-').next() == Some(machine.name()))
        .ok_or_else(|| {
            let names = Machine::ALL.map(Machine::name).join(", ");
            format!("no machine {name:?}; there are {names}")
        })
}

impl Wishes {
    /// Where answers come from: the time runs from now.
    fn answers(&self) -> Answers {
        let time = self
            .minutes
            .map(|minutes| Duration::from_secs(60 * minutes));
        if self.fresh {
            Answers::Fresh
        } else {
            Answers::Kept {
                end: time.map(|time| Instant::now() + time),
            }
        }
    }

    /// Every kernel (none: this machine's) with the glibc it is to be asked with.
    fn pairs(&self) -> Result<Vec<(Option<Kernel>, String)>, String> {
        let is_foreign = self.machine.foreign().is_some();
        if is_foreign && self.all {
            return Err("--all is about this machine's architecture".to_owned());
        }
        let glibcs = match &self.glibcs[..] {
            [] if is_foreign => foreign_glibcs(self.machine),
            [all] if is_foreign && all == "all" => foreign_glibcs(self.machine),
            [] => vec![GLIBC.to_owned()],
            [all] if all == "all" => every_glibc(),
            named => named.to_vec(),
        };
        let kernels: Vec<Option<Kernel>> = match &self.kernels[..] {
            [] if self.all => kernels::ALL.map(Some).to_vec(),
            [] if is_foreign => kernels::of(self.machine)
                .iter()
                .copied()
                .map(Some)
                .collect(),
            [] => kernels::chosen()?.into_iter().map(Some).collect(),
            [none] if none == "none" => Vec::new(),
            [all] if all == "all" => {
                let all = kernels::of(self.machine);
                all.iter().copied().map(Some).collect()
            }
            named => named
                .iter()
                .map(|name| match &**name {
                    HOST if !is_foreign => Ok(None),
                    name => kernels::named_of(self.machine, name)
                        .map(|kernels| kernels.first().copied()),
                })
                .collect::<Result<_, _>>()?,
        };
        let mut pairs = Vec::new();
        for kernel in kernels {
            pairs.extend(glibcs.iter().map(|glibc| (kernel, glibc.clone())));
        }
        if self.all {
            pairs.extend(every_glibc().into_iter().map(|glibc| (None, glibc)));
        }
        Ok(pairs)
    }
}

fn every_glibc() -> Vec<String> {
    let releases = RELEASES.map(|(name, _)| name.to_owned());
    std::iter::once(HOST.to_owned()).chain(releases).collect()
}

/// Prints the table; answers whether every cell is right or its reason is known.
fn run(wishes: &Wishes) -> Result<bool, String> {
    let pairs = wishes.pairs()?;
    let next = AtomicUsize::new(0);
    let answers_from = wishes.answers();
    let answers: Vec<_> = pairs.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..wishes.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(pair), Some(answer)) = (pairs.get(number), answers.get(number))
                    else {
                        break;
                    };
                    let _ = answer.set(ask(pair, &wishes.owners, answers_from));
                }
            });
        }
    });
    rseq_kit::scratch::remove();
    let mut worlds = Vec::new();
    let mut missing = 0;
    for answer in answers {
        match answer.into_inner() {
            Some(Ok(told)) => {
                missing += usize::from(!told.missing.is_empty());
                worlds.extend(told.worlds);
            }
            _ => missing += 1,
        }
    }
    println!("{}", page::tables(&worlds));
    let write = |path: &Option<PathBuf>, text: String| match path {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
        }
        None => Ok(()),
    };
    write(&wishes.json, format!("{:#}\n", page::json(&worlds)))?;
    if let Some(path) = &wishes.page {
        // there may be none yet
        let old = std::fs::read_to_string(path).unwrap_or_default();
        let packages = packages(wishes.machine, &worlds)?;
        let page = page::page(&old, wishes.machine, &worlds, &packages);
        write(&wishes.page, page)?;
    }
    let failures: Vec<_> = worlds.iter().flat_map(World::failures).collect();
    for failure in &failures {
        eprintln!("wrong: {failure}");
    }
    let tally = tally(worlds.iter().flat_map(|world| &world.judged));
    eprintln!(
        "{} right, {} known, {} skipped, {} wrong",
        tally.right, tally.known, tally.skipped, tally.wrong
    );
    if missing > 0 {
        return Err(format!(
            "{missing} kernels with a glibc were not asked everything, see above"
        ));
    }
    Ok(failures.is_empty())
}

/// Asks one kernel with one glibc, as far as there is time.
fn ask(
    (kernel, glibc): &(Option<Kernel>, String),
    owners: &[Owner],
    answers: Answers,
) -> Result<Told, String> {
    let start = Instant::now();
    let (name, told) = match kernel {
        None => (HOST, here::ask(glibc, owners).map(Told::of)),
        Some(kernel) => (kernel.name, machine::ask(kernel, glibc, owners, answers)),
    };
    let title = format!("kernel {name}, glibc of {glibc}");
    let told = told.inspect_err(|error| eprintln!("{title}: {error}"))?;
    let cells: usize = told.worlds.iter().map(|world| world.judged.len()).sum();
    eprintln!("{title}: {cells} cells in {} s", start.elapsed().as_secs());
    if !told.missing.is_empty() {
        let missing = told.missing.join(", ");
        eprintln!("{title}: not asked, the time was up: {missing}");
    }
    Ok(told)
}

/// The kernels that were asked, and their packages.
fn packages(machine: Machine, worlds: &[World]) -> Result<Vec<(&'static str, String)>, String> {
    let asked = kernels::of(machine)
        .iter()
        .filter(|kernel| worlds.iter().any(|world| world.kernel == kernel.name));
    asked
        .map(|kernel| Ok((kernel.name, kernel.package()?.name)))
        .collect()
}
