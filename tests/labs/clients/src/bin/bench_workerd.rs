//! What per-CPU caches are worth to a real server: workerd, which has TCMalloc
//! linked in, started as everybody starts it (glibc registers first, its caches
//! are off) and by `rseqctl run` (they are on), under a worker that allocates.
//!
//!     cargo run -p rseq-lab-clients --bin bench_workerd -- RSEQCTL

#![forbid(unsafe_code)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rseq_kit::child::{Program, Running};
use rseq_kit::trace;
use rseq_lab_clients::workerd;

/// How often both are measured.
const TURNS: usize = 11;
/// How long each time.
const SPAN: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 8;

/// Where the worker's text goes.
const CONFIG: &str = r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = "WORKER")],
  compatibilityDate = "2024-01-01",
);
"#;

/// Allocates in C++ and not only on the JavaScript heap: buffers of many sizes,
/// headers, URLs, text, a compressed stream. No double quotes: it goes into a
/// line of the configuration.
const WORKER: &str = r"
export default {
  async fetch(request) {
    const kept = [];
    for (let i = 0; i < 300; i++) {
      kept.push(new Uint8Array(16 + (i * 37) % 4000));
      if (kept.length > 64) kept.shift();
    }
    const headers = new Headers();
    for (let i = 0; i < 60; i++) headers.set('x-h-' + i, 'value ' + i);
    let length = 0;
    for (let i = 0; i < 60; i++) {
      const url = new URL('https://example.com/a/' + i + '?q=' + i);
      length += url.searchParams.get('q').length;
      length += new TextEncoder().encode(url.href).length;
    }
    const packed = new Blob(['x'.repeat(2000)]).stream()
      .pipeThrough(new CompressionStream('gzip'));
    const body = await new Response(packed).arrayBuffer();
    return new Response('done ' + (length + kept.length + body.byteLength * 0), { headers });
  }
};
";

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_workerd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), String> {
    let rseqctl = std::env::args().nth(1).ok_or("say where rseqctl is")?;
    let mut off = Server::start(Program::new(workerd::binary()?))?;
    let run = Program::new(&rseqctl).args(["run", "--"]);
    let mut on = Server::start(run.arg(workerd::binary()?))?;
    let (at_off, at_on) = (off.area()?, on.area()?);
    // the warm-up: the code is compiled, the caches are filled
    off.measure(SPAN)?;
    on.measure(SPAN)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        without.push(off.measure(SPAN)?);
        with.push(on.measure(SPAN)?);
    }
    println!("workerd, {CONNECTIONS} connections, {TURNS} turns of {SPAN:?} each");
    println!("registered: off {at_off:#x} (glibc's), on {at_on:#x} (its own)\n");
    println!(
        "| | caches off: median | min-max | on: median | min-max | on/off within a turn | min-max |"
    );
    println!("|---|---|---|---|---|---|---|");
    row("requests per second", &without, &with, |figure| figure.rate);
    row("CPU us per request", &without, &with, |figure| figure.cpu);
    Ok(())
}

fn row(name: &str, without: &[Figures], with: &[Figures], of: fn(&Figures) -> f64) {
    let (least, middle, most) = spread(without.iter().map(of).collect());
    print!("| {name} | {middle:.0} | {least:.0}-{most:.0} |");
    let (least, middle, most) = spread(with.iter().map(of).collect());
    print!(" {middle:.0} | {least:.0}-{most:.0} |");
    let ratios = with.iter().zip(without).map(|(on, off)| of(on) / of(off));
    let (least, middle, most) = spread(ratios.collect());
    println!(" {middle:.3} | {least:.3}-{most:.3} |");
}

/// Minimum, median, maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let middle = values[values.len() / 2];
    (values[0], middle, values[values.len() - 1])
}

struct Figures {
    /// Requests per second.
    rate: f64,
    /// CPU microseconds of the server per request.
    cpu: f64,
}

struct Server {
    running: Running,
    port: u16,
}

impl Server {
    fn start(program: Program) -> Result<Self, String> {
        let mut running = program
            .args(workerd::arguments_for(
                &CONFIG.replace("WORKER", &WORKER.replace('\n', " ")),
            )?)
            .limit(Duration::from_secs(600))
            .start()?;
        let port = running.wait_for_output(workerd::port)?;
        Ok(Self { running, port })
    }

    /// The area that the kernel holds for its main thread.
    fn area(&self) -> Result<u64, String> {
        trace::registration_of(self.running.id()).map(|it| it.rseq_abi_pointer)
    }

    fn measure(&mut self, span: Duration) -> Result<Figures, String> {
        let (port, end) = (self.port, Instant::now() + span);
        let (cpu, begin) = (self.cpu()?, Instant::now());
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| std::thread::spawn(move || ask_until(port, end)))
            .collect();
        let mut answers = 0;
        for client in clients {
            answers += client.join().map_err(|_| "a client panicked")??;
        }
        let took = begin.elapsed().as_secs_f64();
        let answers = f64::from(answers);
        Ok(Figures {
            rate: answers / took,
            cpu: (self.cpu()? - cpu) * 1e6 / answers,
        })
    }

    /// CPU seconds so far: user and system, in the kernel's ticks of 10 ms.
    fn cpu(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/stat", self.running.id());
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let after = text.rsplit_once(") ").ok_or("no stat")?.1;
        let mut words = after.split(' ').skip(11);
        let mut next = || words.next().and_then(|word| word.parse::<f64>().ok());
        match (next(), next()) {
            (Some(user), Some(system)) => Ok((user + system) / 100.0),
            _ => Err("no CPU time in stat".to_owned()),
        }
    }
}

/// Asks again and again on one connection; the number of answers.
fn ask_until(port: u16, end: Instant) -> Result<u32, String> {
    let say = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(say)?;
    stream.set_nodelay(true).map_err(say)?;
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).map_err(say)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(say)?);
    let mut answers = 0;
    while Instant::now() < end {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .map_err(say)?;
        let body = read_answer(&mut reader)?;
        if !body.starts_with(b"done ") {
            return Err(format!("wrong answer {:?}", String::from_utf8_lossy(&body)));
        }
        answers += 1;
    }
    Ok(answers)
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>, String> {
    let say = |error: std::io::Error| error.to_string();
    let (mut line, mut length, mut first) = (String::new(), None, true);
    loop {
        line.clear();
        reader.read_line(&mut line).map_err(say)?;
        let text = line.trim_end();
        if first && !text.contains(" 200 ") {
            return Err(format!("answered {text:?}"));
        }
        first = false;
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length.ok_or("an answer without a length")?];
    reader.read_exact(&mut body).map_err(say)?;
    Ok(body)
}
