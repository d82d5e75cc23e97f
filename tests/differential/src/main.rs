//! Reads every ELF file of some folders three times: with tls-model, with goblin's
//! full parse and with object's, and compares what they say. Exit status 1 where they
//! differ and `known.rs` does not say why.

mod by_goblin;
mod by_object;
mod known;
mod ours;
mod said;

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tls_model::facts::ObjectKind;

use said::Said;

#[derive(Default)]
struct Tally {
    objects: usize,
    bytes: u64,
    symbols: usize,
    relocations: usize,
    rseq: usize,
    /// Objects that a parser refuses.
    refused: [usize; 2],
    /// Explained differences, by reason.
    explained: Vec<(&'static str, PathBuf)>,
    /// Those that nobody has explained.
    unexplained: Vec<String>,
}

fn main() -> ExitCode {
    let started = Instant::now();
    let mut files = Vec::new();
    for folder in std::env::args_os().skip(1) {
        walk(Path::new(&folder), &mut files);
    }
    files.sort_unstable();
    let tally = Mutex::new(Tally::default());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    compare(path, &tally);
                }
            });
        }
    });
    let mut tally = tally.into_inner().expect("no thread panicked");
    tally.unexplained.sort_unstable();
    for line in &tally.unexplained {
        println!("{line}");
    }
    tally.explained.sort_unstable();
    for (reason, path) in &tally.explained {
        println!("explained: {}: {reason}", path.display());
    }
    let [goblin, object] = tally.refused;
    println!(
        "{} objects of {} files, {} MiB, {} dynamic symbols, {} dynamic relocations, {} rseq \
         symbols; {goblin} refused by goblin, {object} by object; {} differences explained, {} \
         not; {:.1} s",
        tally.objects,
        files.len(),
        tally.bytes >> 20,
        tally.symbols,
        tally.relocations,
        tally.rseq,
        tally.explained.len(),
        tally.unexplained.len(),
        started.elapsed().as_secs_f64(),
    );
    match tally.unexplained.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The regular files, each once.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

fn elf(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; 4];
    file.read_exact(&mut bytes).ok()?;
    if bytes != b"\x7fELF" {
        return None;
    }
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn compare(path: &Path, tally: &Mutex<Tally>) {
    let Some(bytes) = elf(path) else {
        return;
    };
    let ours = ours::read(&bytes);
    let others = [
        (
            "goblin",
            by_goblin::read(&bytes).map_err(|error| error.to_string()),
        ),
        (
            "object",
            by_object::read(&bytes).map_err(|error| error.to_string()),
        ),
    ];
    let mut tally = tally.lock().expect("no thread panicked");
    tally.objects += 1;
    tally.bytes += bytes.len() as u64;
    if let Ok((_, said)) = &ours {
        tally.symbols += said.symbols.as_ref().map_or(0, Vec::len);
        tally.relocations += said
            .relocations
            .as_ref()
            .map_or(0, std::collections::BTreeSet::len);
        tally.rseq += said
            .rseq
            .as_ref()
            .map_or(0, std::collections::BTreeMap::len);
    }
    for (number, (who, theirs)) in others.into_iter().enumerate() {
        let differences = match (&ours, theirs) {
            (Ok((kind, ours)), Ok(theirs)) => ours.differences(&comparable(*kind, theirs)),
            (Ok(_), Err(error)) => {
                tally.refused[number] += 1;
                vec![format!("refused: {error}")]
            }
            (Err(error), Ok(_)) => vec![format!("only tls-model refuses it: {error}")],
            (Err(_), Err(_)) => Vec::new(),
        };
        for difference in differences {
            match known::reason(who, &difference) {
                Some(reason) => tally.explained.push((reason, path.to_owned())),
                None => tally
                    .unexplained
                    .push(format!("{}: {who}: {difference}", path.display())),
            }
        }
    }
}

/// Split debugging information has headers of tables that are not in it.
fn comparable(kind: ObjectKind, said: Said) -> Said {
    if kind != ObjectKind::Debug {
        return said;
    }
    Said {
        tls: said.tls,
        rseq: said.rseq,
        ..Said::default()
    }
}
