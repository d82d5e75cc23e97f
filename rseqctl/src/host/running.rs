//! The programs that run on this host, as far as the doctor reports them.

use schemars::JsonSchema;
use serde::Serialize;

/// What was found of the programs that run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Running {
    /// Processes that were inspected.
    pub inspected: u64,
    /// Processes of others, which this user may not inspect.
    pub not_permitted: u64,
    /// Those that bring an area of their own and were refused its registration.
    pub refused: Vec<RunningProgram>,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RunningProgram {
    /// Its process id.
    pub pid: u32,
    /// Its name, as the kernel has it.
    pub name: String,
    /// The unit of systemd that it is part of.
    pub unit: Option<String>,
}

impl RunningProgram {
    pub(crate) fn new(pid: u32, name: &str, unit: Option<&str>) -> Self {
        Self {
            pid,
            name: name.to_owned(),
            unit: unit.map(str::to_owned),
        }
    }
}
