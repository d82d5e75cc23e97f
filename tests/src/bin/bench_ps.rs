//! What `rseqctl ps` costs: the host, and the threads that it stops.
//!
//! `cargo xtask bench-ps` builds it and the command, and runs it. Its argument is
//! the command.

#![forbid(unsafe_code)]

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rseq_kit::child::{Program, Running};
use rseq_kit::fixture::built;
use rseq_kit::needs::{program, python};
use rseq_lab_clients::workerd;
use serde_json::Value;

/// How often each measurement is made.
const TURNS: usize = 9;

/// Programs: how many of each, and threads besides the main one.
const SLEEPS: usize = 100;
const PYTHONS: usize = 50;
const IDLES: usize = 150;
const THREADS: usize = 31;

const LIMIT: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    let Some(rseqctl) = std::env::args().nth(1) else {
        eprintln!("usage: bench_ps RSEQCTL");
        return ExitCode::from(2);
    };
    match host(&rseqctl).and_then(|()| server(&rseqctl)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_ps: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(program: Program) -> Result<Running, String> {
    program.input(Stdio::piped()).limit(LIMIT).start()
}

/// A host's worth of processes, by their ids.
fn host(rseqctl: &str) -> Result<(), String> {
    let mut running = Vec::new();
    for _ in 0..SLEEPS {
        running.push(start(Program::new(program("sleep")?).arg("900"))?);
    }
    let waits = "import sys; print('ready', flush=True); sys.stdin.read()";
    let mut ready = Vec::new();
    for _ in 0..PYTHONS {
        ready.push(start(Program::new(python()?).args(["-c", waits]))?);
    }
    let idle = built("idle", "dynamic")?;
    for _ in 0..IDLES {
        ready.push(start(Program::new(&idle).arg(THREADS.to_string()))?);
    }
    for one in &mut ready {
        one.wait_for_output(|text| text.contains("ready").then_some(()))?;
    }
    running.append(&mut ready);
    let ids: Vec<_> = running.iter().map(|one| one.id().to_string()).collect();
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        turns.push(look(rseqctl, &ids)?);
    }
    let first = &turns[0];
    println!(
        "{} processes, {} threads, {TURNS} turns",
        first["processes"], first["threads"]
    );
    println!("| | median | min-max |\n|---|---|---|");
    for (name, words, unit, digits) in FIGURES {
        let (least, middle, most) = spread(turns.iter().map(|turn| number(turn, name)).collect());
        println!(
            "| {words} | {middle:.digits$} {unit} | {least:.digits$}-{most:.digits$} {unit} |"
        );
    }
    Ok(())
}

/// What is printed: name, words, unit, digits.
const FIGURES: [(&str, &str, &str, usize); 6] = [
    ("wall", "rseqctl ps, from start to end", "s", 3),
    ("cpu", "rseqctl ps, processor time", "s", 2),
    (
        "median_us",
        "a thread's stop, from the interrupt on: median",
        "us",
        1,
    ),
    ("max_us", "the same: longest", "us", 1),
    (
        "seen_median_us",
        "a thread's stop, from when it was seen: median",
        "us",
        1,
    ),
    ("seen_max_us", "the same: longest", "us", 1),
];

/// What was counted, with the seconds that it took.
fn look(rseqctl: &str, ids: &[String]) -> Result<Value, String> {
    let (begin, before) = (Instant::now(), children_time()?);
    let finished = Program::new(rseqctl)
        .args(["ps", "--format", "json", "--verbose"])
        .args(if ids.is_empty() { &["--all"][..] } else { &[] })
        .args(ids)
        .run()?;
    let wall = begin.elapsed().as_secs_f64();
    let document: Value = serde_json::from_str(&finished.out)
        .map_err(|error| format!("{error}: {}", finished.err))?;
    let mut tally = document["tally"].clone();
    tally["stops"]["wall"] = wall.into();
    tally["stops"]["cpu"] = (children_time()? - before).into();
    Ok(tally)
}

/// Processor time of the children that have ended, in seconds (proc_pid_stat(5),
/// fields 16 and 17; a tick is a hundredth of a second on every Linux).
fn children_time() -> Result<f64, String> {
    let text = std::fs::read_to_string("/proc/self/stat").map_err(|error| error.to_string())?;
    let rest = text
        .rsplit_once(") ")
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let ticks = rest.split(' ').skip(13).take(2);
    Ok(ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0)
}

fn number(tally: &Value, name: &str) -> f64 {
    tally["stops"][name].as_f64().unwrap_or(f64::NAN)
}

/// A server's answers per second, with nobody looking at it and with somebody
/// who looks all the time, in turn.
fn server(rseqctl: &str) -> Result<(), String> {
    let mut running = Program::new(workerd::binary()?)
        .args(workerd::arguments()?)
        .limit(LIMIT)
        .start()?;
    let port = running.wait_for_output(workerd::port)?;
    let (mut alone, mut watched, mut looks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        alone.push(answers(port)?);
        // what it knows about the program's file is kept from look to look
        let mut watch = Program::new(rseqctl)
            .args(["ps", "--watch=0.1", "--format", "ndjson"])
            .arg(running.id().to_string())
            .limit(LIMIT)
            .start()?;
        let seen = |text: &str| text.lines().count();
        let before = watch.wait_for_output(|text| Some(seen(text)).filter(|looks| *looks > 0))?;
        watched.push(answers(port)?);
        looks += watch.wait_for_output(|text| Some(seen(text)))? - before;
        watch.terminate();
        watch.finish()?;
    }
    let ratios = watched.iter().zip(&alone).map(|(one, other)| one / other);
    let ratio = spread(ratios.collect());
    let (alone, watched) = (spread(alone), spread(watched));
    println!("\nworkerd, 8 connections, {looks} looks at it, no answer lost");
    println!("| | answers per second | min-max |\n|---|---|---|");
    for (words, (least, middle, most)) in [("nobody looks", alone), ("rseqctl ps looks", watched)] {
        println!("| {words} | {middle:.0} | {least:.0}-{most:.0} |");
    }
    let (least, middle, most) = ratio;
    println!("| ratio within a turn | {middle:.3} | {least:.3}-{most:.3} |");
    Ok(())
}

/// Answers per second; an answer that is missing is an error.
fn answers(port: u16) -> Result<f64, String> {
    const CONNECTIONS: u32 = 8;
    const EACH: u32 = 250;

    let begin = Instant::now();
    let answers = workerd::ask(port, CONNECTIONS, EACH)?;
    let all = (CONNECTIONS * EACH) as usize;
    let right = answers
        .iter()
        .filter(|(path, answer)| **answer == format!("HTTP/1.1 200 OK you asked for {path}"));
    if right.count() != all {
        return Err("an answer is missing or wrong".to_owned());
    }
    Ok(f64::from(CONNECTIONS * EACH) / begin.elapsed().as_secs_f64())
}

/// Minimum, median, maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    )
}
