//! What `rseqctl run` and the shim agree on: the names of variables and of the
//! library files, the plan that is handed over, and the ledger that comes back.

pub mod installed;
pub mod ledger;
pub mod plan;
pub mod restart;
pub mod variable;

pub use plan::{HandedPlan, Settings};

/// The library with the `__rseq_abi` of last resort: its `DT_SONAME`, and the name of the
/// file that programs and the shim ask for.
pub const ABI_LIBRARY: &str = "librseq_abi.so.1";

/// The preload, as `LD_PRELOAD` names it. Its `DT_SONAME` has a number behind it.
pub const SHIM_LIBRARY: &str = "librseq_shim.so";
