//! A program that needs another owner than the one it was started with is executed
//! once more in its place, before any other constructor has run:
//! `tls_model::protocol::restart` says when.
//!
//! The file, the arguments and everything that an exec keeps stay as they are. Of
//! the environment `GLIBC_TUNABLES` changes, for this image alone: what was put
//! there for it is taken out again in [`for_this_image_only`], so that nobody
//! inherits it.
//!
//! # Safety
//!
//! What this module owes: the kernel is given null-terminated lists of C strings,
//! and variables are changed where nobody has read them yet.

#![allow(unsafe_code, reason = "a program is executed")]

use core::ffi::{CStr, c_char};
use core::ptr::null;

use tls_model::owner::Situation;
use tls_model::protocol::HandedPlan;
use tls_model::protocol::restart::{Change, Handed, Permission};
use tls_model::protocol::variable::{RESTART, RSEQ_OFF, RSEQ_TUNABLE, TUNABLES};

use crate::kernel;
use crate::process::{Process, has_constructed};
use crate::text::Text;

/// Bytes for a variable of ours.
const LONGEST: usize = 256;

/// Starts the program once more where that puts it right, and then does not return.
/// Otherwise everything stays as it is, but for what must not be inherited.
pub fn where_it_helps(
    process: &Process,
    handed: Option<Handed>,
    situation: &Situation,
    plan: Option<&HandedPlan>,
    has_libc: bool,
) {
    let Some(handed) = handed else {
        return;
    };
    let planned = plan.map(|plan| plan.switches_libc_off);
    match Change::of(situation, planned, handed.is_tuned, has_libc) {
        Some(change) if handed.permission != Permission::Off => {
            let result = start(process, handed, change, planned.is_some());
            if let (Err(why), Change::SwitchOff) = (result, change) {
                say(process, why);
            }
        }
        _ => {}
    }
    if handed.is_tuned || handed.again.is_some() {
        for_this_image_only(process, handed);
    }
}

