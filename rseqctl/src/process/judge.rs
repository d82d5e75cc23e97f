//! The findings about a process: those of the audit about its objects, less
//! what the running process refutes, and what only a process shows.

use tls_model::facts::Evidence;
use tls_model::report::ObjectReport;
use tls_model::rules::process::{REFUSED_CLIENT, UNREGISTERED_THREAD};
use tls_model::rules::{self, Definers, RuleId};

use super::area::{Area, AreaKind};
use super::holds::{Hold, Holds};
use super::image::Image;
use super::thread::Threads;
use crate::report::FindingRow;

/// Finds what breaks a rule.
pub(super) fn findings(image: &Image, holds: &Holds, threads: &Threads) -> Vec<FindingRow> {
    let mut found = Vec::new();
    let winner = image.winner();
    let definers = Definers::among(image.objects.iter().map(|object| &object.file.report));
    for (index, object) in image.objects.iter().enumerate() {
        let (report, path) = (&object.file.report, object.path.as_str());
        let hold = holds.of(image, index);
        let fate = Fate::of(index, image, threads);
        let of_object = rules::check(report).filter(|finding| match finding.rule.id {
            // nothing will unload it
            RuleId::UnloadableDefiner | RuleId::UnloadableClient => hold == Hold::Loose,
            // what it warns of has happened, or has not
            RuleId::HiddenDefiner => fate == Fate::Unknown,
            // it has been loaded, so there was room
            RuleId::StaticTlsSurplus => false,
            // the kernel writes what the code counts on being written
            RuleId::ReadOnlyStore => !threads.are_all_legacy(),
            _ => true,
        });
        let came_later = matches!(hold, Hold::Loose | Hold::Nodelete);
        let of_program = [
            definers.second_definer(report, winner == Some(index)),
            rules::dlopened_definer(report).filter(|_| came_later),
        ];
        for finding in of_object.chain(of_program.into_iter().flatten()) {
            found.push(FindingRow::of(&finding, Some(path)));
        }
        if let Fate::Refused { threads, by } = fate {
            let message = refused(report, threads, by);
            found.push(FindingRow::new(&REFUSED_CLIENT, Some(path), message));
        }
    }
    found.extend(unregistered(threads));
    found.sort_by_key(|finding| std::cmp::Reverse(*finding.level));
    found
}

/// What became of an object's own area.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has none, or nothing is known.
    Unknown,
    /// Registered, wherever anything is.
    Registered,
    /// Another area is registered in this many threads.
    Refused { threads: usize, by: Area },
}

impl Fate {
    fn of(index: usize, image: &Image, threads: &Threads) -> Self {
        let report = &image.objects[index].file.report;
        if !report.brings_definition() || image.is_guest(index) {
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
        let wins = image.winner() == Some(index);
        let is_unused =
            report.exported_definition().is_some() && !report.keeps_its_own_area(wins) && !wins;
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

fn refused(report: &ObjectReport, threads: usize, by: Area) -> String {
    let what = match report.hidden_definition_evidence() {
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
        FindingRow::new(&UNREGISTERED_THREAD, None, message)
    })
}
