//! Fuzzing the readers: `tls-model/fuzz`, with libFuzzer and AddressSanitizer.
//!
//! What is found grows in the cache from run to run, beside the committed
//! corpora, which the ordinary tests replay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::setup::{self, cache};
use crate::step::Steps;

/// Targets, and the ends of names of this machine's files that are seeds.
const TARGETS: [(&str, &[&str]); 4] = [
    ("object", &[".o", ".so"]),
    ("archive", &[".a"]),
    ("critical", &[".o", ".so"]),
    ("container", &[".whl", ".jar", ".zip", ".ko.xz"]),
];

/// Where seeds are looked for; how large they may be, in bytes, and how many.
const SEEDS: &str = "/usr/lib";
const SEED_SIZE: u64 = 16 << 10;
const MOST_SEEDS: usize = 100;

/// What one input may take: bytes of input, seconds, MiB of memory (the
/// sanitizer's own included, and all that the fuzzer has kept), and MiB in one
/// piece: the largest window of a compressor, 128 MiB, and what goes with it.
const BOUNDS: [&str; 4] = [
    "-max_len=65536",
    "-timeout=20",
    "-rss_limit_mb=2048",
    "-malloc_limit_mb=160",
];

/// Builds the targets and runs each for so many seconds.
pub fn run(steps: &mut Steps, seconds: u32) -> Result<(), String> {
    let program = setup::cargo_fuzz(steps)?;
    let home = cache()?.join("fuzz");
    let cargo_fuzz = |steps: &Steps, action: &str| {
        let mut command = Command::new(&program);
        command
            .current_dir(steps.root().join("tls-model"))
            .args(["fuzz", action])
            // the sanitizer and the counters are not stable features
            .env("RUSTC_BOOTSTRAP", "1");
        command
    };
    steps.run("build the fuzz targets", &mut cargo_fuzz(steps, "build"))?;
    let mut rows = Vec::new();
    for (target, ends) in TARGETS {
        let home = home.join(target);
        let say = |error: io::Error| format!("{}: {error}", home.display());
        let [kept, seeds, findings] = ["corpus", "seeds", "findings"].map(|name| home.join(name));
        for folder in [&kept, &seeds, &findings] {
            fs::create_dir_all(folder).map_err(say)?;
        }
        gather(Path::new(SEEDS), ends, &seeds).map_err(say)?;
        let before = count(&findings).map_err(say)?;
        let log = home.join("log");
        let mut command = cargo_fuzz(steps, "run");
        command
            .arg(target)
            .args([&kept, &seeds])
            .arg(steps.root().join("tls-model/fuzz/corpus").join(target))
            .arg("--")
            .args(BOUNDS)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-print_final_stats=1", "-use_value_profile=1"])
            .stderr(fs::File::create(&log).map_err(say)?)
            .stdout(Stdio::null());
        let ran = steps.run(&format!("fuzz {target}"), &mut command);
        let said = fs::read_to_string(&log).map_err(say)?;
        let found = count(&findings).map_err(say)? - before;
        rows.push(format!(
            "{target:<10} {:>12} executions {:>7} new inputs {found:>3} findings",
            stat(&said, "number_of_executed_units"),
            stat(&said, "new_units_added"),
        ));
        if let Err(failed) = ran {
            let last: Vec<_> = said.lines().rev().take(40).collect();
            for line in last.into_iter().rev() {
                eprintln!("{line}");
            }
            for row in rows {
                println!("{row}");
            }
            return Err(format!(
                "{failed}: what did it is in {}; mend it, and keep the input in \
                 tls-model/fuzz/corpus/{target}",
                findings.display()
            ));
        }
    }
    for row in rows {
        println!("{row}");
    }
    Ok(())
}

/// A figure of libFuzzer's last words.
fn stat(said: &str, name: &str) -> String {
    let start = format!("stat::{name}:");
    let line = said.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or("?", str::trim).to_owned()
}

fn count(folder: &Path) -> io::Result<usize> {
    fs::read_dir(folder).map(Iterator::count)
}

/// Links small files of this machine into the folder of seeds, the first time.
fn gather(from: &Path, ends: &[&str], to: &Path) -> io::Result<()> {
    let mut found = count(to)?;
    let mut folders = vec![from.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // what may not be read is no seed
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.to_string_lossy();
            let is_seed = metadata.is_file()
                && metadata.len() <= SEED_SIZE
                && ends.iter().any(|end| name.ends_with(end));
            if !is_seed {
                continue;
            }
            if found == MOST_SEEDS {
                return Ok(());
            }
            found += 1;
            fs::copy(&path, to.join(name.replace('/', "_")))?;
        }
    }
    Ok(())
}
