//! Counters, and where they are reported: a ledger that `rseqctl run --report`
//! made, or one JSON object at exit (`RSEQ_SHIM_REPORT`), and the log.
//!
//! Only the process that read the environment reports: a child made by fork
//! counts in its own copy (or, with a ledger, not apart from its parent) and
//! writes nothing.
//!
//! # Safety
//!
//! What this module owes: a ledger is mapped once and stays.

#![allow(unsafe_code, reason = "a file is shared")]

use core::ffi::CStr;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use tls_model::owner::{Owner, Reason};
use tls_model::protocol::ledger::{self, Ledger, Record};

use crate::environment::{LEDGER_PATH, LOG_PATH, Log, REPORT_PATH};
use crate::kernel;
use crate::text::Text;

/// Where we count unless there is a ledger.
static OWN: Ledger = Ledger::new(0);
/// What somebody will read: a ledger that was made for this process, or [`OWN`]
/// where it is written at exit. Null where nobody does.
static READ: AtomicPtr<Ledger> = AtomicPtr::new(null_mut());
/// The process that writes JSON at exit, or 0.
static WRITER: AtomicU32 = AtomicU32::new(0);
/// `Log` by number.
static LOG: AtomicU32 = AtomicU32::new(Log::Off as u32);

/// A FIFO that nobody reads must not stop the program.
const TO_APPEND: i32 =
    libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOCTTY;

/// `st_size` of the adopter's definition, or [`NO_ADOPTER`].
static ADOPTER_SIZE: AtomicU64 = AtomicU64::new(NO_ADOPTER);
const NO_ADOPTER: u64 = u64::MAX;
/// `HiddenDefinition` by number.
static HIDDEN: AtomicU32 = AtomicU32::new(HiddenDefinition::NotSearched as u32);

/// What is known of definitions that the dynamic linker cannot see.
#[derive(Clone, Copy)]
#[repr(u32)]
enum HiddenDefinition {
    NotSearched,
    None,
    Some,
}

fn counters() -> &'static Ledger {
    read().unwrap_or(&OWN)
}

fn read() -> Option<&'static Ledger> {
    // SAFETY: a mapping that is never unmapped, of a page that holds a ledger;
    // `OWN`; or null.
    unsafe { READ.load(Ordering::Relaxed).as_ref() }
}

/// Returns whether somebody will read what is counted: threads that meet at a counter
/// pay for it.
pub fn counts() -> bool {
    read().is_some()
}

