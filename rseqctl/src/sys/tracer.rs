//! Asks the kernel for the registrations of other processes' threads: each is
//! stopped, asked, and let go before the next.
//!
//! No thread stays stopped, whatever happens: the thread that traces blocks all
//! signals while it works, and the kernel lets go of everything that a thread
//! traces when that thread ends.
//!
//! # Safety
//!
//! Requests never write into this process except through the answer buffers
//! declared here, whose size is passed along. A wrong thread id is an error
//! (ESRCH), not a fault.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io;
use std::ptr::{null_mut, without_provenance_mut};
use std::time::{Duration, Instant};

use libc::{c_int, c_uint, c_void, pid_t};
use tls_model::rseq::{PTRACE_GET_RSEQ_CONFIGURATION, PtraceConfiguration};

use super::signals::{self, Mask};

/// `PTRACE_EVENT_STOP`: an interrupt or a group stop, not a signal on its way.
const EVENT_STOP: c_int = 128;

/// How long a stop that no signal announced may go unnoticed.
const TICK: Duration = Duration::from_millis(1);

/// Where a thread keeps its thread pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerIn {
    /// The base of FS: 64-bit programs.
    Fs,
    /// The base of GS: 32-bit programs.
    Gs,
}

/// What a stopped thread told.
#[derive(Debug)]
pub struct StoppedThread {
    /// Its registration; EIO before Linux 5.13.
    pub registration: io::Result<PtraceConfiguration>,
    /// Its thread pointer.
    pub pointer: Option<u64>,
    /// From the interrupt to the end of the detach: the thread stood still for
    /// this long at most.
    pub stopped: Duration,
    /// From when the stop was seen to the end of the detach: for this long at
    /// least.
    pub held: Duration,
}

/// What one thread told.
#[derive(Debug)]
pub enum ThreadAnswer {
    /// It was stopped, asked and let go.
    Asked(StoppedThread),
    /// It ended before it could be asked.
    Gone,
    /// The kernel does not let us trace it.
    Refused(io::Error),
    /// It did not stop in time, and was let go.
    Late,
}

/// Looks at threads, one after the other; each may take `patience` to stop.
/// Answers come in the order of `threads`.
///
/// Signals to this process wait meanwhile, for the time of one thread's stop.
pub fn stop_and_ask(threads: &[u32], pointer: PointerIn, patience: Duration) -> Vec<ThreadAnswer> {
    let mut seen = Vec::with_capacity(threads.len());
    while let Some(rest) = threads.get(seen.len()..).filter(|rest| !rest.is_empty()) {
        // SIGCHLD tells of stops: it must not be lost on a thread that lets it
        // through, nor be ignored
        let mask = Mask::current();
        Mask::block_all();
        signals::expect_children();
        let looked = std::thread::scope(|scope| {
            scope
                .spawn(|| ask_until_disturbed(rest, pointer, patience))
                .join()
        });
        // a signal that came meanwhile takes effect here
        mask.restore();
        match looked {
            Ok(looked) => seen.extend(looked),
            Err(_) => return seen,
        }
    }
    seen
}

/// Looks at threads until there is a signal for this process, or one thread
/// does not stop: the end of the calling thread lets go of that.
fn ask_until_disturbed(
    threads: &[u32],
    pointer: PointerIn,
    patience: Duration,
) -> Vec<ThreadAnswer> {
    go_first();
    let mut seen = Vec::with_capacity(threads.len());
    for &thread in threads {
        let one = ask_thread(thread.cast_signed(), pointer, patience);
        let is_late = matches!(one, ThreadAnswer::Late);
        seen.push(one);
        if is_late || signals::is_any_pending() {
            break;
        }
    }
    seen
}

/// Makes the calling thread run as soon as it can: a thread that has stopped
/// waits for us. Without the right to (CAP_SYS_NICE) it waits a little longer.
fn go_first() {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: a filled structure; of the calling thread only.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const priority) };
}

fn ask_thread(thread: pid_t, pointer: PointerIn, patience: Duration) -> ThreadAnswer {
    if let Err(error) = request(libc::PTRACE_SEIZE, thread, 0, null_mut()) {
        return match error.raw_os_error() {
            Some(libc::ESRCH) => ThreadAnswer::Gone,
            _ => ThreadAnswer::Refused(error),
        };
    }
    let start = Instant::now();
    // an error means that it is about to end: the wait tells
    let _ = request(libc::PTRACE_INTERRUPT, thread, 0, null_mut());
    let signal = match wait(thread, start + patience) {
        Wait::Stopped(signal) => signal,
        Wait::Gone => return ThreadAnswer::Gone,
        Wait::Late => return ThreadAnswer::Late,
    };
    let seen = Instant::now();
    let registration = registration(thread);
    let pointer = thread_pointer(thread, pointer);
    let let_go = request(libc::PTRACE_DETACH, thread, 0, number(signal));
    let (stopped, held) = (start.elapsed(), seen.elapsed());
    if let_go.is_err() {
        // killed while it was stopped
        return ThreadAnswer::Gone;
    }
    match registration {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => ThreadAnswer::Gone,
        registration => ThreadAnswer::Asked(StoppedThread {
            registration,
            pointer,
            stopped,
            held,
        }),
    }
}

