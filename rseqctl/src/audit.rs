//! `rseqctl audit`.

use crate::cli::AuditArgs;
use crate::exit::Status;

/// Audits the paths.
#[must_use]
pub fn main(_args: &AuditArgs) -> Status {
    Status::Nothing
}
