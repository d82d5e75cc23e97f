//! `librseq_shim.so`: the preload that gives a process exactly one owner of
//! restartable sequences.
//!
//! One module per concern:
//!
//! | module | concern |
//! |---|---|
//! | [`owner`] | who owns the registration: asked once, at start-up |
//! | [`register`] | registers the calling thread's area |
//! | [`nesting`] | registrations nest per thread, also in signal handlers |
//! | [`threads`] | `pthread_create`, `thrd_create`: every thread registered before its user code |
//! | [`notify`] | SIGEV_THREAD: the same for the threads of timers, message queues and look-ups |
//! | [`syscalls`] | `syscall(SYS_rseq)` of clients: counted, and given way to |
//! | [`names`] | libc names whose answer only the owner of the area knows |
//! | [`callers`] | which version of a name a caller means |
//! | [`next`] | what is behind an interposed name |
//! | [`loading`] | the loading rules: dlopen, dlclose, dlerror |
//! | [`environment`] | the one table of variables, read once |
//! | [`report`] | counters, and the JSON object at exit |
//! | [`process`] | what the kernel and the dynamic linker left in memory |
//! | [`slab`] | hands start routines over without the application's malloc |
//! | [`kept`] | what notifications are to call, for the life of the process |
//! | [`arena`] | memory that is never given back |
//! | [`errno`] | the application's errno: set as the libc would, else left alone |
//! | [`text`] | text in fixed buffers, and where it goes |
//! | [`kernel`] | the system calls made, without libc |
//! | [`arch`] | assembly, one file per instruction set |
//!
//! The rules for all of it: no allocation, no Rust thread-local, no lock, no
//! unwinding, no abort, errno untouched. Where something is not as expected,
//! the program runs on as it would have without the shim.

#![no_std]
mod arch;
mod arena;
mod callers;
mod environment;
mod errno;
mod interface;
mod kept;
mod kernel;
mod loading;
mod names;
mod nesting;
mod next;
mod notify;
mod owner;
mod process;
mod register;
mod report;
mod slab;
mod syscalls;
mod text;
mod threads;

use core::panic::PanicInfo;

/// Runs before the constructors of every other library (DF_1_INITFIRST).
#[ctor::ctor(unsafe)]
fn start() {
    owner::decide_once();
}

/// No code here panics on purpose. Should the compiler's own checks ever get
/// here, the thread must neither unwind into C nor take the process down.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        kernel::pause();
    }
}
