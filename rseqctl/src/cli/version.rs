//! What `rseqctl --version` says: from what this executable was built.

/// For people who have to tell one build from another. The values come from the build
/// script.
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit:       ",
    env!("RSEQCTL_COMMIT_TEXT"),
    "\narchitecture: ",
    env!("RSEQCTL_ARCHITECTURE"),
    "\nlibraries:    ",
    env!("RSEQCTL_LIBRARIES_TEXT"),
);
