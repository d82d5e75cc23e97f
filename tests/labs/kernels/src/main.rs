//! Asks kernels and C libraries everything and prints one table.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rseq_lab_conformance::Owner;
use rseq_lab_conformance::root::RELEASES;
use rseq_lab_conformance::table::tally;
use rseq_lab_kernels::guest::{Kernel, Machine, kernels};
use rseq_lab_kernels::matrix::{World, here, machine, page};

const USAGE: &str = "\
usage: matrix [--target MACHINE] [--kernels LIST] [--glibcs LIST] [--owners LIST] [--all]
              [--jobs N] [--json FILE] [--with FILE] [--page FILE]

Lists are separated by commas. Every kernel is asked with every glibc.
--target   the architecture, x86_64 (default) or aarch64, of which all kernels are asked
           with every glibc when nothing else is said
--kernels  kernels to boot, `all`, `none`, or `host`: this machine's; default: the usual three
--glibcs   Debian releases whose glibc is used, `all`, or `host` (with the host's kernel
           only); default: bookworm
--owners   owners that the suite is put to; default: all
--all      all kernels with the default glibc, and the host's kernel with all glibcs
--jobs     how many kernels are asked at a time; default: 2
--json     where all answers are written
--with     the JSON of an earlier run: what is not asked now is taken from there
--page     where the page of the docs is written";

/// The glibc of a guest when nobody asks for another: it registers by itself.
const GLIBC: &str = "bookworm";

/// Those of a machine of another architecture.
const FOREIGN_GLIBCS: [&str; 4] = ["bullseye", "bookworm", "trixie", "forky"];

/// The name of this machine's kernel, and of its glibc.
const HOST: &str = "host";

struct Wishes {
    machine: Machine,
    jobs: usize,
    kernels: Vec<String>,
    glibcs: Vec<String>,
    owners: Vec<Owner>,
    all: bool,
    json: Option<PathBuf>,
    with: Option<PathBuf>,
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
        json: None,
        with: None,
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
            "--jobs" => {
                let number = value()?;
                wishes.jobs = number
                    .parse()
                    .map_err(|_| format!("--jobs: {number:?} is no number"))?;
            }
            "--json" => wishes.json = Some(value()?.into()),
            "--with" => wishes.with = Some(value()?.into()),
            "--page" => wishes.page = Some(value()?.into()),
            _ => return Err(format!("what is {word:?}?")),
        }
    }
    Ok(wishes)
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
    /// Every kernel (none: this machine's) with the glibc it is to be asked with.
    fn pairs(&self) -> Result<Vec<(Option<Kernel>, String)>, String> {
        let is_foreign = self.machine.foreign().is_some();
        if is_foreign && self.all {
            return Err("--all is about this machine's architecture".to_owned());
        }
        let glibcs = match &self.glibcs[..] {
            [] if is_foreign => FOREIGN_GLIBCS.map(str::to_owned).to_vec(),
            [all] if is_foreign && all == "all" => FOREIGN_GLIBCS.map(str::to_owned).to_vec(),
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
                    let _ = answer.set(ask(pair, &wishes.owners));
                }
            });
        }
    });
    rseq_kit::scratch::remove();
    let mut worlds = Vec::new();
    let mut missing = 0;
    for answer in answers {
        match answer.into_inner() {
            Some(Ok(new)) => worlds.extend(new),
            _ => missing += 1,
        }
    }
    if let Some(path) = &wishes.with {
        let earlier = earlier(path)?;
        let is_new = |old: &World| {
            let mut new = worlds.iter();
            !new.any(|new| {
                new.machine == old.machine && new.kernel == old.kernel && new.libc == old.libc
            })
        };
        let kept: Vec<_> = earlier.into_iter().filter(is_new).collect();
        worlds.extend(kept);
        worlds.sort_by_key(|world| {
            let mut kernels = kernels::of(world.machine).iter();
            let place = kernels.position(|kernel| kernel.name == world.kernel);
            (world.machine, place.unwrap_or(usize::MAX))
        });
    }
    let mut versions = Vec::new();
    for kernel in Machine::ALL.into_iter().flat_map(kernels::of) {
        let is_asked =
            |world: &World| world.machine == kernel.machine && world.kernel == kernel.name;
        if worlds.iter().any(is_asked) {
            versions.push(kernel.package()?.name);
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
    write(&wishes.page, page::page(&worlds, &versions))?;
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
            "{missing} kernels or glibcs could not be asked, see above"
        ));
    }
    Ok(failures.is_empty())
}

/// Asks one kernel with one glibc.
fn ask((kernel, glibc): &(Option<Kernel>, String), owners: &[Owner]) -> Result<Vec<World>, String> {
    let start = Instant::now();
    let (name, worlds) = match kernel {
        None => (HOST, here::ask(glibc, owners)),
        Some(kernel) => (kernel.name, machine::ask(kernel, glibc, owners)),
    };
    let title = format!("kernel {name}, glibc of {glibc}");
    let worlds = worlds.inspect_err(|error| eprintln!("{title}: {error}"))?;
    let cells: usize = worlds.iter().map(|world| world.judged.len()).sum();
    eprintln!("{title}: {cells} cells in {} s", start.elapsed().as_secs());
    Ok(worlds)
}

/// The answers of an earlier run.
fn earlier(path: &Path) -> Result<Vec<World>, String> {
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| say(&error))?;
    let value = serde_json::from_str(&text).map_err(|error| say(&error))?;
    page::from_json(&value).map_err(|error| say(&error))
}
