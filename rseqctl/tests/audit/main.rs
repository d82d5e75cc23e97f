//! `rseqctl audit` as a user runs it: the real binary over fixtures that the
//! system's compiler builds, over bad input, and over this machine's /usr.

mod command;
mod folder;
mod formats;
mod inputs;
mod output;
mod picks;
mod progress;
mod report;
mod restless;
mod usr;
