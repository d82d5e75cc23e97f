//! What the loading rules have to say: to the program by dlerror, to people by
//! the log.
//!
//! # Safety
//!
//! What this module owes: it reads C strings that the dynamic linker has returned.

#![allow(unsafe_code, reason = "the dynamic linker's words are read")]

use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tls_model::loading::Breach;

use crate::environment::{LOG_PATH, Log};
use crate::kernel;
use crate::text::Text;

use super::policy::{Policy, Reason};
use super::{budget, texts};

const NO_ROOM: &[u8] = b"cannot allocate memory in static TLS block";

/// Returns the text for dlerror where the dynamic linker has returned `error`.
pub fn error(error: *mut c_char) -> *mut c_char {
    if error.is_null() {
        return error;
    }
    // SAFETY: dlerror(3) answers a C string or null.
    let words = unsafe { CStr::from_ptr(error) }.to_bytes();
    if !words.ends_with(NO_ROOM) {
        return error;
    }
    with_hint(words).unwrap_or(error)
}

// The functions that are not inlined need room for text on the stack; who has
// nothing to say does not need it.

#[cold]
#[inline(never)]
fn with_hint(words: &[u8]) -> Option<*mut c_char> {
    let mut text = Text::<{ texts::LONGEST }>::new();
    text.push(words);
    budget::hint(words, &mut text);
    texts::keep(text.as_bytes())
}

/// `Log` by number.
static LOG: AtomicU32 = AtomicU32::new(Log::Off as u32);

/// Remembers where to say it.
pub fn open(log: Log) {
    LOG.store(log as u32, Ordering::Relaxed);
}

/// Returns whether the words are read by anybody.
pub fn are_wanted(policy: Policy) -> bool {
    policy == Policy::Warn || LOG.load(Ordering::Relaxed) != Log::Off as u32
}

/// A line, which begins with an object's path.
pub type Line = Text<512>;

/// Begins a line.
pub fn begin(line: &mut Line, path: &[u8]) {
    line.clear();
    line.push(b"librseq_shim: ").push(path).push(b": ");
}

/// Says that an object has been made to stay, or could not be.
#[cold]
#[inline(never)]
pub fn kept(path: &CStr, reason: Reason, stays: bool) {
    let why: &[u8] = match reason {
        _ if !stays => b"could not be made to stay",
        Reason::HoldsArea => b"stays: it holds an area that is registered",
        Reason::Defines | Reason::UsesItsOwn(_) => b"stays: it defines __rseq_abi",
    };
    let mut line = Line::new();
    begin(&mut line, path.to_bytes());
    line.push(why);
    say(&mut line, false);
    if let Reason::UsesItsOwn(breach) = reason {
        begin(&mut line, path.to_bytes());
        breaks(&mut line, breach, false);
    }
}

/// Says that a definer is not promoted, or why it had better not be.
pub fn not_promoted(policy: Policy, line: &mut Line, reason: Reason) {
    let breach = match reason {
        Reason::UsesItsOwn(breach) => breach,
        Reason::Defines | Reason::HoldsArea => Breach::NotPromoted,
    };
    breaks(line, breach, policy == Policy::Warn);
}

fn breaks(line: &mut Line, breach: Breach, asked_for: bool) {
    line.push(breach.text().as_bytes());
    line.push(b" (rule ").push(breach.rule_name().as_bytes());
    line.push(b")");
    say(line, asked_for);
}

/// Says it once. What somebody has asked for goes to standard error where there
/// is no log.
fn say(line: &mut Line, asked_for: bool) {
    let log = LOG.load(Ordering::Relaxed);
    let path = (log == Log::File as u32).then(|| LOG_PATH.get()).flatten();
    let to_stderr = log == Log::Stderr as u32 || asked_for;
    if path.is_none() && !to_stderr || !is_first(line.as_bytes()) {
        return;
    }
    line.push(b"\n");
    let Some(path) = path else {
        line.write_to(libc::STDERR_FILENO);
        return;
    };
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOCTTY;
    let descriptor = kernel::open(path, flags, 0o666);
    if descriptor >= 0 {
        line.write_to(descriptor as i32);
        kernel::close(descriptor as i32);
    }
}

/// Returns whether this has not been said yet. What is beyond the table's end goes
/// unsaid.
fn is_first(line: &[u8]) -> bool {
    static SAID: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

    // FNV-1a; never 0
    let hash = line.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }) | 1;
    for place in &SAID {
        match place.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(known) if known == hash => return false,
            Err(_) => {}
        }
    }
    false
}
