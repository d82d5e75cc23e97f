//! What the audit costs, beside other tools, in turn and warm: over a tree of
//! its own making from Debian packages and wheels, and over the packages.

mod corpus;
mod cost;
mod peers;
mod samples;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Steps;
use cost::{Cost, TURNS, cost};
use peers::Peer;
use samples::Sample;

/// A command that is measured.
struct Subject {
    name: String,
    command: Vec<OsString>,
    turns: usize,
    costs: Vec<Cost>,
}

impl Subject {
    fn new(name: &str, command: Vec<OsString>, turns: usize) -> Self {
        Self {
            name: name.to_owned(),
            command,
            turns,
            costs: Vec::new(),
        }
    }

    /// Seconds, a turn each.
    fn walls(&self) -> Vec<f64> {
        self.costs.iter().map(|cost| cost.wall).collect()
    }
}

/// Measures and prints the tables.
pub fn run(steps: &mut Steps, rseqctl: &Path) -> Result<(), String> {
    let corpus = corpus::fetched(steps)?;
    let samples = samples::built(steps)?;
    let floor = built_floor(steps)?;
    let files = files_below(&corpus.tree)?;
    let list = steps.target().join("audit-objects");
    let objects = write_list(&list, &files)?;
    let peers = peers::found(steps);

    let audit = |path: &Path, threads: Option<&str>| {
        let mut command: Vec<OsString> = threads.map_or_else(Vec::new, |cores| {
            ["taskset", "--cpu-list", cores].map(OsString::from).into()
        });
        command.push(rseqctl.into());
        command.extend(["audit", "--fail-on=never", "--format=ndjson"].map(OsString::from));
        command.push(path.into());
        command
    };
    let tree = corpus.tree.as_path();
    let mut subjects = vec![
        Subject::new(
            "walk, open, read 64 bytes",
            vec![floor.into(), tree.into()],
            TURNS[0],
        ),
        Subject::new("`rseqctl audit`", audit(tree, None), TURNS[0]),
        Subject::new(
            "`rseqctl audit`, one core",
            audit(tree, Some("0")),
            TURNS[0],
        ),
    ];
    for peer in &peers {
        subjects.push(Subject::new(
            peer.name,
            peer.over_tree(tree, &list),
            peer.turns,
        ));
    }
    let first_of_packages = subjects.len();
    let of_packages = |name: &str, command| Subject::new(name, command, TURNS[1]);
    subjects.push(of_packages(
        "`rseqctl audit`, the packages",
        audit(&corpus.packages, None),
    ));
    subjects.push(of_packages(
        "the packages unpacked to nowhere, one after another",
        peers::unpack(&corpus.packages),
    ));
    measure(&mut subjects)?;
    let packages = fs::read_dir(&corpus.packages).map_or(0, Iterator::count) as u32;
    let size: u64 = files.iter().map(|(_, size)| size).sum();
    println!(
        "{} files, {objects} of them ELF, {} MiB; {packages} packages\n",
        files.len(),
        size >> 20
    );
    print_table(&subjects);
    println!();
    for subject in &subjects[first_of_packages..] {
        let rate = f64::from(packages) / median(&mut subject.walls());
        println!("{}: {rate:.1} packages per second", subject.name);
    }
    println!();
    print_answers(rseqctl, &peers, &samples)
}

fn built_floor(steps: &mut Steps) -> Result<PathBuf, String> {
    let floor = steps.target().join("floor");
    steps.run(
        "build the floor",
        Command::new("cc")
            .args(["-O2", "-o"])
            .arg(&floor)
            .arg(steps.root().join("tests/bench/floor.c")),
    )?;
    Ok(floor)
}

/// Every command in turn; a first turn of the quick ones warms the cache.
fn measure(subjects: &mut [Subject]) -> Result<(), String> {
    for subject in subjects.iter().filter(|subject| subject.turns == TURNS[0]) {
        cost(&subject.command)?;
    }
    for turn in 0..TURNS[0] {
        for subject in subjects.iter_mut() {
            if turn < subject.turns {
                eprintln!("== turn {}: {}", turn + 1, subject.name);
                let cost = cost(&subject.command)?;
                subject.costs.push(cost);
            }
        }
    }
    Ok(())
}

fn print_table(subjects: &[Subject]) {
    println!(
        "| command | turns | wall s | wall, times the audit | CPU s | CPU, times the floor \
         | peak MiB |\n|---|---|---|---|---|---|---|"
    );
    let [floor, audit, ..] = subjects else {
        return;
    };
    for subject in subjects {
        // turn by turn, so that a busy moment counts for both
        let against = |other: &Subject, value: fn(&Cost) -> f64| {
            let pairs = subject.costs.iter().zip(&other.costs);
            spread(
                pairs
                    .map(|(cost, other)| value(cost) / value(other))
                    .collect(),
            )
        };
        let mut memory: Vec<f64> = subject.costs.iter().map(|cost| cost.memory).collect();
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.0} |",
            subject.name,
            subject.turns,
            spread(subject.walls()),
            against(audit, |cost| cost.wall),
            spread(subject.costs.iter().map(|cost| cost.cpu).collect()),
            against(floor, |cost| cost.cpu),
            median(&mut memory),
        );
    }
}

/// What each tool says about objects whose truth is known.
fn print_answers(rseqctl: &Path, peers: &[Peer], samples: &[Sample]) -> Result<(), String> {
    let truth: Vec<&str> = samples.iter().map(|sample| sample.truth).collect();
    println!("| tool | {} |", truth.join(" | "));
    println!("|---|{}", "---|".repeat(samples.len()));
    let mut answers = Vec::new();
    for sample in samples {
        answers.push(samples::by_audit(rseqctl, sample)?);
    }
    println!("| `rseqctl audit` | {} |", answers.join(" | "));
    for peer in peers {
        let mut answers = Vec::new();
        for sample in samples {
            let said = cost::output(&peer.over_file(&sample.file))?;
            answers.push(if samples::is_found(&said, peer.lists_files) {
                "found"
            } else {
                "-"
            });
        }
        println!("| {} | {} |", peer.name, answers.join(" | "));
    }
    Ok(())
}

/// Every regular file below a folder and its size in bytes.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, u64)>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let say = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(say)? {
            let entry = entry.map_err(say)?;
            let kind = entry.file_type().map_err(say)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push((entry.path(), entry.metadata().map_err(say)?.len()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes the names of the ELF objects, for tools that cannot find them
/// themselves; answers how many there are.
fn write_list(list: &Path, files: &[(PathBuf, u64)]) -> Result<usize, String> {
    use std::io::Read;
    use std::os::unix::ffi::OsStrExt;
    let mut names = Vec::new();
    let mut count = 0;
    for (path, _) in files {
        let mut magic = [0; 4];
        let is_object = fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut magic))
            .is_ok_and(|()| magic == *b"\x7fELF");
        if is_object {
            names.extend_from_slice(path.as_os_str().as_bytes());
            names.push(0);
            count += 1;
        }
    }
    fs::write(list, names).map_err(|error| format!("{}: {error}", list.display()))?;
    Ok(count)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Median, and least to most.
fn spread(mut values: Vec<f64>) -> String {
    let middle = median(&mut values);
    match (values.first(), values.last()) {
        (Some(least), Some(most)) => format!("{middle:.2} ({least:.2}-{most:.2})"),
        _ => "-".to_owned(),
    }
}
