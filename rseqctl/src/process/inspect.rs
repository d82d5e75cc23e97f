//! Inspects one process.

use std::io::{self, ErrorKind};

use tls_model::facts::{Evidence, Role, SymbolName};
use tls_model::report::ObjectReport;

use super::area::Locator;
use super::files::{Files, Unread};
use super::guests::find_guests;
use super::holds::{Hold, Holds};
use super::image::Image;
use super::judge;
use super::list::List;
use super::memory::Memory;
use super::mode::Kernel;
use super::options::Options;
use super::ownership::find_owner;
use super::proc::{Process, Status};
use super::row::{Definition, ObjectRow, Row};
use super::select::unit_of;
use super::thread::{Stop, Threads, inspect_threads};
use crate::report::{Word, text};

/// What the inspection of a process came to.
pub(super) enum Inspection {
    /// What is said about it, and how long each stop of a thread took.
    Row(Box<Row>, Vec<Stop>),
    /// It has ended.
    Gone,
    /// It is a thread of the kernel.
    Kernels,
    /// Nothing is known about it; why.
    Problem(String),
}

/// Inspects a process.
pub(super) fn inspect_process(
    pid: u32,
    files: &mut Files,
    options: &Options,
    kernel: Kernel,
) -> Inspection {
    let mut process = Process::new(pid);
    let status = match process.status() {
        Ok(status) => status,
        Err(error) if is_gone(&error) => return Inspection::Gone,
        Err(error) => return Inspection::Problem(text::cause(&error)),
    };
    if status.process != pid {
        // the id of a thread: its process is meant
        return inspect_process(status.process, files, options, kernel);
    }
    let seems_kernels = || seems_kernels(&process, &status);
    if status.is_kernels.unwrap_or_else(seems_kernels) {
        return Inspection::Kernels;
    }
    if status.has_ended() {
        // the main thread; others may live on
        process.turn_to_living_thread();
    }
    let mut missing = Vec::new();
    let mut is_forbidden = false;
    let mut image = Image::read(&process, files).unwrap_or_else(|error| {
        is_forbidden |= error.kind() == ErrorKind::PermissionDenied;
        missing.push(format!("what is mapped: {}", text::cause(&error)));
        Image::default()
    });
    for (path, why) in &image.unread {
        missing.push(format!("{path}: {}", why_unread(why)));
    }
    // why it may not be read, the threads' refusal says with more words
    let memory = Memory::open(&process).ok();
    let list = memory
        .as_ref()
        .and_then(|memory| List::read(&image, memory));
    find_guests(&mut image, list.as_ref());
    let image = image;
    let locator = Locator::new(&image, memory.as_ref(), list.as_ref());
    let threads = inspect_threads(&process, locator, memory.as_ref(), options, kernel)
        .unwrap_or_else(|error| {
            missing.push(format!("its threads: {}", text::cause(&error)));
            Threads::default()
        });
    if let Some(why) = &threads.refused {
        is_forbidden = true;
        missing.push(format!("registrations: {why}"));
    }
    // of a process that has ended nothing is missing
    match process.status() {
        Err(_) if threads.areas.iter().all(Option::is_none) => return Inspection::Gone,
        Err(_) => missing.clear(),
        Ok(now) if now.has_ended() => missing.clear(),
        Ok(_) => {}
    }
    let mut row = row(&process, status, &image, &threads, missing);
    row.not_permitted = is_forbidden && !row.missing.is_empty();
    Inspection::Row(Box::new(row), threads.stops)
}

