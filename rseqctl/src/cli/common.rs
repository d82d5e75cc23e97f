//! What several subcommands take.

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use clap::Args;
use tls_model::rules::RuleId;

use crate::report::lookup::{self, Meaning};
use crate::report::{Filter, Fleet};

/// What `--fleet` takes: for all subcommands the same.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct FleetArgs {
    /// Begin every row (ndjson) and document (json) with the host's keys: host (NAME, else the
    /// machine id), hostname, boot, time
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    fleet: Option<OsString>,
}

impl From<FleetArgs> for Fleet {
    fn from(args: FleetArgs) -> Self {
        args.fleet
            .map_or_else(Self::default, |name| Self::named(name.to_string_lossy()))
    }
}

/// Which findings are reported.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RuleArgs {
    /// Only findings of this rule, and only what has one
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub(super) rule: Vec<RuleId>,
    /// No findings of this rule
    #[arg(long, value_name = "RULE", value_parser = rule)]
    ignore: Vec<RuleId>,
}

/// A word that names no rule; words like it that do.
#[derive(Debug)]
pub(super) struct NoSuchRule(Vec<&'static str>);

impl fmt::Display for NoSuchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0[..] {
            [] => f.write_str("no such rule; rseqctl explain lists them"),
            _ => write!(f, "no such rule; did you mean {}?", self.0.join(", ")),
        }
    }
}

impl std::error::Error for NoSuchRule {}

/// Reads the name of a rule.
pub(super) fn rule(text: &str) -> Result<RuleId, NoSuchRule> {
    match lookup::find(text) {
        Some(Meaning::Rule(rule)) => Ok(rule.id),
        _ => Err(NoSuchRule(lookup::near_rules(text))),
    }
}

impl From<RuleArgs> for Filter {
    fn from(args: RuleArgs) -> Self {
        Self {
            only: args.rule,
            ignored: args.ignore,
            ..Self::default()
        }
    }
}

/// Seconds between two looks.
pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().map_err(|_| "not a number")?;
    if (0.1..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("not between 0.1 and 86400")
    }
}
