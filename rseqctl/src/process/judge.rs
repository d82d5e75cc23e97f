//! The findings about a process: those of the audit about its objects, less
//! what the running process refutes, and what only a process shows.

use tls_model::facts::{Evidence, Facts};
use tls_model::rules::{
    self, DLOPENED_DEFINER, REFUSED_CLIENT, SECOND_DEFINER, UNREGISTERED_THREAD,
};

use super::area::{Area, AreaKind};
use super::image::{Hold, Holds, Image, LAST_RESORT};
use super::thread::Threads;
use crate::report::FindingRow;

/// Finds what breaks a rule.
pub(super) fn findings(image: &Image, holds: &Holds, threads: &Threads) -> Vec<FindingRow> {
    let mut found = Vec::new();
    let winner = image.winner();
    let definers = image
        .objects
        .iter()
        .filter(|object| defines(&object.file.facts) && !object.file.is_named(LAST_RESORT))
        .count();
    for (index, object) in image.objects.iter().enumerate() {
        let (facts, path) = (&object.file.facts, object.path.as_str());
        let hold = holds.of(image, index);
        let fate = Fate::of(index, image, threads);
        for finding in rules::check(facts) {
            let refuted = match finding.rule.name {
                // nothing will unload it
                "unloadable-definer" => hold != Hold::Loose,
                // what it warns of has happened, or has not
                "hidden-definer" => fate != Fate::Unknown,
                _ => false,
            };
            if !refuted {
                found.push(FindingRow::of(&finding, Some(path)));
            }
        }
        if let Fate::Refused { threads, by } = fate {
            let message = refused(facts, threads, by);
            found.push(FindingRow::new(REFUSED_CLIENT, Some(path), message));
        }
        if definers > 1 && rules::keeps_its_own_area(facts, winner == Some(index)) {
            let message = "has an __rseq_abi of its own beside that of another object of the \
                process: one of them is refused; export one definition and let the others refer \
                to it";
            found.push(FindingRow::new(
                SECOND_DEFINER,
                Some(path),
                message.to_owned(),
            ));
        }
        let exports = facts.exported_definition().is_some();
        if exports && matches!(hold, Hold::Loose | Hold::Nodelete) {
            let message = "exports __rseq_abi and came by dlopen, after the threads that were \
                there already: link the program with it or preload it";
            found.push(FindingRow::new(
                DLOPENED_DEFINER,
                Some(path),
                message.to_owned(),
            ));
        }
    }
    found.extend(unregistered(threads));
    found.sort_by_key(|finding| std::cmp::Reverse(*finding.level));
    found
}

/// It brings a definition of its own. That of a libc is there for whoever brings
/// none.
fn defines(facts: &Facts) -> bool {
    !facts.is_owning_libc() && (facts.exported_definition().is_some() || facts.brings_client())
}

/// What became of an object's own area.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has none, or nothing is known.
    Unknown,
    /// Registered, wherever anything is.
    Registered,
    /// Another area is registered in so many threads.
    Refused { threads: usize, by: Area },
}

impl Fate {
    fn of(index: usize, image: &Image, threads: &Threads) -> Self {
        let object = &image.objects[index];
        if !defines(&object.file.facts)
            || object.file.is_named(LAST_RESORT)
            || image.is_guest(index)
        {
            return Self::Unknown;
        }
        // in the object's own storage, even where no symbol proves it
        let is_own = |area: &&Area| {
            area.object == Some(index)
                && matches!(
                    area.kind,
                    AreaKind::Symbol | AreaKind::Tls | AreaKind::Librseq
                )
        };
        // an exported one that lost to another is not what its object uses
        let is_unused = object.file.facts.exported_definition().is_some()
            && !rules::keeps_its_own_area(&object.file.facts, image.winner() == Some(index))
            && image.winner() != Some(index);
        let others: Vec<_> = threads
            .areas
            .iter()
            .flatten()
            .filter(|area| !is_own(area) && area.kind != AreaKind::Unknown)
            .collect();
        let own = threads.areas.iter().flatten().filter(is_own).count();
        match others.first() {
            _ if is_unused => Self::Unknown,
            Some(other) => Self::Refused {
                threads: others.len(),
                by: **other,
            },
            None if own != 0 => Self::Registered,
            None => Self::Unknown,
        }
    }
}

fn refused(facts: &Facts, threads: usize, by: Area) -> String {
    let what = match facts.hidden_definition_evidence() {
        Some(Evidence::Likely) => "probably has an __rseq_abi of its own (it is stripped)",
        Some(Evidence::Proved) => "has an __rseq_abi of its own that it does not export",
        None => "exports an __rseq_abi",
    };
    let holder = match by.kind {
        _ if by.is_libcs_choice => "the libc owns __rseq_abi and has registered another definition",
        AreaKind::Libc => "the libc has registered its own area",
        _ => "another area is registered",
    };
    let in_threads = match threads {
        1 => "in one thread".to_owned(),
        many => format!("in {many} threads"),
    };
    format!(
        "{what}, but {holder} {in_threads}: the object's own registration was refused there \
         (EINVAL), and what it needs it for is off (in TCMalloc the per-CPU caches); this cannot \
         be changed while the process runs: start it again with rseqctl run"
    )
}

fn unregistered(threads: &Threads) -> Option<FindingRow> {
    let count = |wanted| {
        let rows = threads.rows.iter();
        rows.filter(|row| row.registered == Some(wanted)).count()
    };
    let (with, without) = (count(true), count(false));
    (with != 0 && without != 0).then(|| {
        let all = with + without;
        let message = format!(
            "{without} of {all} threads have no registration: code that uses rseq is on its slow \
             path there"
        );
        FindingRow::new(UNREGISTERED_THREAD, None, message)
    })
}
