//! A part of the laboratory's table: launchers that every Debian has, and who owns the
//! registrations of the program below them, and around it.

use rseq_kit::needs::Need;
use rseq_kit::runner::Outcome;
use rseq_lab_launchers::{Cell, LAUNCHERS, Launcher, Subject, look};

/// Their names in the table.
const CHEAP: [&str; 5] = [
    "setpriv",
    "wrapper script",
    "xargs",
    "subprocess of Python",
    "Python, flock, setpriv",
];

/// Returns the launchers, each with its needs and those of a program.
pub fn cells() -> impl Iterator<Item = (&'static Launcher, Subject, Vec<Need>)> {
    let cheap = LAUNCHERS
        .iter()
        .filter(|launcher| CHEAP.contains(&launcher.name));
    let subjects = [
        Subject::Tcmalloc,
        Subject::Exported,
        Subject::Plain,
        Subject::Musl,
    ];
    cheap.flat_map(move |launcher| {
        subjects.into_iter().map(move |subject| {
            let needs = launcher.needs.iter().map(|&need| Need::of(need));
            (launcher, subject, needs.chain(subject.needs()).collect())
        })
    })
}

/// Returns a cell's name as a test.
pub fn name(launcher: &Launcher, subject: Subject) -> String {
    let word = |text: &str| text.replace(", ", "_").replace(' ', "_").to_lowercase();
    format!(
        "launchers::{}::{}",
        word(launcher.name),
        word(subject.name())
    )
}

/// The cell is as it should be.
pub fn is_right(launcher: &Launcher, subject: Subject) -> Outcome {
    match look(launcher, subject)? {
        Cell::Right(_) => Ok(()),
        Cell::Wrong(why) => Err(why.into()),
    }
}
