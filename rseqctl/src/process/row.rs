//! One process's line in machine formats.
//!
//! The schema in `schema/ps.schema.json` is made from these types.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::facts::{Evidence, SymbolName, TlsModel};

use super::area::AreaKind;
use super::mode::KernelMode;
use super::owner::ProcessOwner;
use crate::report::{FindingRow, Word};

/// What is said about one process.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl ps, one line of ndjson")]
#[non_exhaustive]
pub struct Row {
    /// Process id, in the pid namespace of rseqctl.
    pub pid: u32,
    /// The ids that it has in pid namespaces of its own, from the outermost to
    /// its own; empty where it has none.
    pub inner_pids: Vec<u32>,
    /// Its name, as the kernel has it (15 bytes at most).
    pub name: String,
    /// Effective user id.
    pub uid: u32,
    /// The unit of systemd that it is part of: the innermost service or scope of its
    /// control group.
    pub unit: Option<String>,
    /// Its control group: the unified one, else that of systemd.
    pub control_group: Option<String>,
    /// The program's path, as the process sees it.
    pub exe: Option<String>,
    /// The program's GNU build id in hexadecimal digits.
    pub build_id: Option<String>,
    /// Its command line.
    pub command: Vec<String>,
    /// The kinds of namespace in which it differs from rseqctl;
    /// null where that may not be read.
    pub other_namespaces: Option<Vec<&'static str>>,
    /// Who owns the registration of its threads; `none` where no thread is
    /// registered, `mixed` where threads differ, null where it is not known.
    pub owner: Option<ProcessOwner>,
    /// Why that is so, in a clause.
    pub because: String,
    /// Threads with a registration.
    pub registered: u64,
    /// Threads without one.
    pub unregistered: u64,
    /// Threads of which it is not known.
    pub unknown: u64,
    /// Its threads, by id.
    pub threads: Vec<ThreadRow>,
    /// The objects mapped that define an rseq symbol or use one.
    pub objects: Vec<ObjectRow>,
    /// What the rules say about it.
    pub findings: Vec<FindingRow>,
    /// What could not be told, and why.
    pub missing: Vec<String>,
    /// It is missing because this user may not inspect the process.
    pub not_permitted: bool,
}

/// One thread.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Thread")]
#[non_exhaustive]
pub struct ThreadRow {
    /// Thread id, in the pid namespace of rseqctl.
    pub tid: u32,
    /// Its name, as the kernel has it.
    pub name: String,
    /// Its state as the kernel has it: a letter, see proc_pid_status(5).
    pub state: String,
    /// Whether it is registered; null where that is not known.
    pub registered: Option<bool>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// The registered area's address, in hexadecimal digits after `0x`.
    pub address: Option<String>,
    /// Bytes that were registered.
    pub length: Option<u32>,
    /// The signature that abort handlers must have, as the address.
    pub signature: Option<String>,
    /// Whose memory the area is: an object's `__rseq_abi`, the libc's own
    /// area, librseq's, some thread-local storage of an object, or not known.
    pub area: Option<AreaKind>,
    /// The object that has it; for `unknown`, what lies at the address.
    pub object: Option<String>,
    /// Whether symbols prove that, or it is only likely.
    pub area_evidence: Option<Word<Evidence>>,
    /// The area's `cpu_id` now: the processor that the thread ran on last.
    pub cpu_id: Option<i32>,
    /// How the kernel keeps the area: `legacy` writes the ids whenever the
    /// thread was interrupted, `optimized` when they change.
    pub mode: Option<KernelMode>,
    /// Whether length and kernel prove that.
    pub mode_evidence: Option<Word<Evidence>>,
    /// Microseconds for which it stood still, at most; with `--verbose` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_us: Option<f64>,
}

/// An object that has to do with rseq.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Object")]
#[non_exhaustive]
pub struct ObjectRow {
    /// Its path, as the process sees it.
    pub path: String,
    /// Its GNU build id in hexadecimal digits.
    pub build_id: Option<String>,
    /// The path is gone by now.
    pub deleted: bool,
    /// The `__rseq_abi` that it defines: others see it, they do not, or they
    /// do not and there is no symbol left to prove it.
    pub defines: Option<Definition>,
    /// The rseq symbols that it defines.
    pub provides: Vec<Word<SymbolName>>,
    /// The rseq symbols that it refers to, or asks for by name.
    pub uses: Vec<Word<SymbolName>>,
    /// How it accesses `__rseq_abi`.
    pub tls_model: Option<Word<TlsModel>>,
    /// Number of critical section descriptors.
    pub critical_sections: u64,
    /// Whether it could still be unloaded.
    pub unloadable: bool,
    /// Why, or why not.
    pub unloadable_because: &'static str,
}

/// How an object defines `__rseq_abi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Definition {
    /// Others see it.
    Exported,
    /// Others do not see it.
    Hidden,
    /// Others do not see it, and no symbol is left to prove it.
    LikelyHidden,
}

impl Definition {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Hidden => "hidden",
            Self::LikelyHidden => "likely-hidden",
        }
    }
}
