//! "cannot allocate memory in static TLS block": what would help.
//!
//! Objects that are loaded later share a reserve of static TLS that glibc sizes
//! at start-up: `glibc.rtld.optional_static_tls` (glibc 2.33) adds to it.
//!
//! # Safety
//!
//! What this module owes: what it reads of files it reads into buffers of its own;
//! the libc's function has the type that its manual gives.

#![allow(
    unsafe_code,
    reason = "a file is read and a function of the libc called"
)]

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};

use goblin::elf::header::{ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB};
use tls_model::static_tls::OPTIONAL;

use crate::kernel;
use crate::process::Process;
use crate::text::Text;

use crate::next::names::VERSION;

const TUNABLES: &[u8] = b"GLIBC_TUNABLES=";

/// The number is rounded up to this: it need not be exact, only enough.
const STEP: u64 = 64;

/// EI_DATA of the objects of this process.
const BYTE_ORDER: u8 = if cfg!(target_endian = "big") {
    ELFDATA2MSB
} else {
    ELFDATA2LSB
};

/// The tunable's value in this process.
static RESERVE: AtomicU64 = AtomicU64::new(OPTIONAL);

/// Reads the tunable as glibc has read it: the last one that is a number, and
/// none in a privileged program.
pub fn read(process: &Process) {
    if process.is_secure() {
        return;
    }
    process.each_variable(TUNABLES, |variable| {
        let Some(list) = variable.to_bytes().strip_prefix(TUNABLES) else {
            return;
        };
        for setting in list.split(|&byte| byte == b':') {
            let value = setting.strip_prefix(b"glibc.rtld.optional_static_tls=");
            if let Some(value) = value.and_then(number) {
                RESERVE.store(value, Ordering::Relaxed);
            }
        }
    });
}

/// Reads a number as strtoul(3) does with base 0.
fn number(text: &[u8]) -> Option<u64> {
    let (digits, base) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
        [b'0', digits @ ..] => (digits, 8),
        digits => (digits, 10),
    };
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = char::from(digit).to_digit(base)?;
        value
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))
    })
}

/// Appends what would help. `words` is the dynamic linker's own message, which
/// begins with the object's path.
pub fn hint<const CAPACITY: usize>(words: &[u8], text: &mut Text<CAPACITY>) {
    let wanted = size_of_named(words).unwrap_or(0);
    if !has_tunable() || wanted == 0 {
        text.push(b" (it has room at start-up only: link with it, or preload it)");
        return;
    }
    // the reserve has less than `wanted` left, so that much more is enough
    let enough = RESERVE.load(Ordering::Relaxed).saturating_add(wanted);
    text.push(b" (start the program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=");
    text.push_number(enough.checked_next_multiple_of(STEP).unwrap_or(enough));
    text.push(b")");
}

/// Returns the thread-local storage of the object that a message begins with: the dynamic
/// linker has just read the same file, and has unmapped it since.
fn size_of_named(words: &[u8]) -> Option<u64> {
    let mut path = Text::<512>::new();
    let end = words.iter().position(|&byte| byte == b':')?;
    path.push(words.get(..end)?).push(b"\0");
    let path = CStr::from_bytes_until_nul(path.as_bytes()).ok()?;
    // a FIFO by that name must not stop the program
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let descriptor = i32::try_from(kernel::open(path, flags, 0)).ok()?;
    if descriptor < 0 {
        return None;
    }
    let size = size_in_file(descriptor);
    kernel::close(descriptor);
    size
}

/// Returns p_memsz and p_align of its PT_TLS: all the room it can take.
fn size_in_file(descriptor: i32) -> Option<u64> {
    // Elf64_Ehdr, Elf64_Phdr (gABI, chapters 4 and 5)
    let header: [u8; 64] = read_at(descriptor, 0)?;
    let [b'\x7f', b'E', b'L', b'F', ELFCLASS64, BYTE_ORDER, ..] = header else {
        return None;
    };
    let start = number_at(&header, 32)?;
    let size = u64::from(half_at(&header, 54)?);
    let count = u64::from(half_at(&header, 56)?);
    (0..count).find_map(|index| {
        let place = start.checked_add(index * size)?;
        let segment: [u8; 56] = read_at(descriptor, place)?;
        let is_tls = segment.starts_with(&libc::PT_TLS.to_ne_bytes());
        is_tls.then_some(())?;
        Some(number_at(&segment, 40)?.saturating_add(number_at(&segment, 48)?))
    })
}

fn read_at<const LENGTH: usize>(descriptor: i32, offset: u64) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let count = kernel::pread(descriptor, &mut bytes, offset);
    (count == LENGTH as isize).then_some(bytes)
}

fn number_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let (bytes, _) = bytes.get(offset..)?.split_first_chunk()?;
    Some(u64::from_ne_bytes(*bytes))
}

fn half_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let (bytes, _) = bytes.get(offset..)?.split_first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn has_tunable() -> bool {
    let Some(version) = VERSION.get() else {
        return false;
    };
    // SAFETY: a C string that lives as long as the libc.
    let version = unsafe { version() };
    // SAFETY: likewise.
    let version = unsafe { CStr::from_ptr(version) }.to_bytes();
    let minor = version.strip_prefix(b"2.").unwrap_or_default();
    let digits = minor.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')) >= 33
}
