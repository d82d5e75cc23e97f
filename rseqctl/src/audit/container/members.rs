//! What is done with the members of a container, and with what is wrong with them.

use std::io::{self, Read};

use super::bytes::Bytes;
use super::member_path::MemberPath;
use crate::audit::budget::Budget;
use crate::audit::outcome::FileOutcome;
use crate::audit::problem::Problem;

/// Audits the members of a container. A container inside another is one of them, so
/// what reads a container is handed this and does not know how the others are read.
pub(super) trait Members {
    /// Audits a member that stands unpacked in something that can be read at any
    /// offset: no copy is needed.
    fn part(
        &self,
        place: &MemberPath,
        bytes: Bytes<'_>,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()>;

    /// Audits a member that can only be read once, from front to back.
    fn stream(
        &self,
        place: &MemberPath,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()>;
}

/// Reports what is wrong with a member under its own name, and its container goes
/// on; a limit that is exceeded ends everything.
pub(super) fn told(
    done: io::Result<()>,
    place: &MemberPath,
    budget: &Budget,
    file: &mut FileOutcome,
) -> io::Result<()> {
    match done {
        Err(error) if budget.exceeded().is_none() => {
            file.complain(&place.path, Problem::from_container(&error, budget));
            Ok(())
        }
        other => other,
    }
}
