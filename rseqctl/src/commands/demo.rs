//! `rseqctl demo`: a program with many threads, run twice under `run`: once
//! with glibc's registration switched off and no shim, once with the shim. Every
//! thread asks the kernel who has registered it.

use std::env;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Barrier, Mutex};
use std::thread;

use crate::error::Error;
use crate::exit::Status;
use crate::report::StandardOutput;
use crate::sys::thread as this_thread;
use crate::sys::{dynamic, thread::Registration};

const ROUNDS: u32 = 7;
const CALLS: u32 = 200_000;

/// The checked arguments.
#[derive(Clone, Copy, Debug)]
pub struct DemoRequest {
    /// Number of threads of the program, at least one.
    pub threads: u16,
}

/// Runs the program twice and prints both tables.
pub(super) fn run(request: DemoRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let (text, problem) = show(request.threads).map_err(Error::Demo)?;
    out.write_all(text.as_bytes()).map_err(Error::Output)?;
    problem.map_or(Ok(Status::Clean), |problem| Err(Error::DemoShows(problem)))
}

/// Returns what to print, and what went wrong, if anything did.
fn show(threads: u16) -> io::Result<(String, Option<&'static str>)> {
    let without = run_under("off", threads)?;
    let with = run_under("own", threads)?;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Nobody registers: glibc.pthread.rseq=0, no shim (rseqctl run --mode off)\n\n{}",
        table(&without)
    );
    let _ = writeln!(
        text,
        "The shim registers every thread (rseqctl run --mode own)\n\n{}",
        table(&with)
    );
    let (slow, fast) = (median(&without), median(&with));
    let _ = writeln!(
        text,
        "sched_getcpu, median over {} threads: {slow:.1} ns without, {fast:.1} ns with: {:.1} times as fast",
        with.len(),
        slow / fast
    );
    let registered = with
        .iter()
        .filter(|row| row.registration == Registration::Shared)
        .count();
    let _ = writeln!(
        text,
        "threads registered by the shim: {registered} of {}",
        with.len()
    );
    let problem = if with
        .iter()
        .any(|row| row.registration == Registration::Denied)
    {
        Some("sys_rseq is missing here or denied by a filter, so nobody can register")
    } else if registered < with.len() {
        Some("not every thread was registered; see rseqctl run --dry-run --mode own -- COMMAND")
    } else {
        None
    };
    Ok((text, problem))
}

/// One thread of the program, and what the kernel said about it.
struct Row {
    thread: u32,
    registration: Registration,
    area: u64,
    nanoseconds: f64,
}

fn run_under(mode: &str, threads: u16) -> io::Result<Vec<Row>> {
    let own = env::current_exe()?;
    let mut child = Command::new(&own)
        .args(["run", "--mode", mode, "--"])
        .arg(&own)
        .args(["demo-program", "--threads", &threads.to_string()])
        .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
        .env_remove("LD_PRELOAD")
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no pipe"))?;
    let rows: io::Result<Vec<Row>> = BufReader::new(output)
        .lines()
        .map(|line| {
            let line = line?;
            parse(&line)
                .ok_or_else(|| io::Error::other(format!("the demo program printed {line:?}")))
        })
        .collect();
    let status = child.wait()?;
    let rows = rows?;
    if !status.success() || rows.len() != usize::from(threads) {
        return Err(io::Error::other(format!(
            "the demo program under --mode {mode}: {status}"
        )));
    }
    Ok(rows)
}

fn parse(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    Some(Row {
        thread: words.next()?.parse().ok()?,
        registration: Registration::from_name(words.next()?)?,
        area: words.next()?.parse().ok()?,
        nanoseconds: words.next()?.parse().ok()?,
    })
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "  {:>8}  {:<20}  {:<14}  sched_getcpu\n",
        "thread", "registered", "area"
    );
    for row in rows {
        let registered = match row.registration {
            Registration::Nobody => "by nobody",
            Registration::Shared => "__rseq_abi (shim)",
            Registration::Libc => "glibc's own area",
            Registration::Denied => "sys_rseq is denied",
        };
        let area = if row.area == 0 {
            "-".to_owned()
        } else {
            format!("{:#x}", row.area)
        };
        let _ = writeln!(
            text,
            "  {:>8}  {registered:<20}  {area:<14}  {:>9.1} ns",
            row.thread, row.nanoseconds
        );
    }
    text
}

fn median(rows: &[Row]) -> f64 {
    let mut costs: Vec<f64> = rows.iter().map(|row| row.nanoseconds).collect();
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs the program itself: every thread asks the kernel which area is registered
/// and measures what `sched_getcpu` costs it.
pub(super) fn program(DemoRequest { threads }: DemoRequest) -> Status {
    // one thread measures at a time, so that they do not measure each other;
    // all are there at once
    let turn = Mutex::new(());
    let everybody = Barrier::new(usize::from(threads));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                everybody.wait();
                let Ok(_turn) = turn.lock() else { return };
                let (registration, area) = this_thread::registration(
                    dynamic::address_of(c"__rseq_abi"),
                    dynamic::libc_area(),
                );
                let line = format!(
                    "{} {} {area} {:.3}\n",
                    this_thread::id(),
                    registration.name(),
                    this_thread::cost_of_sched_getcpu(ROUNDS, CALLS),
                );
                let _ = io::stdout().write_all(line.as_bytes());
            });
        }
    });
    Status::Clean
}
