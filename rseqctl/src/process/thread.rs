//! Inspects the threads of one process: each is stopped, one after the other.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use tls_model::rseq::PtraceConfiguration;

use super::area::{Area, AreaKind, Locator};
use super::image::Image;
use super::memory::Memory;
use super::mode::{Kernel, KernelMode};
use super::options::Options;
use super::proc::{Process, has_ended};
use super::row::ThreadRow;
use crate::report::{Word, text};
use crate::sys::tracer::{self, PointerIn, StoppedThread, ThreadAnswer};

/// How long a thread may take to stop: one that waits for a processor takes as
/// long as the machine is busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often threads that have started meanwhile are inspected as well.
const ROUNDS: usize = 3;

/// For how long a thread stood still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// From the interrupt on; it may have run on for some of it, or waited for
    /// a processor.
    pub(super) most: Duration,
    /// From when we saw it stopped on.
    pub(super) least: Duration,
}

/// Threads of one process.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// By id.
    pub(super) rows: Vec<ThreadRow>,
    /// The area of each registered thread; none where it is not known.
    pub(super) areas: Vec<Option<Area>>,
    pub(super) stops: Vec<Stop>,
    /// Why no thread of the process may be traced.
    pub(super) refused: Option<String>,
}

/// What is known of a thread before it is stopped.
struct Candidate {
    thread: u32,
    name: String,
    state: char,
}

