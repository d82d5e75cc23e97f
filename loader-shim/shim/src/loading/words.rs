//! What the loading rules have to say: to the program by dlerror, to people by
//! the log.
//!
//! # Safety
//!
//! What this module owes: the text of a thread is written by that thread only,
//! and answered to it only.

use core::cell::{Cell, UnsafeCell};
use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tls_model::loading::Breach;

use crate::environment::{LOG_PATH, Log};
use crate::text::Text;
use crate::{arch, kernel};

use super::survey::Found;
use super::{Policy, budget, stack};

/// Bytes of a message.
const MESSAGE: usize = 480;

/// Refused calls go on to the dynamic linker with this name and no binding
/// mode, which is an error there: so it is the dynamic linker that keeps the
/// error pending, until the next call of its own, and dlerror only has to say
/// it in better words.
pub const REFUSED: &CStr = c"librseq_shim.so: refused";

const NO_ROOM: &[u8] = b"cannot allocate memory in static TLS block";

/// What a thread has to say about its last load.
#[repr(C)]
pub struct Message {
    /// Bytes of thread-local storage that it was to bring.
    thread_local: Cell<u64>,
    /// The last message.
    text: UnsafeCell<[u8; MESSAGE]>,
}

impl Message {
    /// Nothing to say.
    pub const fn new() -> Self {
        Self {
            thread_local: Cell::new(0),
            text: UnsafeCell::new([0; MESSAGE]),
        }
    }

    fn set(&self, text: &Text<MESSAGE>) -> *mut c_char {
        let place: *mut u8 = self.text.get().cast();
        let bytes = text.as_bytes();
        let bytes = bytes.get(..MESSAGE - 1).unwrap_or(bytes);
        for (index, &byte) in bytes.iter().chain(&[0]).enumerate() {
            // SAFETY: at most MESSAGE bytes, of this thread's own buffer.
            unsafe { place.wrapping_add(index).write(byte) };
        }
        place.cast()
    }

    fn get(&self) -> *mut c_char {
        self.text.get().cast()
    }
}

/// Remembers for dlerror what the load of this thread was to bring.
pub fn about_to_load(thread_local: u64) {
    arch::loading().message.thread_local.set(thread_local);
}

/// Prepares what dlerror is to say about a refused load.
pub fn refuse(found: &Found, breach: Breach) {
    let mut text = Text::new();
    text.push(found.name.as_bytes());
    text.push(b": not loaded: it ");
    text.push(breach.text().as_bytes());
    text.push(b" (rule ").push(breach.rule().as_bytes());
    text.push(b"; RSEQ_SHIM_LOADING=warn loads it all the same)");
    arch::loading().message.set(&text);
    say(Policy::Enforce, found.name.as_bytes(), |line| {
        line.push(b"refused: ").push(breach.rule().as_bytes());
    });
}

/// Says what would have been refused.
pub fn would_refuse(found: &Found, breach: Breach) {
    say(Policy::Warn, found.name.as_bytes(), |line| {
        line.push(breach.text().as_bytes());
        line.push(b" (rule ").push(breach.rule().as_bytes());
        line.push(b")");
    });
}

/// Says that a definer is promoted, or would be.
pub fn promoted(policy: Policy, name: &[u8]) {
    say(policy, name, |line| {
        if policy == Policy::Warn {
            line.push(b"defines __rseq_abi but is loaded with RTLD_LOCAL, or can be unloaded (rule definer-not-promoted)");
        } else {
            line.push(b"promoted to RTLD_GLOBAL | RTLD_NODELETE: it defines __rseq_abi");
        }
    });
}

/// What dlerror answers where the dynamic linker answers `error`.
pub fn error(error: *mut c_char) -> *mut c_char {
    if error.is_null() {
        return error;
    }
    // SAFETY: dlerror(3) answers a C string or null.
    let words = unsafe { CStr::from_ptr(error) }.to_bytes();
    let message = &arch::loading().message;
    if words.starts_with(REFUSED.to_bytes()) {
        return message.get();
    }
    if !words.ends_with(NO_ROOM) {
        return error;
    }
    let mut text = Text::new();
    text.push(words);
    stack::with_room(|_| budget::hint(message.thread_local.get(), words, &mut text));
    message.set(&text)
}

/// `Log` by number.
static LOG: AtomicU32 = AtomicU32::new(Log::Off as u32);

/// Remembers where to say it.
pub fn open(log: Log) {
    LOG.store(log as u32, Ordering::Relaxed);
}

/// One line per object. In `warn` it is what was asked for, so it goes to
/// standard error where there is no log.
fn say(policy: Policy, name: &[u8], words: impl FnOnce(&mut Text<512>)) {
    let log = LOG.load(Ordering::Relaxed);
    let path = (log == Log::File as u32).then(|| LOG_PATH.get()).flatten();
    let to_stderr = log == Log::Stderr as u32 || policy == Policy::Warn;
    if path.is_none() && !to_stderr || !is_first(name) {
        return;
    }
    let mut line = Text::new();
    line.push(b"librseq_shim: ").push(name).push(b": ");
    words(&mut line);
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

/// Whether nothing has been said about this object yet. What is beyond the
/// table's end goes unsaid.
fn is_first(name: &[u8]) -> bool {
    static SAID: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

    // FNV-1a; never 0
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
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
