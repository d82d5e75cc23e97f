//! The system calls that the shim makes itself, without libc: errno stays the
//! application's.
//!
//! Results are the kernel's: a negative value is `-errno`.
//!
//! # Safety
//!
//! What this module owes: pointers handed to the kernel are valid for the
//! lengths handed with them, which the safe signatures see to.

#![allow(unsafe_code, reason = "system calls")]

use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

use tls_model::rseq::{Rseq, arch};

use crate::arch::{MAPS_BY_BLOCK, syscall4, syscall6};

const ARCH: arch::Arch = match arch::native() {
    Some(arch) => arch,
    None => panic!("no rseq numbers for this architecture"),
};

/// The signature that every user of rseq on this architecture agrees on.
pub const SIGNATURE: u32 = ARCH.signature;

/// Bytes of a page, once the kernel has said so ([`set_page`]).
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Returns the bytes of a page: AArch64 has kernels with pages of 4, 16 and 64 KiB.
pub fn page() -> usize {
    PAGE.load(Ordering::Relaxed)
}

/// Remembers what the kernel says at the start (AT_PAGESZ).
pub fn set_page(bytes: usize) {
    PAGE.store(bytes, Ordering::Relaxed);
}

/// Calls `sys_rseq(area, length, flags, signature)`.
///
/// # Safety
///
/// A registered area must outlive the thread or be unregistered before.
pub unsafe fn rseq(area: *mut Rseq, length: u32, flags: u32, signature: u32) -> isize {
    let arguments = [
        area.expose_provenance(),
        length as usize,
        flags as usize,
        signature as usize,
    ];
    // SAFETY: the caller answers for the area.
    unsafe { syscall4(ARCH.syscall as usize, arguments) }
}

/// Opens a file with `O_CLOEXEC` added.
pub fn open(path: &CStr, flags: i32, mode: u32) -> isize {
    let arguments = [
        libc::AT_FDCWD as isize as usize,
        path.as_ptr().expose_provenance(),
        (flags | libc::O_CLOEXEC) as usize,
        mode as usize,
        0,
        0,
    ];
    // SAFETY: the path is a C string.
    unsafe { syscall6(libc::SYS_openat as usize, arguments) }
}

/// Closes a descriptor of our own.
pub fn close(descriptor: i32) {
    // SAFETY: no memory is involved; the descriptor is ours.
    unsafe {
        syscall6(
            libc::SYS_close as usize,
            [descriptor as usize, 0, 0, 0, 0, 0],
        )
    };
}

/// Reads at an offset, without moving the file position.
pub fn pread(descriptor: i32, buffer: &mut [u8], offset: u64) -> isize {
    let arguments = [
        descriptor as usize,
        buffer.as_mut_ptr().expose_provenance(),
        buffer.len(),
        offset as usize,
        0,
        0,
    ];
    // SAFETY: the buffer is valid for its length.
    unsafe { syscall6(libc::SYS_pread64 as usize, arguments) }
}