fn count(counter: impl FnOnce(&Ledger) -> &AtomicU64) {
    if let Some(ledger) = read() {
        counter(ledger).fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a thread that has begun.
pub fn thread_started() {
    count(|ledger| &ledger.started);
}

/// Counts a thread that has begun and has been registered: with one look at whether that counts.
pub fn born() {
    if let Some(ledger) = read() {
        ledger.started.fetch_add(1, Ordering::Relaxed);
        ledger.registered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a thread that has begun without us, because there was no memory for handing
/// over what it has to do: nothing registers it.
pub fn thread_missed() {
    thread_started();
    refused(libc::ENOMEM as u32);
}

/// Counts a thread that was found registered, or has just been registered.
pub fn registered() {
    count(|ledger| &ledger.registered);
}

/// Counts a registration that the kernel has refused with this errno.
pub fn refused(errno: u32) {
    count(|ledger| &ledger.refused);
    counters().last_errno.store(errno, Ordering::Relaxed);
}

/// Returns the errno of the last refusal.
pub fn last_errno() -> i32 {
    counters().last_errno.load(Ordering::Relaxed) as i32
}

/// Counts a thread that stays unregistered for the reason that an earlier one did.
pub fn left_unregistered() {
    count(|ledger| &ledger.refused);
}

/// Notes that the calling thread's registration was taken back, for another.
pub fn taken_back() {
    if counts() {
        counters().registered.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts what a client's request through `syscall` came to. EBUSY says that it
/// has it already.
pub fn client_call(result: isize) {
    match -result as i32 {
        0 => registered(),
        libc::EBUSY => {}
        errno => refused(errno as u32),
    }
}

/// Notes the length of the registrations to come.
pub fn length(length: u32) {
    counters().length.store(length, Ordering::Relaxed);
}

/// Notes who owns the registration, and why.
pub fn owner(owner: Owner, reason: Reason) {
    let counters = counters();
    counters.owner.store(owner as u32, Ordering::Relaxed);
    counters.reason.store(reason as u32, Ordering::Relaxed);
}

/// Notes what the program's objects say: the size of an adopter's definition, and
/// whether there is a hidden one, if that was searched for.
pub fn definitions(adopter_size: Option<u64>, hidden: Option<bool>) {
    let hidden = match hidden {
        None => HiddenDefinition::NotSearched,
        Some(false) => HiddenDefinition::None,
        Some(true) => HiddenDefinition::Some,
    };
    ADOPTER_SIZE.store(adopter_size.unwrap_or(NO_ADOPTER), Ordering::Relaxed);
    HIDDEN.store(hidden as u32, Ordering::Relaxed);
}

/// Finds out where to report, before anything is counted.
pub fn open(log: Log) {
    LOG.store(log as u32, Ordering::Relaxed);
    if let Some(path) = LEDGER_PATH.get() {
        open_ledger(path);
    }
    if let Some(path) = REPORT_PATH.get() {
        let descriptor = kernel::open(path, TO_APPEND, 0o666);
        if descriptor < 0 {
            cannot_write(path, descriptor);
            return;
        }
        kernel::close(descriptor as i32);
        WRITER.store(kernel::getpid(), Ordering::Relaxed);
        if !counts() {
            READ.store(from_ref(&OWN).cast_mut(), Ordering::Relaxed);
        }
    }
}

/// Counts in the ledger, if it is there and meant for this process.
fn open_ledger(path: &CStr) {
    let descriptor = kernel::open(path, libc::O_RDWR | libc::O_NONBLOCK | libc::O_NOCTTY, 0);
    if descriptor < 0 {
        // of a command that has ended: this is a process that it left behind
        return;
    }
    let descriptor = descriptor as i32;
    let mut bytes = [0; size_of::<Ledger>()];
    let length = kernel::pread(descriptor, &mut bytes, 0).max(0) as usize;
    if bytes
        .get(..length)
        .and_then(Record::from_bytes)
        .is_some_and(|record| record.is_for(kernel::getpid(), kernel::executable))
    {
        let memory: *mut Ledger = kernel::map_shared(descriptor, ledger::SIZE).cast();
        // SAFETY: a fresh mapping of a file that begins with a ledger, or null.
        if let Some(ledger) = unsafe { memory.as_ref() }
            && ledger.claim(kernel::getpid())
        {
            // a command that replaced itself by another starts from nothing
            ledger.starts.fetch_add(1, Ordering::Relaxed);
            ledger.length.store(0, Ordering::Relaxed);
            ledger.last_errno.store(0, Ordering::Relaxed);
            for count in [&ledger.started, &ledger.registered, &ledger.refused] {
                count.store(0, Ordering::Relaxed);
            }
            READ.store(memory, Ordering::Relaxed);
        }
    }
    kernel::close(descriptor);
}

/// Logs the decision.
pub fn decided() {
    let log = LOG.load(Ordering::Relaxed);
    if log == Log::Off as u32 {
        return;
    }
    let record = counters().record();
    let mut line = Text::<512>::new();
    line.push(b"librseq_shim: process ")
        .push_number(u64::from(kernel::getpid()))
        .push(b": owner ");
    line.push(record.owner.map_or("?", Owner::name).as_bytes())
        .push(b": ");
    line.push(record.reason.map_or("?", Reason::text).as_bytes())
        .push(b"\n");
    if log == Log::Stderr as u32 {
        line.write_to(libc::STDERR_FILENO);
    } else if let Some(path) = LOG_PATH.get() {
        append(path, &line);
    }
}

/// One JSON object at exit.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = at_exit;

extern "C" fn at_exit() {
    // who has asked for no report pays for no system call
    let Some(path) = REPORT_PATH.get() else {
        return;
    };
    if WRITER.load(Ordering::Relaxed) == kernel::getpid() {
        append(path, &json(&counters().record()));
    }
}

/// Returns the keys that `rseqctl run --report` prints as well, and what was read of the
/// program.
fn json(record: &Record) -> Text<1024> {
    let mut text = Text::new();
    text.push(b"{\"version\":1,\"pid\":")
        .push_number(u64::from(kernel::getpid()));
    text.push(b",\"owner\":\"")
        .push(record.owner.map_or("unknown", Owner::name).as_bytes());
    text.push(b"\",\"reason\":\"")
        .push(record.reason.map_or("unknown", Reason::text).as_bytes());
    text.push(b"\",\"length\":")
        .push_number(u64::from(record.length));
    text.push(b",\"threads\":{\"started\":")
        .push_number(record.started);
    text.push(b",\"registered\":")
        .push_number(record.registered);
    text.push(b",\"refused\":").push_number(record.refused);
    text.push(b"},\"last_errno\":");
    if record.last_errno == 0 {
        text.push(b"null");
    } else {
        text.push_number(u64::from(record.last_errno));
    }
    text.push(b",\"definitions\":{\"adopter_size\":");
    match ADOPTER_SIZE.load(Ordering::Relaxed) {
        NO_ADOPTER => text.push(b"null"),
        size => text.push_number(size),
    };
    let hidden = HIDDEN.load(Ordering::Relaxed);
    text.push(b",\"hidden\":");
    text.push(if hidden == HiddenDefinition::NotSearched as u32 {
        b"null"
    } else if hidden == HiddenDefinition::Some as u32 {
        b"true"
    } else {
        b"false"
    });
    text.push(b"}}\n");
    text
}

fn append<const CAPACITY: usize>(path: &CStr, text: &Text<CAPACITY>) {
    let descriptor = kernel::open(path, TO_APPEND, 0o666);
    if descriptor < 0 {
        cannot_write(path, descriptor);
        return;
    }
    text.write_to(descriptor as i32);
    kernel::close(descriptor as i32);
}

fn cannot_write(path: &CStr, result: isize) {
    let mut line = Text::<512>::new();
    line.push(b"librseq_shim: cannot write to ")
        .push(path.to_bytes())
        .push(b" (errno ");
    line.push_number(-result as u64)
        .push(b"); the program runs on without that report\n");
    line.write_to(libc::STDERR_FILENO);
}