/// Inspects every thread of a process.
pub(super) fn inspect_threads(
    process: &Process,
    mut locator: Locator<'_>,
    memory: Option<&Memory>,
    options: &Options,
    kernel: Kernel,
) -> io::Result<Threads> {
    let mut found = Threads::default();
    let mut done = BTreeSet::new();
    let is_narrow = locator
        .image()
        .program()
        .is_some_and(|it| it.file.is_narrow());
    let pointer = if is_narrow {
        PointerIn::Gs
    } else {
        PointerIn::Fs
    };
    for _ in 0..ROUNDS {
        let now = process.threads()?;
        let (mut asked, mut candidates) = (Vec::new(), Vec::new());
        for &thread in now.difference(&done) {
            // gone meanwhile
            let Ok((name, state)) = process.thread(thread) else {
                continue;
            };
            let candidate = Candidate {
                thread,
                name,
                state,
            };
            if let Some(why) = reason_not_to_stop(process, &candidate, options) {
                found.add_unknown(&candidate, why);
            } else {
                asked.push(thread);
                candidates.push(candidate);
            }
        }
        done.extend(now);
        let seen = tracer::stop_and_ask(&asked, pointer, PATIENCE);
        if seen.is_empty() && asked.is_empty() {
            break;
        }
        for (candidate, seen) in candidates.iter().zip(seen) {
            match seen {
                ThreadAnswer::Gone => {}
                ThreadAnswer::Asked(answer) => {
                    found.add(candidate, &answer, &mut locator, memory, kernel, options);
                }
                ThreadAnswer::Late => found.add_unknown(
                    candidate,
                    format!("it did not stop within {} s", PATIENCE.as_secs()),
                ),
                ThreadAnswer::Refused(error) => found.add_refused(process, candidate, &error),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Returns why a thread is better left alone.
fn reason_not_to_stop(
    process: &Process,
    candidate: &Candidate,
    options: &Options,
) -> Option<String> {
    if options.no_stop {
        return Some("not stopped, as told".to_owned());
    }
    if process.pid == std::process::id() {
        return Some("this is rseqctl itself, which cannot stop itself".to_owned());
    }
    match candidate.state {
        state if has_ended(state) => Some("it has ended".to_owned()),
        'D' => Some("in a wait that cannot be interrupted; not stopped".to_owned()),
        _ => None,
    }
}

impl Threads {
    /// Returns whether threads are registered, and the kernel writes the ids of all of
    /// them whenever they were interrupted.
    pub(super) fn are_all_legacy(&self) -> bool {
        let mut modes = self.rows.iter().filter_map(|row| row.mode).peekable();
        modes.peek().is_some() && modes.all(|mode| mode == KernelMode::Legacy)
    }

    fn add_unknown(&mut self, candidate: &Candidate, why: String) {
        self.rows.push(ThreadRow {
            unknown_because: Some(why),
            ..row_of(candidate)
        });
        self.areas.push(None);
    }

    fn add_refused(&mut self, process: &Process, candidate: &Candidate, error: &io::Error) {
        let Ok(status) = process.thread_status(candidate.thread) else {
            // gone meanwhile
            return;
        };
        let why = if status.has_ended() {
            "it has ended".to_owned()
        } else if status.tracer != 0 {
            let tracer = Process::new(status.tracer).status().unwrap_or_default();
            format!("traced by {} {}", tracer.name, status.tracer)
        } else if status.name.starts_with("iou-") {
            "a worker of the kernel's io_uring, which has no registration".to_owned()
        } else {
            let why = refusal(error);
            self.refused = Some(why.clone());
            why
        };
        self.add_unknown(candidate, why);
    }

    fn add(
        &mut self,
        candidate: &Candidate,
        answer: &StoppedThread,
        locator: &mut Locator<'_>,
        memory: Option<&Memory>,
        kernel: Kernel,
        options: &Options,
    ) {
        self.stops.push(Stop {
            most: answer.stopped,
            least: answer.held,
        });
        let held = match &answer.registration {
            Ok(held) => *held,
            Err(error) => {
                let why = match error.raw_os_error() {
                    Some(libc::EIO) => {
                        "the kernel does not tell (EIO): Linux 5.13 and later do".to_owned()
                    }
                    _ => format!("the kernel does not tell: {}", text::cause(error)),
                };
                return self.add_unknown(candidate, why);
            }
        };
        let mut row = row_of(candidate);
        row.stopped_us = options
            .verbose
            .then(|| (answer.stopped.as_secs_f64() * 1e7).round() / 10.0);
        row.registered = Some(held.rseq_abi_pointer != 0);
        let mut area = None;
        if held.rseq_abi_pointer != 0 {
            let found = area_of(&held, answer, locator);
            describe(&mut row, &held, found, locator.image(), kernel);
            row.cpu_id = memory
                .and_then(|memory| memory.u32(held.rseq_abi_pointer.wrapping_add(4)))
                .map(u32::cast_signed);
            area = Some(found);
        }
        self.rows.push(row);
        self.areas.push(area);
    }

    fn sort(&mut self) {
        let mut both: Vec<_> = self.rows.drain(..).zip(self.areas.drain(..)).collect();
        both.sort_by_key(|(row, _)| row.tid);
        (self.rows, self.areas) = both.into_iter().unzip();
    }
}

fn row_of(candidate: &Candidate) -> ThreadRow {
    ThreadRow {
        tid: candidate.thread,
        name: candidate.name.clone(),
        state: candidate.state.to_string(),
        ..ThreadRow::default()
    }
}

fn area_of(held: &PtraceConfiguration, answer: &StoppedThread, locator: &mut Locator<'_>) -> Area {
    match answer.pointer {
        Some(pointer) if pointer != 0 => {
            let distance = held.rseq_abi_pointer.wrapping_sub(pointer).cast_signed();
            locator.locate(distance)
        }
        _ => Area::UNKNOWN,
    }
}

fn describe(
    row: &mut ThreadRow,
    held: &PtraceConfiguration,
    area: Area,
    image: &Image,
    kernel: Kernel,
) {
    row.address = Some(format!("{:#x}", held.rseq_abi_pointer));
    row.length = Some(held.rseq_abi_size);
    row.signature = Some(format!("{:#x}", held.signature));
    row.area = Some(area.kind);
    row.object = match area.object {
        Some(object) => image.objects.get(object).map(|it| it.path.clone()),
        None => Some(image.describe(held.rseq_abi_pointer)),
    };
    row.area_evidence = (area.kind != AreaKind::Unknown).then_some(Word(area.evidence));
    let (mode, sure) = kernel.mode(held.rseq_abi_size);
    row.mode = Some(mode);
    row.mode_evidence = Some(Word(sure));
}

/// Returns why tracing was refused, and what would help.
pub(super) fn refusal(error: &io::Error) -> String {
    let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let yama = match yama.trim() {
        "" | "0" => String::new(),
        scope => format!(" (kernel.yama.ptrace_scope is {scope})"),
    };
    format!(
        "no permission to trace it: {}{yama}; run as root, or with CAP_SYS_PTRACE",
        text::cause(error)
    )
}