/// Writes bytes once; short writes are the caller's to notice. A pipe that
/// nobody reads is an error, not the SIGPIPE that would end the program.
pub fn write_without_sigpipe(descriptor: i32, bytes: &[u8]) -> isize {
    const SIGPIPE: u64 = 1 << (libc::SIGPIPE - 1);
    let was_pending = pending() & SIGPIPE != 0;
    let mask = change_mask(libc::SIG_BLOCK, SIGPIPE);
    let arguments = [
        descriptor as usize,
        bytes.as_ptr().expose_provenance(),
        bytes.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the bytes are valid for their length.
    let written = unsafe { syscall6(libc::SYS_write as usize, arguments) };
    if written == -libc::EPIPE as isize && !was_pending {
        take_pending(SIGPIPE);
    }
    change_mask(libc::SIG_SETMASK, mask);
    written
}

/// Bytes of the kernel's signal sets.
const SET: usize = size_of::<u64>();

/// Returns the signals that are pending for the calling thread.
fn pending() -> u64 {
    let mut set = 0u64;
    // SAFETY: the kernel writes `SET` bytes.
    unsafe {
        syscall6(
            libc::SYS_rt_sigpending as usize,
            [(&raw mut set).expose_provenance(), SET, 0, 0, 0, 0],
        )
    };
    set
}

/// Changes the calling thread's signal mask; returns what it was.
fn change_mask(how: i32, set: u64) -> u64 {
    let mut before = 0u64;
    let arguments = [
        how as usize,
        (&raw const set).expose_provenance(),
        (&raw mut before).expose_provenance(),
        SET,
        0,
        0,
    ];
    // SAFETY: both sets are `SET` bytes long.
    unsafe { syscall6(libc::SYS_rt_sigprocmask as usize, arguments) };
    before
}

/// Takes one of the blocked signals in `set` off the pending ones, if there is one.
fn take_pending(set: u64) {
    let at_once = [0u64; 2];
    let arguments = [
        (&raw const set).expose_provenance(),
        0,
        (&raw const at_once).expose_provenance(),
        SET,
        0,
        0,
    ];
    // SAFETY: a set and a time of the sizes that the kernel expects.
    unsafe { syscall6(libc::SYS_rt_sigtimedwait as usize, arguments) };
}

/// Writes the current directory as a C string into `buffer`; returns its length with the
/// terminating zero.
pub fn getcwd(buffer: &mut [u8]) -> isize {
    let arguments = [
        buffer.as_mut_ptr().expose_provenance(),
        buffer.len(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the buffer is valid for its length.
    unsafe { syscall6(libc::SYS_getcwd as usize, arguments) }
}

/// Returns the process id.
pub fn getpid() -> u32 {
    // SAFETY: no arguments.
    (unsafe { syscall6(libc::SYS_getpid as usize, [0; 6]) }) as u32
}

/// Returns fresh zeroed memory, or null.
pub fn map_anonymous(bytes: usize) -> *mut c_void {
    map(bytes, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
}

/// Returns the first `bytes` of a file, shared with everybody who maps it, or null.
pub fn map_shared(descriptor: i32, bytes: usize) -> *mut c_void {
    map(bytes, libc::MAP_SHARED, descriptor)
}

fn map(bytes: usize, flags: i32, descriptor: i32) -> *mut c_void {
    let arguments = [
        0,
        bytes,
        (libc::PROT_READ | libc::PROT_WRITE) as usize,
        flags as usize,
        descriptor as isize as usize,
        0,
    ];
    let block = [arguments.as_ptr().expose_provenance(), 0, 0, 0, 0, 0];
    let arguments = if MAPS_BY_BLOCK { block } else { arguments };
    // SAFETY: a new mapping at an address of the kernel's choice.
    let result = unsafe { syscall6(libc::SYS_mmap as usize, arguments) };
    if result < 0 {
        core::ptr::null_mut()
    } else {
        core::ptr::with_exposed_provenance_mut(result as usize)
    }
}

/// Gives memory from [`map_anonymous`] back.
///
/// # Safety
///
/// Nobody may use the memory any more.
pub unsafe fn unmap(memory: *mut c_void, bytes: usize) {
    let arguments = [memory.expose_provenance(), bytes, 0, 0, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { syscall6(libc::SYS_munmap as usize, arguments) };
}

/// Writes CPU and node of the calling thread, by a system call.
///
/// # Safety
///
/// The pointers are null or valid for writes.
pub unsafe fn getcpu(cpu: *mut u32, node: *mut u32) -> isize {
    let arguments = [
        cpu.expose_provenance(),
        node.expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the caller's pointers.
    unsafe { syscall6(libc::SYS_getcpu as usize, arguments) }
}

/// Changes what may be done with the page at `address`.
///
/// # Safety
///
/// Nobody relies on the page's protection meanwhile.
pub unsafe fn protect_page(address: usize, protection: i32) -> isize {
    let bytes = page();
    let start = address & !(bytes - 1);
    // SAFETY: the caller's promise.
    unsafe {
        syscall6(
            libc::SYS_mprotect as usize,
            [start, bytes, protection as usize, 0, 0, 0],
        )
    }
}

/// Sleeps until a signal.
pub fn pause() {
    // SAFETY: no descriptors, no limit and no mask: nothing that a pointer leads to.
    unsafe { syscall6(libc::SYS_ppoll as usize, [0; 6]) };
}

/// The file that this process executes, whatever has become of its name.
pub const EXECUTABLE: &CStr = c"/proc/self/exe";

/// Returns device and inode of the file that this process runs, where /proc tells.
pub fn executable() -> Option<(u64, u64)> {
    file_number(EXECUTABLE)
}

/// Returns device and inode of a file.
pub fn file_number(path: &CStr) -> Option<(u64, u64)> {
    status(path).map(|status| (status.st_dev, status.st_ino))
}

/// Returns what stat(2) says of a file. It calls newfstatat: sandboxes that were
/// written before Linux 4.11 forbid statx, or end the program for it.
fn status(path: &CStr) -> Option<libc::stat> {
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    let arguments = [
        libc::AT_FDCWD as isize as usize,
        path.as_ptr().expose_provenance(),
        status.as_mut_ptr().expose_provenance(),
        0,
        0,
        0,
    ];
    // SAFETY: a C string, and room for the answer.
    let result = unsafe { syscall6(libc::SYS_newfstatat as usize, arguments) };
    // SAFETY: numbers only, and zeroes before the kernel filled them in.
    let status = unsafe { status.assume_init() };
    (result == 0).then_some(status)
}

/// Returns whether this process has more than one thread; nothing without /proc.
pub fn is_threaded() -> Option<bool> {
    // a folder has a link of its own, one from above, and one from each below
    status(c"/proc/self/task").map(|status| status.st_nlink > 3)
}

/// Returns whether somebody traces this process; nothing without /proc.
pub fn is_traced() -> Option<bool> {
    const TRACER: &[u8] = b"\nTracerPid:\t";
    const NOBODY: &[u8] = b"0\n";

    let descriptor = open(c"/proc/self/status", libc::O_RDONLY, 0);
    if descriptor < 0 {
        return None;
    }
    // the line stands before all that can be long
    let mut text = [0; 512];
    let length = pread(descriptor as i32, &mut text, 0).max(0) as usize;
    close(descriptor as i32);
    let text = text.get(..length)?;
    let place = text.windows(TRACER.len()).position(|part| part == TRACER)?;
    Some(!text.get(place + TRACER.len()..)?.starts_with(NOBODY))
}

/// Waits that many milliseconds, fewer than a thousand, or until a signal comes.
pub fn wait(milliseconds: u32) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: i64::from(milliseconds) * 1_000_000,
    };
    let arguments = [
        libc::CLOCK_MONOTONIC as usize,
        0,
        (&raw const time).expose_provenance(),
        0,
        0,
        0,
    ];
    // SAFETY: a filled time; the remaining time is not asked for.
    unsafe { syscall6(libc::SYS_clock_nanosleep as usize, arguments) };
}

/// Executes a file in place of this program. Returns only where the kernel does
/// not.
///
/// # Safety
///
/// The lists hold C strings and end with a null.
pub unsafe fn execve(
    file: &CStr,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> isize {
    let arguments = [
        file.as_ptr().expose_provenance(),
        arguments.expose_provenance(),
        environment.expose_provenance(),
        0,
        0,
        0,
    ];
    // SAFETY: the caller's lists.
    unsafe { syscall6(libc::SYS_execve as usize, arguments) }
}

/// Returns what the kernel calls the calling thread, without the zero behind it.
pub fn thread_name() -> impl Iterator<Item = u8> {
    let mut name = [0u8; 16];
    let arguments = [
        libc::PR_GET_NAME as usize,
        name.as_mut_ptr().expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: room for the 16 bytes of a name.
    unsafe { syscall6(libc::SYS_prctl as usize, arguments) };
    name.into_iter().take_while(|&byte| byte != 0)
}

/// Sets what the kernel calls the calling thread; a zero ends the name.
pub fn set_thread_name(name: &[u8; 16]) {
    let arguments = [
        libc::PR_SET_NAME as usize,
        name.as_ptr().expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: a C string of at most 16 bytes.
    unsafe { syscall6(libc::SYS_prctl as usize, arguments) };
}

/// What uname(2) says.
pub struct Names(libc::utsname);

impl Names {
    /// Returns the kernel's release.
    pub fn release(&self) -> &[u8] {
        text(&self.0.release)
    }

    /// Returns its version: which build of the release it is.
    pub fn version(&self) -> &[u8] {
        text(&self.0.version)
    }
}

/// Returns the kernel's names.
pub fn names() -> Option<Names> {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    let arguments = [names.as_mut_ptr().expose_provenance(), 0, 0, 0];
    // SAFETY: room for what the kernel writes.
    let result = unsafe { syscall4(libc::SYS_uname as usize, arguments) };
    // SAFETY: bytes alone, zero at first.
    (result == 0).then(|| Names(unsafe { names.assume_init() }))
}

fn text(field: &[c_char]) -> &[u8] {
    let length = field.iter().position(|&it| it == 0).unwrap_or(field.len());
    // SAFETY: bytes are read as unsigned ones.
    unsafe { core::slice::from_raw_parts(field.as_ptr().cast(), length) }
}
