//! `rseqctl audit --program`: whose `__rseq_abi` wins in a whole program, who
//! else collides, and what `rseqctl run` would do about it.

use std::path::{Path, PathBuf};

use tls_model::rules::Definers;

use super::engine;
use super::event::{Event, UnusedInput};
use super::options::Options;
use super::problem::Problem;
use super::program_row::{MissingRow, ProgramRow};
use super::row::Row;
use super::tally::Tally;
use crate::program::{Loaded, Program, Search};
use crate::report::{RunRow, text};

/// Audits a program, the objects that it starts with, and `paths`: a definer
/// below those that is not among the objects can only come by `dlopen`.
///
/// Events come as those of [`audit`](super::audit()), the program's own row always among them;
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
    let mut tally = engine::run(&files, options, &mut |event| match event {
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
        row.filter(&options.filter);
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
