//! The programs and what they do.

use std::fs;
use std::time::Duration;

use rseq_lab::files::open_to_all;
use rseq_lab::host::{free_port, unprivileged};
use rseq_lab::{Case, Need, Row, Seen};

use crate::watch::watched;
use crate::{errors, threads};

const LIMIT: Duration = Duration::from_secs(120);
const COMMON: &str = include_str!("../workloads/common.sh");

/// A program at work.
struct Workload {
    name: &'static str,
    does: &'static str,
    script: &'static str,
    needs: &'static [Need],
}

macro_rules! workload {
    ($name:literal, $does:literal, $(($program:literal, $package:literal)),+) => {
        Workload {
            name: $name,
            does: $does,
            script: include_str!(concat!("../workloads/", $name, ".sh")),
            needs: &[$(Need::ForAll($program, $package)),+],
        }
    };
}

const WORKLOADS: [Workload; 19] = [
    workload!(
        "nginx",
        "two workers, thread pool, gzip, proxy to itself, wrk",
        ("nginx", "nginx-light"),
        ("curl", "curl"),
        ("wrk", "wrk")
    ),
    workload!(
        "redis",
        "I/O threads, benchmark, script, append-only file",
        ("redis-server", "redis-server"),
        ("redis-benchmark", "redis-tools")
    ),
    workload!(
        "postgres",
        "initdb, parallel queries, JIT, pgbench, vacuum",
        ("psql", "postgresql"),
        ("pgbench", "postgresql")
    ),
    workload!(
        "mariadb",
        "installation, InnoDB, eight clients at once",
        ("mariadbd", "mariadb-server"),
        ("mariadb-slap", "mariadb-client")
    ),
    workload!(
        "java",
        "compiles and runs: pools, parallel streams, collector",
        ("java", "default-jdk-headless")
    ),
    workload!(
        "node",
        "workers, thread pool, zlib, HTTP to itself",
        ("node", "nodejs")
    ),
    workload!(
        "python",
        "threads, processes, asyncio, sqlite3, ctypes",
        ("python3", "python3")
    ),
    workload!(
        "ffmpeg",
        "encodes, filters and decodes with four threads",
        ("ffmpeg", "ffmpeg")
    ),
    workload!(
        "chromium",
        "headless: script, canvas, worker",
        ("chromium", "chromium")
    ),
    workload!(
        "sqlite",
        "300,000 rows, index, join, vacuum",
        ("sqlite3", "sqlite3")
    ),
    workload!("perl", "interpreter threads, forks", ("perl", "perl")),
    workload!("ruby", "threads, forks, queue, collector", ("ruby", "ruby")),
    workload!(
        "php",
        "command line, and its server with three processes",
        ("php", "php-cli"),
        ("curl", "curl")
    ),
    workload!(
        "git",
        "commits, repacks with threads, clones, fsck",
        ("git", "git")
    ),
    workload!(
        "gcc",
        "C with LTO, C++ with futures and exceptions, make -j4",
        ("gcc", "gcc"),
        ("g++", "g++")
    ),
    workload!(
        "memcached",
        "four threads, eight clients",
        ("memcached", "memcached"),
        ("python3", "python3")
    ),
    workload!("tmux", "two panes, keys, capture", ("tmux", "tmux")),
    workload!(
        "tools",
        "sort, xz, zstd, tar, openssl, xargs",
        ("xz", "xz-utils"),
        ("openssl", "openssl")
    ),
    workload!(
        "rustc",
        "compiles with eight code units, runs",
        ("rustc", "rustc")
    ),
];

/// One row for each.
pub fn rows() -> Vec<Row> {
    WORKLOADS
        .iter()
        .map(|workload| {
            Row::new(workload.name, workload.does, |case| run(workload, case)).needs(workload.needs)
        })
        .collect()
}

fn run(workload: &Workload, case: &Case) -> Result<Seen, String> {
    let logs = case.folder.join("logs");
    fs::create_dir(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    open_to_all(&case.folder)?;
    open_to_all(&logs)?;
    let program = case
        .world
        .prepare(unprivileged())?
        .args(["sh", "-eu", "-c"])
        .arg(format!("{COMMON}{}", workload.script))
        .directory(&case.folder)
        .env("PORT", free_port()?.to_string())
        .env("HOME", &case.folder)
        .limit(LIMIT);
    let (ended, watched) = watched(program)?;
    let lines = match &ended {
        Ok(finished) => errors::lines(&finished.err, &logs)?,
        Err(_) => Vec::new(),
    };
    let (count, first) = (lines.len() as u64, lines.first().cloned());
    let seen = Seen::of(ended).with_figure("error lines", count, first.unwrap_or_default());
    threads::add(seen, &watched)
}
