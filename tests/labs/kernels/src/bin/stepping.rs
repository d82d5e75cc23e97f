//! Steps through everything in an emulated machine, and prints how many boundaries had a
//! signal:
//!
//!     stepping [WINDOW...]

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_lab_kernels::guest::kernels;
use rseq_lab_kernels::stepper::{Row, windows};
use rseq_lab_stepping::{HANDLERS, WINDOWS};

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let mut names: Vec<&str> = WINDOWS.map(|(window, ..)| window).to_vec();
    names.dedup();
    names.retain(|name| chosen.is_empty() || chosen.iter().any(|it| it == name));
    println!("| window | world | handler | boundaries with a signal |\n|---|---|---|---|");
    let mut wrong = 0;
    for name in names {
        // a machine for each: it has half an hour for all that it is told
        match windows(&kernels::newest_for_aarch64(), &[name], &HANDLERS) {
            Ok(rows) => wrong += rows.iter().filter(|row| !tell(row)).count(),
            Err(error) => {
                wrong += 1;
                eprintln!("{name}: {error}");
            }
        }
    }
    rseq_kit::scratch::remove();
    ExitCode::from(u8::from(wrong != 0))
}

/// Prints a row; returns whether it is right.
fn tell(row: &Row) -> bool {
    let found = match &row.boundaries {
        Ok(count) => count.to_string(),
        Err(error) => {
            eprintln!("{} {} {}: {error}", row.window, row.world, row.handler);
            "wrong".to_owned()
        }
    };
    println!(
        "| {} | {} | {} | {found} |",
        row.window, row.world, row.handler
    );
    row.boundaries.is_ok()
}
