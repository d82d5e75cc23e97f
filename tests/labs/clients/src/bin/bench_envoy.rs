//! What per-CPU caches are worth to Envoy, and where they are not: started as everybody
//! starts it (glibc registers first, its caches are off) and by `rseqctl run` (they are
//! on). Both are loaded at the same time, so that other work on the machine meets both.
//!
//!     cargo run -p rseq-lab-clients --bin bench_envoy -- RSEQCTL

#![forbid(unsafe_code)]

use std::fs;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use rseq_kit::child::{Program, Running};
use rseq_kit::needs::program;
use rseq_lab_clients::envoy::{self, Route, Start};

/// How often both are measured, and for how many seconds each time.
const TURNS: usize = 5;
const SECONDS: u32 = 4;

/// Bytes of a small answer and of a large one.
const SMALL: usize = 5;
const LARGE: usize = 64 << 10;

/// A load: its name, threads that serve, connections, bytes of an answer, whether it is
/// passed on to another server, and whether each request has a connection of its own.
type Load = (&'static str, u32, u32, usize, bool, bool);

const LOADS: [Load; 7] = [
    ("small answers, 1 thread", 1, 32, SMALL, false, false),
    ("passed on, 2 threads", 2, 32, SMALL, true, false),
    (
        "passed on, 2 threads, a connection each",
        2,
        32,
        SMALL,
        true,
        true,
    ),
    ("passed on, 64 KiB, 2 threads", 2, 32, LARGE, true, false),
    ("small answers, 16 threads", 16, 64, SMALL, false, false),
    ("passed on, 64 KiB, 16 threads", 16, 64, LARGE, true, false),
    ("64 KiB, 64 threads", 64, 128, LARGE, false, false),
];

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_envoy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), String> {
    let rseqctl = std::env::args().nth(1).ok_or("say where rseqctl is")?;
    println!("Envoy, {TURNS} turns of {SECONDS} s, caches on against off within a turn\n");
    println!("| load | CPU per request, on/off | min-max | memory, off | on/off | min-max |");
    println!("|---|---|---|---|---|---|");
    for load in LOADS {
        measure(&rseqctl, load)?;
    }
    Ok(())
}

fn measure(rseqctl: &str, load: Load) -> Result<(), String> {
    let (name, workers, connections, bytes, passed_on, churn) = load;
    let next = passed_on
        .then(|| Server::start(Program::new(envoy::binary()?), Route::Direct(bytes), 1))
        .transpose()?;
    let route = next
        .as_ref()
        .map_or(Route::Direct(bytes), |next| Route::Proxy(next.port));
    let run = Program::new(rseqctl).args(["run", "--"]);
    let off = Server::start(Program::new(envoy::binary()?), route, workers)?;
    let on = Server::start(run.arg(envoy::binary()?), route, workers)?;
    let (mut cpu, mut memory, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| off.load(connections, churn));
            let other = on.load(connections, churn);
            (one.join(), other)
        });
        let (one, other) = (one.map_err(|_| "a load panicked")??, other?);
        // the first turn fills the caches
        if turn != 0 {
            cpu.push(other.cpu / one.cpu);
            memory.push(other.memory / one.memory);
            without.push(one.memory / 1024.0);
        }
    }
    let (least, middle, most) = spread(cpu);
    print!("| {name} | {middle:.2} | {least:.2}-{most:.2} |");
    print!(" {:.0} MB |", spread(without).1);
    let (least, middle, most) = spread(memory);
    println!(" {middle:.2} | {least:.2}-{most:.2} |");
    Ok(())
}

/// Minimum, median, maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let middle = values[values.len() / 2];
    (values[0], middle, values[values.len() - 1])
}

struct Figures {
    /// Ticks of CPU time of the server per request.
    cpu: f64,
    /// Its resident memory in KiB.
    memory: f64,
}

struct Server {
    running: Running,
    port: u16,
}

impl Server {
    fn start(program: Program, route: Route, workers: u32) -> Result<Self, String> {
        let start = Start::new(route, workers)?;
        let running = program
            .args(&start.arguments)
            .limit(Duration::from_secs(600))
            .start()?;
        let port = start.port()?;
        Ok(Self { running, port })
    }

    fn load(&self, connections: u32, churn: bool) -> Result<Figures, String> {
        let before = self.ticks()?;
        let wrk = Program::new(program("wrk")?)
            .args([
                "-t1".to_owned(),
                format!("-c{connections}"),
                format!("-d{SECONDS}s"),
            ])
            .args(churn.then_some("-HConnection: close"))
            .arg(format!("http://127.0.0.1:{}/", self.port))
            .limit(Duration::from_secs(120))
            .run()?
            .expect(0)?;
        let requests = wrk.out.lines().find(|line| line.contains(" requests in "));
        let requests: f64 = requests
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .filter(|requests| *requests > 0.0)
            .ok_or_else(|| format!("wrk says {}", wrk.out))?;
        Ok(Figures {
            cpu: (self.ticks()? - before) / requests,
            memory: self.memory()?,
        })
    }

    fn file(&self, name: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{name}", self.running.id());
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }

    /// User and system time of all its threads.
    fn ticks(&self) -> Result<f64, String> {
        let stat = self.file("stat")?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let number = |index| {
            let field = fields.split_whitespace().nth(index);
            field.and_then(|field| field.parse::<f64>().ok())
        };
        number(11)
            .zip(number(12))
            .map(|(user, system)| user + system)
            .ok_or_else(|| format!("no times: {stat}"))
    }

    fn memory(&self) -> Result<f64, String> {
        let status = self.file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| "no VmRSS".to_owned())
    }
}
