//! `rseqctl audit`: which objects define or use `__rseq_abi`, and how.
//!
//! Exit statuses: 1 (findings at or above `--fail-on`) wins over 3 (some inputs
//! could not be read), because what was not read could only add findings; 2
//! stands for nothing read at all.

mod human;
mod mounts;
mod problem;
mod row;
mod tally;
mod text;
mod walk;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tls_model::elf::Object;
use tls_model::facts::Facts;

use crate::cli::{AuditArgs, FailOn, Format};
use crate::exit::Status;

pub use crate::source::FileSource;
pub use problem::Problem;
pub use row::Row;
pub use tally::Tally;

use walk::{Seen, Walk};

/// What an audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// One row per object with something to say (every object, where asked
    /// for), sorted by the bytes of the path.
    pub rows: Vec<Row>,
    /// What was counted on the way.
    pub tally: Tally,
}

/// Audits files and trees. `complain` hears of every input that could not be
/// used, in the order in which they are met.
///
/// Memory is taken for the rows only, not for what is walked.
pub fn audit(paths: &[PathBuf], all: bool, mut complain: impl FnMut(&Path, &Problem)) -> Audit {
    let mut audit = Audit::default();
    Walk::default().run(paths, |path, seen| {
        let result = match seen {
            Seen::File { file, named } => audit.file(path, file, named, all),
            Seen::Folder => {
                audit.tally.read += 1;
                Ok(())
            }
            Seen::Problem(problem) => Err(problem),
        };
        if let Err(problem) = result {
            audit.tally.problems += 1;
            complain(path, &problem);
        }
    });
    audit
        .rows
        .sort_by(|one, other| one.order().cmp(other.order()));
    audit
        .rows
        .dedup_by(|one, other| one.order() == other.order());
    audit.tally.count_rows(&audit.rows);
    audit
}

impl Audit {
    fn file(&mut self, path: &Path, file: File, named: bool, all: bool) -> Result<(), Problem> {
        self.tally.files += 1;
        let source = FileSource::new(file);
        if !source
            .has_elf_magic()
            .map_err(|error| Problem::from_elf(error.into()))?
            && !named
        {
            self.tally.read += 1;
            return Ok(());
        }
        let object = Object::open(source).map_err(Problem::from_elf)?;
        self.tally.read += 1;
        self.tally.objects += 1;
        let facts = Facts::read(&object);
        if all || facts.mentions_rseq() {
            self.rows.push(Row::new(path, &facts));
        }
        Problem::from_damage(&facts).map_or(Ok(()), Err)
    }

    /// The exit status, by the contract of the command.
    #[must_use]
    pub fn status(&self, fail_on: FailOn) -> Status {
        if self.tally.findings_from(fail_on) {
            Status::Findings
        } else if self.tally.problems == 0 {
            Status::Clean
        } else if self.tally.read == 0 {
            Status::Nothing
        } else {
            Status::Partial
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Human => human::write(self, out),
            Format::Ndjson => {
                for row in &self.rows {
                    serde_json::to_writer(&mut *out, row)?;
                    out.write_all(b"\n")?;
                }
                Ok(())
            }
        }
    }
}

/// Runs the subcommand.
#[must_use]
pub fn main(args: &AuditArgs) -> Status {
    let audit = audit(&args.paths, args.all, |path, problem| {
        // nobody is left to tell where standard error is gone
        let _ = writeln!(
            io::stderr(),
            "rseqctl: {}: {problem}",
            text::printable(path)
        );
    });
    let mut out = BufWriter::new(io::stdout().lock());
    let written = audit
        .write(args.format, &mut out)
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(
                io::stderr(),
                "rseqctl: standard output: {error}; the report is not complete"
            );
            Status::Nothing
        }
        // a reader that has seen enough is no error
        Ok(()) | Err(_) => audit.status(args.fail_on),
    }
}
