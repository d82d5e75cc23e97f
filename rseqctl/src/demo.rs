//! `rseqctl demo`: a program with many threads, run twice under `run`: once
//! with glibc's registration switched off and no shim, once with the shim. The
//! kernel is asked about every thread.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Barrier, Mutex};
use std::thread;

use tls_model::rseq::PtraceConfiguration;

use crate::cli::DemoArgs;
use crate::exit::Status;
use crate::sys::{dynamic, ptrace, thread as this_thread};

const ROUNDS: u32 = 7;
const CALLS: u32 = 200_000;

/// Runs the program twice and prints both tables.
#[must_use]
pub fn main(args: &DemoArgs) -> ExitCode {
    match show(args.threads) {
        Ok(()) => Status::Clean.into(),
        Err(error) => {
            eprintln!("rseqctl: demo: {error}");
            Status::Nothing.into()
        }
    }
}

fn show(threads: u16) -> io::Result<()> {
    let without = run("off", threads)?;
    println!("Nobody registers: glibc.pthread.rseq=0, no shim (rseqctl run --mode off)\n");
    print(&without);
    let with = run("own", threads)?;
    println!("\nThe shim registers every thread (rseqctl run --mode own)\n");
    print(&with);
    let (slow, fast) = (median(&without), median(&with));
    println!(
        "\nsched_getcpu, median over {} threads: {slow:.1} ns without, {fast:.1} ns with: {:.1} times as fast",
        with.len(),
        slow / fast
    );
    let registered = with
        .iter()
        .filter(|row| row.registered_by == Registrant::Shared)
        .count();
    println!(
        "threads registered by the shim: {registered} of {}",
        with.len()
    );
    if registered < with.len() {
        return Err(io::Error::other(
            "not every thread was registered; rseqctl run --dry-run --mode own -- COMMAND says what was planned",
        ));
    }
    Ok(())
}

/// One thread of the program, and what the kernel said about it.
struct Row {
    thread: u32,
    registered_by: Registrant,
    area: u64,
    length: u32,
    nanoseconds: f64,
}

/// To whom a registered area belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registrant {
    /// No area is registered.
    Nobody,
    /// `__rseq_abi`.
    Shared,
    /// glibc's own area.
    Libc,
    /// Something else.
    Unknown,
    /// The kernel did not say.
    NotToBeSeen,
}

impl Registrant {
    fn text(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Shared => "the shim: __rseq_abi",
            Self::Libc => "glibc",
            Self::Unknown => "unknown",
            Self::NotToBeSeen => "? (ptrace denied)",
        }
    }
}

fn run(mode: &str, threads: u16) -> io::Result<Vec<Row>> {
    let own = env::current_exe()?;
    let mut child = Command::new(&own)
        .args(["run", "--mode", mode, "--"])
        .arg(&own)
        .args(["demo-program", "--threads", &threads.to_string()])
        .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
        .env_remove("LD_PRELOAD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no pipe"))?;
    let mut rows = Vec::new();
    for line in BufReader::new(output).lines().take(usize::from(threads)) {
        rows.push(look(&line?)?);
    }
    // the program ends when its standard input does
    drop(child.stdin.take());
    let status = child.wait()?;
    if !status.success() || rows.len() < usize::from(threads) {
        return Err(io::Error::other(format!(
            "the demo program under --mode {mode}: {status}"
        )));
    }
    Ok(rows)
}

/// Asks the kernel about the thread that printed this line.
fn look(line: &str) -> io::Result<Row> {
    let broken = || io::Error::other(format!("the demo program printed {line:?}"));
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or_else(broken);
    let thread = word()?.parse().map_err(|_| broken())?;
    let shared: u64 = word()?.parse().map_err(|_| broken())?;
    let libc: u64 = word()?.parse().map_err(|_| broken())?;
    let nanoseconds = word()?.parse().map_err(|_| broken())?;
    let (registered_by, configuration) = match ptrace::registration(thread) {
        Err(_) => (Registrant::NotToBeSeen, PtraceConfiguration::default()),
        Ok(configuration) => {
            let registrant = match configuration.rseq_abi_pointer {
                0 => Registrant::Nobody,
                area if area == shared => Registrant::Shared,
                area if area == libc => Registrant::Libc,
                _ => Registrant::Unknown,
            };
            (registrant, configuration)
        }
    };
    Ok(Row {
        thread,
        registered_by,
        area: configuration.rseq_abi_pointer,
        length: if configuration.rseq_abi_pointer == 0 {
            0
        } else {
            configuration.rseq_abi_size
        },
        nanoseconds,
    })
}

fn print(rows: &[Row]) {
    println!(
        "  {:>8}  {:<21}  {:<14}  {:>6}  sched_getcpu",
        "thread", "registered by", "area", "length"
    );
    for row in rows {
        let area = if row.area == 0 {
            "-".to_owned()
        } else {
            format!("{:#x}", row.area)
        };
        println!(
            "  {:>8}  {:<21}  {area:<14}  {:>6}  {:>9.1} ns",
            row.thread,
            row.registered_by.text(),
            row.length,
            row.nanoseconds
        );
    }
}

fn median(rows: &[Row]) -> f64 {
    let mut costs: Vec<f64> = rows.iter().map(|row| row.nanoseconds).collect();
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The program itself: every thread says its id, where `__rseq_abi` and glibc's
/// area would be, and what `sched_getcpu` costs it; all stay until standard
/// input ends.
#[must_use]
pub fn program(args: &DemoArgs) -> ExitCode {
    // one thread measures at a time, so that they do not measure each other
    let turn = Mutex::new(());
    let everybody = Barrier::new(usize::from(args.threads) + 1);
    thread::scope(|scope| {
        for _ in 0..args.threads {
            scope.spawn(|| {
                if let Ok(_turn) = turn.lock() {
                    let line = format!(
                        "{} {} {} {:.3}\n",
                        this_thread::id(),
                        dynamic::address_of(c"__rseq_abi").unwrap_or_default(),
                        dynamic::libc_area().unwrap_or_default(),
                        this_thread::cost_of_sched_getcpu(ROUNDS, CALLS),
                    );
                    let _ = io::stdout().write_all(line.as_bytes());
                }
                everybody.wait();
            });
        }
        let _ = io::stdin().read_to_end(&mut Vec::new());
        everybody.wait();
    });
    ExitCode::SUCCESS
}
