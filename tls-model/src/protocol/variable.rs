//! The names of environment variables, and of tunables in one of them.

/// What the names of the shim's variables begin with.
pub const PREFIX: &str = "RSEQ_SHIM_";

/// What the user asks for: a [`crate::owner::Mode`].
pub const MODE: &str = "RSEQ_SHIM_MODE";

/// Whether the loading rules are kept: `enforce`, `warn` or `off`.
pub const LOADING: &str = "RSEQ_SHIM_LOADING";

/// Where the shim says what it does: `off`, `stderr` or a path.
pub const LOG: &str = "RSEQ_SHIM_LOG";

/// The file to which the shim appends what it has counted.
pub const REPORT: &str = "RSEQ_SHIM_REPORT";

/// The file in which the shim counts ([`super::ledger`]); set by `rseqctl run`.
pub const LEDGER: &str = "RSEQ_SHIM_LEDGER";

/// What `rseqctl run` has decided ([`super::plan`]); set by it.
pub const PLAN: &str = "RSEQ_SHIM_PLAN";

/// Whether the shim may start a program once more, and whether it has
/// ([`super::restart`]): `off`, or what `rseqctl run` sets.
pub const RESTART: &str = "RSEQ_SHIM_RESTART";

/// Settings of glibc, separated by colons.
pub const TUNABLES: &str = "GLIBC_TUNABLES";

/// The libraries that the dynamic linker preloads.
pub const PRELOAD: &str = "LD_PRELOAD";

/// Where the dynamic linker looks for libraries first.
pub const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Whether glibc registers an area of its own (glibc 2.35).
pub const RSEQ_TUNABLE: &str = "glibc.pthread.rseq";

/// Bytes of static TLS kept for libraries that `dlopen` brings (glibc 2.33).
pub const STATIC_TLS_TUNABLE: &str = "glibc.rtld.optional_static_tls";

/// The entry of [`TUNABLES`] that switches the libc's registration off.
pub const RSEQ_OFF: &str = "glibc.pthread.rseq=0";
