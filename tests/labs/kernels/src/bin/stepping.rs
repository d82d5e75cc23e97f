//! Steps through everything in an emulated machine, and prints how many boundaries had a
//! signal:
//!
//!     stepping [WINDOW...]

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_lab_kernels::guest::kernels;
use rseq_lab_kernels::stepper::windows;
use rseq_lab_stepping::{HANDLERS, WINDOWS};

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let all = WINDOWS.map(|(window, ..)| window);
    let names: Vec<&str> = if chosen.is_empty() {
        all.to_vec()
    } else {
        chosen.iter().map(String::as_str).collect()
    };
    let rows = windows(&kernels::newest_for_aarch64(), &names, &HANDLERS);
    rseq_kit::scratch::remove();
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => {
            eprintln!("stepping: {error}");
            return ExitCode::from(2);
        }
    };
    println!("| window | world | handler | boundaries with a signal |\n|---|---|---|---|");
    let mut wrong = 0;
    for row in rows {
        let found = match &row.boundaries {
            Ok(count) => count.to_string(),
            Err(error) => {
                wrong += 1;
                eprintln!("{} {} {}: {error}", row.window, row.world, row.handler);
                "wrong".to_owned()
            }
        };
        println!(
            "| {} | {} | {} | {found} |",
            row.window, row.world, row.handler
        );
    }
    ExitCode::from(u8::from(wrong != 0))
}