fn request(code: c_uint, thread: pid_t, address: usize, data: *mut c_void) -> io::Result<()> {
    // The system call itself: libc's function answers PEEK requests otherwise.
    // SAFETY: `data` is null, a number, or a buffer of the request's size: see
    // the callers, which are all in this file.
    let answer = unsafe { libc::syscall(libc::SYS_ptrace, code, thread, address, data) };
    if answer < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Returns a number in the place of the data pointer.
fn number(value: c_int) -> *mut c_void {
    without_provenance_mut(value as usize)
}

enum Wait {
    /// With the signal that was on its way to the thread, or 0.
    Stopped(c_int),
    Gone,
    Late,
}

fn wait(thread: pid_t, end: Instant) -> Wait {
    loop {
        let mut status = 0;
        let options = libc::__WALL | libc::__WNOTHREAD | libc::WNOHANG;
        // SAFETY: the kernel writes one int.
        match unsafe { libc::waitpid(thread, &raw mut status, options) } {
            0 => {
                let rest = end.saturating_duration_since(Instant::now());
                if rest.is_zero() {
                    return Wait::Late;
                }
                // the signal may have come before the wait, or gone to a
                // thread that is none of ours
                signals::wait_for_child(rest.min(TICK));
            }
            1.. if libc::WIFSTOPPED(status) => {
                let is_signal = status >> 16 != EVENT_STOP;
                let signal = libc::WSTOPSIG(status);
                return Wait::Stopped(if is_signal { signal } else { 0 });
            }
            1.. => return Wait::Gone,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return Wait::Gone,
        }
    }
}

fn registration(thread: pid_t) -> io::Result<PtraceConfiguration> {
    let mut configuration = PtraceConfiguration::default();
    request(
        PTRACE_GET_RSEQ_CONFIGURATION,
        thread,
        size_of::<PtraceConfiguration>(),
        (&raw mut configuration).cast(),
    )?;
    Ok(configuration)
}

/// Returns the base of the segment register, from the thread's `struct user`, which
/// begins with its registers.
#[cfg(target_arch = "x86_64")]
fn thread_pointer(thread: pid_t, pointer: PointerIn) -> Option<u64> {
    use std::mem::{MaybeUninit, offset_of};

    use libc::user_regs_struct;

    let offset = match pointer {
        PointerIn::Fs => offset_of!(user_regs_struct, fs_base),
        PointerIn::Gs => offset_of!(user_regs_struct, gs_base),
    };
    let mut word = MaybeUninit::<u64>::uninit();
    request(
        libc::PTRACE_PEEKUSER,
        thread,
        offset,
        word.as_mut_ptr().cast(),
    )
    .ok()?;
    // SAFETY: filled in by the request.
    Some(unsafe { word.assume_init() })
}

/// Returns the thread's pointer to its own storage: 8 bytes, 4 for 32-bit programs.
#[cfg(target_arch = "aarch64")]
fn thread_pointer(thread: pid_t, _pointer: PointerIn) -> Option<u64> {
    /// `NT_ARM_TLS` (linux/elf.h), which libc has no name for.
    const ARM_TLS: usize = 0x401;

    let mut word = 0_u64;
    let mut answer = libc::iovec {
        iov_base: (&raw mut word).cast(),
        iov_len: size_of::<u64>(),
    };
    request(
        libc::PTRACE_GETREGSET,
        thread,
        ARM_TLS,
        (&raw mut answer).cast(),
    )
    .ok()?;
    (answer.iov_len > 0).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::{Child, Command};

    struct Sleeper(Child);

    impl Sleeper {
        fn start() -> Self {
            let child = Command::new("sleep").arg("600").spawn();
            Self(child.expect("a child"))
        }

        fn ask(&self, patience: Duration) -> ThreadAnswer {
            let mut seen = stop_and_ask(&[self.0.id()], PointerIn::Fs, patience);
            seen.pop().expect("one answer")
        }

        fn status(&self) -> String {
            let path = format!("/proc/{}/status", self.0.id());
            fs::read_to_string(path).expect("a process")
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn what_does_not_stop_in_time_is_let_go() {
        let sleeper = Sleeper::start();
        for _ in 0..50 {
            // it may have stopped all the same
            let seen = sleeper.ask(Duration::ZERO);
            assert!(
                matches!(
                    seen,
                    ThreadAnswer::Late | ThreadAnswer::Asked(_) | ThreadAnswer::Refused(_)
                ),
                "{seen:?}"
            );
        }
        let end = Instant::now() + Duration::from_secs(300);
        while !sleeper.status().contains("TracerPid:\t0\n")
            || sleeper.status().contains("State:\tt")
        {
            assert!(Instant::now() < end, "{}", sleeper.status());
        }
        let seen = sleeper.ask(Duration::from_secs(60));
        // where nobody may trace, nobody is stopped either
        let ThreadAnswer::Asked(answer) = seen else {
            assert!(matches!(seen, ThreadAnswer::Refused(_)), "{seen:?}");
            return;
        };
        assert!(answer.held <= answer.stopped, "{answer:?}");
    }

    #[test]
    fn who_is_gone_is_gone() {
        let sleeper = Sleeper::start();
        let id = sleeper.0.id();
        drop(sleeper);
        let seen = stop_and_ask(&[id, id], PointerIn::Fs, Duration::from_secs(60));
        assert!(
            seen.len() == 2 && seen.iter().all(|one| matches!(one, ThreadAnswer::Gone)),
            "{seen:?}"
        );
    }
}
