//! What the tests ask of the system, and the unsafe side of lists.
//!
//! # Safety
//!
//! What this module owes: nodes are never freed, and handed over as they were taken.

#![allow(unsafe_code, reason = "the libc's functions, and nodes")]

use std::ptr::NonNull;
use std::sync::{Once, OnceLock};

use super::{FreeList, Node};

macro_rules! node {
    ($type:ty) => {
        // SAFETY: `repr(C)`, and begins with a word for the link.
        #[allow(unsafe_code, reason = "as the trait demands")]
        unsafe impl Node for $type {}
    };
}
pub(crate) use node;

/// Gives a node back.
pub fn push<T: Node, const CPUS: usize>(list: &FreeList<T, CPUS>, node: NonNull<T>) {
    // SAFETY: taken from it, or new, and never freed.
    unsafe { list.push(node) };
}

/// What is in a node that was taken.
pub fn node_of<'a, T>(node: NonNull<T>) -> &'a T {
    // SAFETY: never freed; only its link is written to by others.
    unsafe { node.as_ref() }
}

/// How many processors there are, asked before any thread is told where to run.
pub fn processors() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();

    *COUNT.get_or_init(|| {
        let online = std::fs::read_to_string("/sys/devices/system/cpu/online");
        let last = online.ok().and_then(|list| {
            let last = list.trim().rsplit(['-', ',']).next()?;
            last.parse::<usize>().ok()
        });
        last.map_or(1, |last| last + 1)
    })
}

/// Moves the calling thread to one of the processors that it may run on.
pub fn move_to(number: usize) {
    let count = processors();
    // SAFETY: a set of no processors.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: a set as above, and a small number.
    unsafe { libc::CPU_SET(number % count, &mut set) };
    // SAFETY: the set's own size. It may be refused: then the thread stays.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

/// Sends a signal to every thread: an interruption in a critical section aborts it.
pub fn interrupt_all() {
    static HANDLER: Once = Once::new();

    extern "C" fn nothing(_: libc::c_int) {}

    let handler: extern "C" fn(libc::c_int) = nothing;
    HANDLER.call_once(|| {
        // SAFETY: a handler that does nothing.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    });
    // SAFETY: no arguments.
    let process = unsafe { libc::getpid() };
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return;
    };
    for task in tasks.flatten() {
        let name = task.file_name();
        let Some(Ok(thread)) = name.to_str().map(str::parse::<libc::pid_t>) else {
            continue;
        };
        // SAFETY: numbers only.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
    }
}
