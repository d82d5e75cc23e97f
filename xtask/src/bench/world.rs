//! What is measured, in which worlds.

use std::path::{Path, PathBuf};

use super::counter::Counter;

/// Who registers, and with which preload.
pub(super) struct World {
    pub(super) name: &'static str,
    pub(super) libc_registers: bool,
    pub(super) preload: Preload,
}

#[derive(Clone, Copy)]
pub(super) enum Preload {
    Nothing,
    /// A library with nothing in it.
    Empty,
    /// A library with 64 bytes of thread-local storage.
    Storage,
    /// `librseq_abi.so` alone.
    Abi,
    /// The shim in this mode.
    Shim(&'static str),
}

/// The first one is the floor that the others are measured against.
pub(super) const WORLDS: [World; 5] = [
    World {
        name: "glibc registers, no shim",
        libc_registers: true,
        preload: Preload::Nothing,
    },
    World {
        name: "glibc registers, 64 bytes of TLS preloaded",
        libc_registers: true,
        preload: Preload::Storage,
    },
    World {
        name: "glibc registers, shim passive",
        libc_registers: true,
        preload: Preload::Shim("auto"),
    },
    World {
        name: "nobody registers, no shim",
        libc_registers: false,
        preload: Preload::Nothing,
    },
    World {
        name: "the shim registers",
        libc_registers: false,
        preload: Preload::Shim("own"),
    },
];

/// What is measured, and with what.
pub(super) struct Bench<'a> {
    /// `tests/bench/cost.c`, built.
    pub(super) cost: PathBuf,
    /// `tests/bench/start.c`, built.
    pub(super) start: PathBuf,
    /// `tests/bench/client.c`, built.
    pub(super) client: PathBuf,
    /// `tests/bench/again.c`, built.
    pub(super) again: PathBuf,
    /// `tests/bench/starts.c`, built.
    pub(super) starts: PathBuf,
    /// Libraries to open, and the program's RUNPATH.
    pub(super) folder: PathBuf,
    pub(super) empty: PathBuf,
    pub(super) storage: PathBuf,
    pub(super) shim: &'a Path,
    pub(super) counter: Counter,
}

impl Bench<'_> {
    /// The variables that make a world.
    pub(super) fn variables(&self, world: &World) -> Vec<(&'static str, String)> {
        let registers = u8::from(world.libc_registers);
        let mut variables = vec![("GLIBC_TUNABLES", format!("glibc.pthread.rseq={registers}"))];
        match world.preload {
            Preload::Nothing => {}
            Preload::Empty => variables.push(("LD_PRELOAD", self.empty.display().to_string())),
            Preload::Storage => {
                variables.push(("LD_PRELOAD", self.storage.display().to_string()));
            }
            Preload::Abi => {
                let abi = self.shim.with_file_name("librseq_abi.so.1");
                variables.push(("LD_PRELOAD", abi.display().to_string()));
            }
            Preload::Shim(mode) => {
                variables.push(("LD_PRELOAD", self.shim.display().to_string()));
                variables.push(("RSEQ_SHIM_MODE", mode.to_owned()));
            }
        }
        variables
    }
}