fn row(
    process: &Process,
    status: Status,
    image: &Image,
    threads: &Threads,
    missing: Vec<String>,
) -> Row {
    let holds = Holds::find(process, image);
    let ownership = find_owner(process, image, threads);
    let count = |wanted| {
        let rows = threads.rows.iter();
        rows.filter(|row| row.registered == wanted).count() as u64
    };
    let program = image.program();
    let control_group = process.control_group();
    Row {
        pid: process.pid,
        inner_pids: status.ids.get(1..).unwrap_or_default().to_vec(),
        name: status.name,
        uid: status.user,
        unit: control_group
            .as_deref()
            .and_then(unit_of)
            .map(str::to_owned),
        control_group,
        exe: process.executable().ok().map(|path| text::readable(&path)),
        build_id: program.and_then(|it| build_id(&it.file.report)),
        command: process.command(),
        other_namespaces: process.other_namespaces(),
        owner: ownership.owner,
        because: ownership.because,
        registered: count(Some(true)),
        unregistered: count(Some(false)),
        unknown: count(None),
        threads: threads.rows.clone(),
        objects: objects(image, &holds),
        findings: judge::findings(image, &holds, threads),
        missing,
        not_permitted: false,
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Returns whether the process is a thread of the kernel, where that does not say so itself:
/// kthreadd starts the others. In a container process 2 is anybody, and what has ended has
/// neither a command line nor a program, either.
fn seems_kernels(process: &Process, status: &Status) -> bool {
    const KTHREADD: u32 = 2;

    let has_memory = |process: &Process| {
        !process.command().is_empty() || !process.executable().is_err_and(|it| is_gone(&it))
    };
    let is_one = [process.pid, status.parent].contains(&KTHREADD);
    if !is_one || status.has_ended() || has_memory(process) {
        return false;
    }
    let first = Process::new(KTHREADD);
    let name = first.status().map(|status| status.name);
    name.is_ok_and(|name| name == "kthreadd") && !has_memory(&first)
}

fn why_unread(why: &Unread) -> String {
    match why {
        Unread::NotElf => "no ELF object".to_owned(),
        Unread::Replaced => "its file was replaced; the old one can be read with CAP_SYS_ADMIN \
                             or CAP_CHECKPOINT_RESTORE only"
            .to_owned(),
        Unread::Nameless => "its file has no name (memfd_create); it can be read with \
                             CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE only"
            .to_owned(),
        Unread::Io(error) => text::cause(error),
    }
}

fn build_id(report: &ObjectReport) -> Option<String> {
    report.facts.build_id.map(|id| text::hex(id.as_bytes()))
}

/// Returns the objects that define or use an rseq symbol.
fn objects(image: &Image, holds: &Holds) -> Vec<ObjectRow> {
    let objects = image.objects.iter().enumerate();
    objects
        .filter(|(_, object)| object.file.report.mentions_rseq())
        .map(|(index, object)| {
            let report = &object.file.report;
            let (unloadable, unloadable_because) = match holds.of(image, index) {
                Hold::Start => (false, "it came with the program"),
                Hold::Nodelete => (false, "it is marked never to be unloaded (DF_1_NODELETE)"),
                Hold::Shim => (false, "the shim keeps it"),
                Hold::Loose => (true, "it came by dlopen and is not marked NODELETE"),
            };
            ObjectRow {
                path: object.path.clone(),
                build_id: build_id(report),
                deleted: object.is_deleted,
                defines: definition(report),
                provides: names(report, |role| role == Role::Defines),
                uses: used(report),
                tls_model: report.access().model.map(Word),
                critical_sections: report.critical_sections(),
                unloadable,
                unloadable_because,
            }
        })
        .collect()
}

fn definition(report: &ObjectReport) -> Option<Definition> {
    if report.exported_definition().is_some() {
        return Some(Definition::Exported);
    }
    Some(match report.hidden_definition_evidence()? {
        Evidence::Proved => Definition::Hidden,
        Evidence::Likely => Definition::LikelyHidden,
    })
}

fn names(report: &ObjectReport, is_wanted: impl Fn(Role) -> bool) -> Vec<Word<SymbolName>> {
    let mut names = Vec::new();
    let facts = report.facts.symbols.iter();
    for fact in facts.filter(|fact| is_wanted(fact.role)) {
        if !names.contains(&Word(fact.name)) {
            names.push(Word(fact.name));
        }
    }
    names
}

fn used(report: &ObjectReport) -> Vec<Word<SymbolName>> {
    let mut used = names(report, |role| role != Role::Defines);
    used.extend(report.code.asked_by_name.iter().map(Word));
    used
}
