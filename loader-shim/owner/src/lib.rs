//! `librseq_owner.a`: linked into a program, a static one too, it makes the program
//! the owner of its restartable sequences. It defines `__rseq_abi`, registers it in
//! the main thread before constructors run and in every other thread before its
//! user code, and steps aside where the libc, or the preloaded shim, has registered.
//!
//! What it does is the shim's own code, module by module; only how it is started, and
//! what is behind `pthread_create`, differ in a program that nothing is preloaded
//! into:
//!
//! | module | concern |
//! |---|---|
//! | [`start`] | before every constructor: who owns the registration is asked once |
//! | [`create`] | `pthread_create` and `thrd_create` |
//! | [`behind`] | what is behind them |
//! | [`weak`] | names of the libc that may be absent |
//! | [`symbols`] | the names and the note that it brings into the program |
//! | all others | the shim's |
//!
//! `archive.sh` makes the archive that is shipped of what cargo builds: one object
//! that has no other names than the promised ones.

#![no_std]
#![deny(unsafe_code)]
#![allow(dead_code, reason = "the shim's modules have more than is used here")]
#![allow(unused_imports, reason = "likewise")]
#![allow(unused_macros, reason = "likewise")]

#[path = "../../shim/src/acting.rs"]
mod acting;
#[path = "../../shim/src/arch/mod.rs"]
mod arch;
#[path = "../../shim/src/atomic.rs"]
mod atomic;
#[path = "../../shim/src/environment.rs"]
mod environment;
#[path = "../../shim/src/errno.rs"]
mod errno;
#[path = "../../shim/src/function.rs"]
mod function;
#[path = "../../shim/src/interface.rs"]
mod interface;
#[path = "../../shim/src/kernel.rs"]
mod kernel;
#[path = "../../shim/src/next/mod.rs"]
mod next;
#[path = "../../shim/src/process/mod.rs"]
mod process;
#[path = "../../shim/src/registration/mod.rs"]
mod registration;
#[path = "../../shim/src/report.rs"]
mod report;
#[path = "../../shim/src/slab.rs"]
mod slab;
#[path = "../../shim/src/state.rs"]
mod state;
#[path = "../../shim/src/text.rs"]
mod text;
#[path = "../../shim/src/threads.rs"]
mod threads;

mod behind;
mod create;
mod start;
mod symbols;
mod weak;

use core::panic::PanicInfo;

/// Stops the thread, as in the shim: it must neither unwind into C nor take the process down.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        kernel::pause();
    }
}
