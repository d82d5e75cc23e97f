//! What `rseqctl doctor` takes, and what `rseqctl run` takes to decide: for a
//! program that does not use rseq, and for one that does, with the doctor's
//! answer remembered and without.
//!
//!     cargo run -p rseq-tests --bin bench_doctor -- RSEQCTL

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::scratch;

/// How often each is measured, in turn.
const TURNS: usize = 25;

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_doctor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), String> {
    let rseqctl = std::env::args().nth(1).ok_or("say where rseqctl is")?;
    let uses = built("kernel-field", "cpu-id-start")?;
    let cache = scratch::directory("cache")?;
    let plan = |program: &Path| -> Result<f64, String> {
        let plan = Program::new(&rseqctl).args(["run", "--dry-run", "--"]);
        took(plan.arg(program).env("XDG_CACHE_HOME", &cache))
    };
    let mut rows: [(&str, Vec<f64>); 4] = [
        ("rseqctl doctor", Vec::new()),
        ("run decides: program without rseq", Vec::new()),
        ("run decides: with rseq, kernel tested", Vec::new()),
        ("run decides: with rseq, remembered", Vec::new()),
    ];
    for _ in 0..TURNS {
        // nothing is remembered before the third, and its answer by the fourth
        let doctor = Program::new(&rseqctl).args(["doctor", "--fail-on", "never"]);
        let elsewhere = scratch::directory("elsewhere")?;
        rows[0]
            .1
            .push(took(doctor.env("XDG_CACHE_HOME", elsewhere))?);
        rows[1].1.push(plan(Path::new("/bin/true"))?);
        // an error: it was not there
        let _ = std::fs::remove_dir_all(cache.join("rseqctl"));
        rows[2].1.push(plan(&uses)?);
        rows[3].1.push(plan(&uses)?);
    }
    println!("{TURNS} turns\n\n| | median ms | min-max |\n|---|---|---|");
    for (name, mut values) in rows {
        values.sort_by(f64::total_cmp);
        println!(
            "| {name} | {:.0} | {:.0}-{:.0} |",
            values[values.len() / 2],
            values[0],
            values[values.len() - 1]
        );
    }
    Ok(())
}

/// Milliseconds.
fn took(program: Program) -> Result<f64, String> {
    let begin = Instant::now();
    let code = program.run()?.code();
    let took = begin.elapsed().as_secs_f64() * 1e3;
    // 3: something was not seen in time, on a busy machine
    if code == 0 || code == 3 {
        Ok(took)
    } else {
        Err(format!("exit status {code}"))
    }
}
