//! `librseq_shim.so`: the preload that gives a process exactly one owner of
//! restartable sequences.
//!
//! One module per concern:
//!
//! | module | concern |
//! |---|---|
//! | [`start`] | who owns the registration is asked once |
//! | [`restart`] | a program that needs another owner is started once more |
//! | [`entry`], [`interpose`] | the interposed functions that are assembly, or may come before start-up |
//! | [`threads`] | `pthread_create`, `thrd_create`: every thread registered before its user code |
//! | [`notify`] | SIGEV_THREAD: the same for the threads of timers, message queues and look-ups |
//! | [`syscalls`] | `syscall(SYS_rseq)` of clients: counted, and given way to |
//! | [`names`] | libc names whose answer only the owner of the area knows |
//! | [`loading`] | the loading rules: dlopen, dlclose, dlerror |
//! | [`interface`] | the C interface |
//! | [`acting`] | what follows from who owns the registration |
//! | [`registration`] | the calling thread's registration, and how registrations nest |
//! | [`state`] | what has been decided: read by everybody |
//! | [`callers`] | which version of a name a caller means |
//! | [`next`] | what is behind an interposed name |
//! | [`environment`] | the one table of variables, read once |
//! | [`installed`] | the copy of the shim for every program of a host |
//! | [`report`] | counters, and the JSON object at exit |
//! | [`errno`] | the application's errno: set as the libc would, else left alone |
//! | [`process`] | what the kernel and the dynamic linker left in memory |
//! | [`slab`] | hands start routines over without the application's malloc |
//! | [`kept`] | what notifications are to call, for the life of the process |
//! | [`arena`] | memory that is never given back |
//! | [`atomic`] | the atomics of what is tried in a model |
//! | [`text`] | text in fixed buffers, and where it goes |
//! | [`function`] | an address becomes a function |
//! | [`kernel`] | the system calls made, without libc |
//! | [`arch`] | what differs per instruction set, assembly among it |
//!
//! Modules use those further down only.
//!
//! The rules for all of it: no allocation, no Rust thread-local, no lock, no
//! unwinding, no abort, errno untouched. Where something is not as expected,
//! the program runs on as it would have without the shim.

#![no_std]
#![deny(unsafe_code)]

mod acting;
mod arch;
mod arena;
mod atomic;
mod callers;
mod entry;
mod environment;
mod errno;
mod function;
mod installed;
mod interface;
mod interpose;
mod kept;
mod kernel;
mod loading;
mod names;
mod next;
mod notify;
mod process;
mod registration;
mod report;
mod restart;
mod slab;
mod start;
mod state;
mod syscalls;
mod text;
mod threads;

use core::panic::PanicInfo;

/// Runs before the constructors of every other library (DF_1_INITFIRST).
#[ctor::ctor(unsafe)]
fn at_start() {
    start::decide_once();
}

/// Stops the thread. No code here panics on purpose. Should the compiler's own checks ever
/// get here, the thread must neither unwind into C nor take the process down.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        kernel::pause();
    }
}