/// How long a tracer is given to leave, in milliseconds: a quarter of a second, looking
/// nine times. Few calls, since a tracer may be there to list them.
const WAITS: [u32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Why a program goes on as it was started.
#[derive(Clone, Copy)]
enum Obstacle {
    /// The user has said what the libc is to do.
    UsersWord,
    /// It has been tried.
    ToNoAvail,
    /// On this kernel it would corrupt memory, for all that is known.
    Hazard,
    /// Others have run in this process.
    NotAtStart,
    /// The dynamic linker was executed, whose arguments are gone.
    Linker,
    /// There is no way to the file.
    NoFile,
    /// Somebody traces it, and does not expect another exec.
    Traced,
    /// The kernel refuses to.
    Refused(i32),
}

/// Says so, unless it is as the user wants it.
fn say(process: &Process, why: Obstacle) {
    let mut line = Text::<LONGEST>::new();
    line.push(b"librseq_shim: ");
    let name = process.name().map_or(b"?".as_slice(), CStr::to_bytes);
    for &byte in name.get(..name.len().min(80)).unwrap_or_default() {
        line.push(&[if byte.is_ascii_graphic() { byte } else { b'?' }]);
    }
    line.push(b" (process ")
        .push_number(u64::from(kernel::getpid()))
        .push(b"): its own rseq is refused, the libc has registered; not started anew: ");
    let why: &[u8] = match why {
        Obstacle::UsersWord | Obstacle::NotAtStart => return,
        Obstacle::ToNoAvail => b"its libc does not take glibc.pthread.rseq=0",
        Obstacle::Hazard => {
            b"on this kernel it may corrupt memory; rseqctl run -- PROGRAM looks closer"
        }
        Obstacle::Linker => b"ld.so was executed; put rseqctl run before it",
        Obstacle::NoFile => b"/proc does not lead to its file",
        Obstacle::Traced => b"it is traced; put rseqctl run before it",
        Obstacle::Refused(errno) => {
            line.push(b"errno ")
                .push_number(errno.unsigned_abs().into());
            b" of execve"
        }
    };
    line.push(why).push(b"\n");
    line.write_to(libc::STDERR_FILENO);
}

/// Executes the file of this process with the change. Returns only where that
/// cannot be done, or must not.
fn start(
    process: &Process,
    handed: Handed,
    change: Change,
    is_planned: bool,
) -> Result<(), Obstacle> {
    if handed.again == Some(kernel::getpid()) {
        return Err(Obstacle::ToNoAvail);
    }
    if change == Change::SwitchOff {
        let says = |entry: &[u8]| is_called(entry, RSEQ_TUNABLE);
        if entries(tunables(process)).any(says) {
            return Err(Obstacle::UsersWord);
        }
        // who was planned for was looked at
        if handed.permission == Permission::Unsafe && !is_planned {
            return Err(Obstacle::Hazard);
        }
    }
    if has_constructed() {
        return Err(Obstacle::NotAtStart);
    }
    let is_linker = process.auxiliary(libc::AT_BASE) == Some(0);
    if is_linker || process.auxiliary(AT_EXECFD).is_some() {
        return Err(Obstacle::Linker);
    }
    let file = kernel::executable().ok_or(Obstacle::NoFile)?;
    if kernel::is_threaded().ok_or(Obstacle::NoFile)? || is_traced_for_long()? {
        return Err(Obstacle::Traced);
    }
    // by the name that it was executed by, so that the thread is called the same;
    // a script has another than its interpreter
    let name = process
        .executed()
        .filter(|name| kernel::file_number(name) == Some(file));
    Err(Obstacle::Refused(execute(process, handed, change, name)))
}

/// Returns whether somebody keeps tracing this process. A tracer that only looks at its
/// threads, as `rseqctl ps` does, is given time to leave.
fn is_traced_for_long() -> Result<bool, Obstacle> {
    let is_traced = || kernel::is_traced().ok_or(Obstacle::NoFile);
    for milliseconds in WAITS {
        if !is_traced()? {
            return Ok(false);
        }
        kernel::wait(milliseconds);
    }
    is_traced()
}

/// Executes the file by its name, or else without one, in an environment with the
/// change. Returns only where the kernel does not: its errno.
fn execute(process: &Process, handed: Handed, change: Change, name: Option<&CStr>) -> i32 {
    let words = words(handed, change, name.is_none());
    let value = tunables(process);
    let list_bytes = (process.variables() + 3) * size_of::<*const c_char>();
    let bytes = list_bytes + value.len() + TUNABLES.len() + RSEQ_OFF.len() + 4;
    let memory = kernel::map_anonymous(bytes);
    if memory.is_null() {
        return libc::ENOMEM;
    }
    let tunables: *mut u8 = memory.cast::<u8>().wrapping_add(list_bytes);
    let mut length = 0;
    let mut put = |part: &[u8]| {
        for &byte in part {
            // SAFETY: there is room for the name, the value, one entry more, and a zero.
            unsafe { tunables.wrapping_add(length).write(byte) };
            length += 1;
        }
    };
    put(TUNABLES.as_bytes());
    let mut separator = b"=".as_slice();
    let is_ours = |entry: &&[u8]| *entry == RSEQ_OFF.as_bytes();
    let switches_off = change == Change::SwitchOff;
    let kept = entries(value).filter(|entry| switches_off || !is_ours(entry));
    for entry in kept.chain(switches_off.then_some(RSEQ_OFF.as_bytes())) {
        put(separator);
        put(entry);
        separator = b":";
    }
    put(b"\0");

    let list: *mut *const c_char = memory.cast();
    let mut count = 0;
    let mut add = |string: *const c_char| {
        // SAFETY: as many as there are, two more, and the null at the end.
        unsafe { list.wrapping_add(count).write(string) };
        count += 1;
    };
    process.each_variable(b"", |variable| {
        let bytes = variable.to_bytes();
        if !is_called(bytes, RESTART) && !is_called(bytes, TUNABLES) {
            add(variable.as_ptr());
        }
    });
    if separator == b":" {
        add(tunables.cast_const().cast());
    }
    add(words.as_bytes().as_ptr().cast());
    add(null());
    let file = name.unwrap_or(kernel::EXECUTABLE);
    // SAFETY: null-terminated lists of C strings: ours, and that of the kernel.
    let result = unsafe { kernel::execve(file, process.arguments(), list.cast_const()) };
    // SAFETY: nobody but us knows the memory.
    unsafe { kernel::unmap(memory, bytes) };
    -result as i32
}

/// Returns the variable that says what was done to the image: a C string.
fn words(handed: Handed, change: Change, is_unnamed: bool) -> Text<LONGEST> {
    let mut words = Text::new();
    words
        .push(RESTART.as_bytes())
        .push(b"=")
        .push(handed.permission.name().as_bytes())
        .push(b":")
        .push(Handed::AGAIN)
        .push_number(u64::from(kernel::getpid()));
    if change == Change::SwitchOff {
        words.push(b":").push(Handed::TUNED);
    }
    if is_unnamed {
        words.push(b":").push(Handed::NAME);
        for byte in kernel::thread_name() {
            push_hex(&mut words, byte);
        }
    }
    words.push(b"\0");
    words
}

/// Returns the value of `GLIBC_TUNABLES`.
fn tunables(process: &Process) -> &'static [u8] {
    let variable = process.variable(TUNABLES.as_bytes());
    variable
        .and_then(|it| it.to_bytes().get(TUNABLES.len() + 1..))
        .unwrap_or_default()
}

