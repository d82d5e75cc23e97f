//! `rseqctl audit --program`: whose `__rseq_abi` wins in a whole program, who
//! else collides, and what `rseqctl run` would do about it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rules::Definers;

use super::{Event, Options, Problem, Row, Tally, UnusedInput, audit};
use crate::program::{Loaded, Program, Search};
use crate::report::{RunRow, text};

/// What is said about a program besides what is said about its files.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Program")]
pub(super) struct ProgramRow {
    /// The objects that it starts with, in the order of the global scope.
    pub(super) objects: Vec<String>,
    /// Needed libraries that were not found.
    pub(super) missing: Vec<MissingRow>,
    /// The object whose `__rseq_abi` is that of the whole program; null where
    /// none exports one.
    pub(super) winner: Option<String>,
    /// The objects with an `__rseq_abi` of their own that others cannot see.
    pub(super) hidden: Vec<String>,
    /// What `rseqctl run` would do; null for a program in another root.
    pub(super) run: Option<RunRow>,
}

/// A needed library that was not found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Missing")]
pub(super) struct MissingRow {
    /// As it stands in `DT_NEEDED`.
    pub(super) name: String,
    /// The object that needs it.
    pub(super) needed_by: String,
}

/// Audits a program, the objects that it starts with, and `paths`: a definer
/// below those that is not among the objects can only come by `dlopen`.
///
/// Events come as those of [`audit`], the program's own row always among them;
/// they are kept until the end. `foresee` says what `rseqctl run` would do with
/// the program; it is not asked where the program is in another root.
pub fn audit_program(
    program: &Path,
    paths: &[PathBuf],
    search: &Search,
    options: &Options,
    foresee: &dyn Fn(&Path) -> Option<RunRow>,
    sink: &mut dyn FnMut(Event<'_>),
) -> Tally {
    let found = match Program::load(program, search) {
        Ok(found) => found,
        Err(error) => {
            let problem = Problem::Io(error);
            let path = program;
            sink(Event::Problem(UnusedInput {
                path,
                problem: &problem,
            }));
            return Tally {
                problems: 1,
                ..Tally::default()
            };
        }
    };
    let mut files: Vec<_> = found.objects.iter().map(|it| it.file.clone()).collect();
    files.extend_from_slice(paths);
    let mut rows: Vec<Row> = Vec::new();
    let mut tally = audit(&files, options, &mut |event| match event {
        Event::Row(row) => rows.push(row.clone()),
        other => sink(other),
    });
    let Some(main) = found.objects.first() else {
        return tally;
    };
    if !rows.iter().any(|row| row.path() == main.file) {
        let at = rows.partition_point(|row| row.path() < main.file.as_path());
        rows.insert(at, Row::new(&main.file, &main.report));
    }
    judge(&found, &mut rows);
    let about = about(&found, foresee, search.root.is_none());
    tally.forget_rows();
    for row in &mut rows {
        if row.path() == main.file {
            row.program = Some(about.clone());
        }
        row.mark_known(&options.baseline);
        tally.count_row(row);
        sink(Event::Row(row));
    }
    tally
}

/// Adds what only the whole program shows.
fn judge(program: &Program, rows: &mut [Row]) {
    let definers = Definers::among(program.objects.iter().map(|object| &object.report));
    let winner = program.winner().map(|object| &object.file);
    for row in rows {
        let object = program.objects.iter().find(|it| it.file == row.path());
        let finding = match object {
            Some(object) => {
                let wins = winner == Some(&object.file);
                definers.second_definer(&object.report, wins)
            }
            None if program.position(row.path()).is_none() => row.if_dlopened(),
            None => None,
        };
        if let Some(finding) = finding {
            row.add(&finding);
        }
    }
}

fn about(
    program: &Program,
    foresee: &dyn Fn(&Path) -> Option<RunRow>,
    is_here: bool,
) -> ProgramRow {
    let shown = |object: &Loaded| text::readable(&object.file);
    let main = program.objects.first();
    ProgramRow {
        objects: program.objects.iter().map(shown).collect(),
        missing: program
            .missing
            .iter()
            .map(|(name, by)| MissingRow {
                name: text::readable(Path::new(name)),
                needed_by: text::readable(by),
            })
            .collect(),
        winner: program.winner().map(shown),
        hidden: program.hidden().map(shown).collect(),
        run: main
            .filter(|_| is_here)
            .and_then(|main| foresee(&main.file)),
    }
}
