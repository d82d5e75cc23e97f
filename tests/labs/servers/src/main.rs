//! Real servers: what one request costs without the shim and with it, in
//! instructions of the thread that serves it and in requests per second.

#![forbid(unsafe_code)]

mod client;
mod count;
mod figures;
mod measure;
mod server;

use std::process::ExitCode;

use clap::Parser;
use rseq_kit::needs::Prerequisite as _;
use rseq_kit::scratch;
use rseq_lab::Verdict;
use rseq_lab::alone;
use rseq_lab::cli::Choice;
use rseq_lab::table::{Tally, verdict_cell};
use rseq_lab::told::Told;

use crate::server::{SERVERS, Server};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    choice: Choice,
    /// How often each server is started in each world
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut servers: Vec<_> = SERVERS.iter().collect();
    servers.retain(|server| cli.choice.takes(server.name));
    let told: Vec<_> = servers.iter().map(|server| told(server)).collect();
    alone::run(|| {
        let told = cli.choice.tell(&told);
        let status = told.unwrap_or_else(|| run(&servers, cli.rounds));
        scratch::remove();
        status
    })
}

fn told(server: &Server) -> Told<'_> {
    Told {
        name: server.name,
        asks: server.request,
        needs: server.needs,
    }
}

fn run(servers: &[&Server], rounds: u32) -> u8 {
    println!("{}", figures::head());
    let mut tally = Tally::default();
    for server in servers {
        let missing = server.needs.iter().find_map(|need| need.check().err());
        let (cells, verdict) = match missing {
            Some(missing) => (figures::cells(&Vec::new()), Verdict::Skipped(missing)),
            None => match measure::measure(server, rounds) {
                Ok(worlds) => (figures::cells(&worlds), figures::judge(&worlds)),
                Err(why) => (figures::cells(&Vec::new()), Verdict::Undecided(why)),
            },
        };
        let Server { name, request, .. } = server;
        println!(
            "| {name} | {request} | {cells} {} |",
            verdict_cell(&verdict)
        );
        tally.add(&verdict);
    }
    println!("\n{tally}");
    tally.exit_status()
}