/// Returns what stands between its colons.
fn entries(tunables: &[u8]) -> impl Iterator<Item = &[u8]> {
    let entries = tunables.split(|&byte| byte == b':');
    entries.filter(|entry| !entry.is_empty())
}

/// Takes out of the environment what holds for this image alone, where it lies:
/// no constructor has read it, and the libc has what it needs.
fn for_this_image_only(process: &Process, handed: Handed) {
    if has_constructed() {
        return;
    }
    if handed.again == Some(kernel::getpid())
        && let Some(words) = process.variable(RESTART.as_bytes())
    {
        let mut words = words.to_bytes().split(|&byte| byte == Handed::SEPARATOR);
        if let Some(name) = words.find_map(|word| word.strip_prefix(Handed::NAME)) {
            kernel::set_thread_name(&from_hex(name));
        }
    }
    if handed.is_tuned {
        process.edit(TUNABLES.as_bytes(), |variable| {
            let end = variable.len();
            let mut places = variable.windows(RSEQ_OFF.len());
            let found = places.rposition(|part| part == RSEQ_OFF.as_bytes())?;
            let after = found + RSEQ_OFF.len();
            // with the separator before it, or else the one behind it
            let before = found
                .checked_sub(1)
                .filter(|&at| variable.get(at) == Some(&b':'));
            Some((
                before.unwrap_or(found),
                if before.is_some() {
                    after
                } else {
                    end.min(after + 1)
                },
            ))
        });
    }
    process.edit(RESTART.as_bytes(), |variable| {
        let value = RESTART.len() + 1;
        let rest = variable.get(value..)?;
        let word = rest.iter().position(|&byte| byte == Handed::SEPARATOR)?;
        Some((value + word, variable.len()))
    });
}

/// A descriptor of the file, for an interpreter that cannot open it by its name.
const AT_EXECFD: u64 = 2;

fn is_called(variable: &[u8], name: &str) -> bool {
    let rest = variable.strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b"="))
}

fn push_hex(text: &mut Text<LONGEST>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for digit in [byte >> 4, byte & 15] {
        text.push(&[DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')]);
    }
}

/// Returns the name of a thread, as [`push_hex`] has written it.
fn from_hex(digits: &[u8]) -> [u8; 16] {
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    let mut name = [0; 16];
    for (place, pair) in name.iter_mut().take(15).zip(digits.chunks_exact(2)) {
        if let [high, low] = *pair {
            *place = value(high) << 4 | value(low);
        }
    }
    name
}
