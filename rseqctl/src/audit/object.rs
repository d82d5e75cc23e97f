//! One ELF object.

use std::path::Path;

use tls_model::elf::{Bounded, Object, Source};

use super::options::Options;
use super::outcome::FileOutcome;
use super::problem::Problem;
use super::row::Row;

/// Audits one ELF object. Returns where it ends, in bytes. An error means that nothing of it could be used.
pub(super) fn audit_object(
    options: &Options,
    path: &Path,
    source: &dyn Source,
    file: &mut FileOutcome,
) -> Result<u64, Problem> {
    let source = Bounded::new(source);
    let object = Object::open(&source).map_err(Problem::from_elf)?;
    file.objects += 1;
    let report = rseq_code::read(&object);
    if options.all || report.mentions_rseq() {
        file.rows.push(Row::new(path, &report));
    }
    if source.is_spent() {
        file.complain(path, Problem::Endless);
    } else if let Some(problem) = Problem::from_damage(&report) {
        file.complain(path, problem);
    }
    if report.facts.is_intermediate {
        file.complain(path, Problem::INTERMEDIATE);
    }
    Ok(object.end())
}
