//! `rseqctl demo`: a program with many threads, run three times under `run`: as the libc
//! starts it, with the libc's registration switched off, and with the shim. Every
//! thread asks the kernel who has registered it.

use std::env;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Barrier, Mutex};
use std::thread;

use tls_model::protocol::variable::RSEQ_OFF;

use crate::error::Error;
use crate::exit::Status;
use crate::report::{Screen, StandardOutput};
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

/// Who is to register the threads of a run.
#[derive(Clone, Copy)]
struct Way {
    title: &'static str,
    mode: &'static str,
    /// What `GLIBC_TUNABLES` is set to.
    tunables: Option<&'static str>,
}

const LIBC: Way = Way {
    title: "The libc registers, where it does (rseqctl run --mode off)",
    mode: "off",
    tunables: None,
};
const NOBODY: Way = Way {
    title: "Nobody registers: the same with GLIBC_TUNABLES=glibc.pthread.rseq=0",
    mode: "off",
    tunables: Some(RSEQ_OFF),
};
const SHIM: Way = Way {
    title: "The shim registers (rseqctl run --mode own)",
    mode: "own",
    tunables: Some(RSEQ_OFF),
};

/// Runs the program in each way and prints the tables.
pub(super) fn run(request: DemoRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let (text, problem) = show(request.threads).map_err(Error::Demo)?;
    out.write_all(text.as_bytes()).map_err(Error::Output)?;
    problem.map_or(Ok(Status::Clean), |problem| Err(Error::DemoShows(problem)))
}

/// Returns what to print, and what went wrong, if anything did.
fn show(threads: u16) -> io::Result<(String, Option<&'static str>)> {
    let libc = run_under(LIBC, threads)?;
    let nobody = run_under(NOBODY, threads)?;
    let with = run_under(SHIM, threads)?;
    let mut text = String::new();
    for (way, rows) in [(LIBC, &libc), (NOBODY, &nobody), (SHIM, &with)] {
        let _ = writeln!(text, "{}\n\n{}", way.title, table(rows));
    }
    let figures = format!(
        "sched_getcpu, median over {threads} threads: {:.1} ns as the libc starts a program, \
         {:.1} ns where nobody registers, {:.1} ns with the shim\n",
        median(&libc),
        median(&nobody),
        median(&with),
    );
    text += &Screen::standard_output().fitted(&figures);
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

fn run_under(way: Way, threads: u16) -> io::Result<Vec<Row>> {
    let own = env::current_exe()?;
    let mut command = Command::new(&own);
    command
        .args(["run", "--mode", way.mode, "--"])
        .arg(&own)
        .args(["demo-program", "--threads", &threads.to_string()])
        .env_remove("LD_PRELOAD")
        .env_remove("GLIBC_TUNABLES")
        .stdout(Stdio::piped());
    if let Some(tunables) = way.tunables {
        command.env("GLIBC_TUNABLES", tunables);
    }
    let mut child = command.spawn()?;
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
            "the demo program under --mode {}: {status}",
            way.mode
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
