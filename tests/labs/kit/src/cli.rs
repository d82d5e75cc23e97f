//! The command line that every lab has.

use std::process::ExitCode;

use clap::Parser;
use rseq_kit::scratch;

use crate::alone;
use crate::need::missing_packages;
use crate::row::Row;
use crate::table::{self, Tally};
use crate::told::Told;

/// Which rows, and what to do with them.
#[derive(Clone, Debug, Default, Parser)]
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
    alone::run(|| {
        let status = choice.run(rows);
        scratch::remove();
        status
    })
}

impl Choice {
    /// Whether the row of this name is to be run.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.beginnings.is_empty() || self.beginnings.iter().any(|it| name.starts_with(it))
    }

    /// Prints what is asked about these rows; `None` where they are to be run.
    /// Otherwise the exit status.
    #[must_use]
    pub fn tell(&self, rows: &[Told]) -> Option<u8> {
        if self.packages {
            for package in missing_packages(rows.iter().flat_map(|row| row.needs)) {
                println!("{package}");
            }
            return Some(0);
        }
        if self.rows {
            println!("| row | asks |\n|---|---|");
            for row in rows {
                println!("| {} | {} |", row.name, row.asks);
            }
            return Some(0);
        }
        if rows.is_empty() {
            eprintln!("no row begins so");
            return Some(2);
        }
        None
    }

    fn run(&self, mut rows: Vec<Row>) -> u8 {
        rows.retain(|row| self.takes(row.name));
        let told: Vec<_> = rows.iter().map(Row::told).collect();
        if let Some(status) = self.tell(&told) {
            return status;
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
