//! The command line that every lab has.

use std::process::ExitCode;

use clap::Parser;
use rseq_kit::scratch;

use crate::need::missing_packages;
use crate::row::Row;
use crate::table::{self, Tally};

/// Which rows, and what to do with them.
#[derive(Debug, Default, Parser)]
pub struct Choice {
    /// Only rows whose name begins so (may be given again)
    #[arg(long = "row", value_name = "BEGINNING")]
    beginnings: Vec<String>,
    /// Say what each row asks, and run none
    #[arg(long)]
    rows: bool,
    /// Say which Debian packages the rows need and this machine lacks, and run none
    #[arg(long)]
    packages: bool,
}

/// The `main` of a lab that consists of rows.
#[must_use]
pub fn main(rows: Vec<Row>) -> ExitCode {
    let choice = Choice::parse();
    let status = choice.run(rows);
    scratch::remove();
    ExitCode::from(status)
}

impl Choice {
    fn run(&self, mut rows: Vec<Row>) -> u8 {
        rows.retain(|row| {
            self.beginnings.is_empty() || self.beginnings.iter().any(|it| row.name.starts_with(it))
        });
        if self.packages {
            for package in missing_packages(rows.iter().flat_map(Row::all_needs)) {
                println!("{package}");
            }
            return 0;
        }
        if self.rows {
            println!("| row | asks |\n|---|---|");
            for row in &rows {
                println!("| {} | {} |", row.name, row.asks);
            }
            return 0;
        }
        if rows.is_empty() {
            eprintln!("no row begins so");
            return 2;
        }
        println!("{}", table::head());
        let mut tally = Tally::default();
        for row in rows {
            let answer = row.ask();
            println!("{}", table::line(&answer));
            tally.add(&answer.verdict);
        }
        println!("\n{tally}");
        tally.exit_status()
    }
}
