//! The ptrace requests that the tracer makes, each with its types checked.
//!
//! # Safety
//!
//! Requests never write into this process except through the answer buffers
//! declared here, whose size is passed along. A wrong thread id is an error
//! (ESRCH), not a fault.

use std::io;
use std::ptr::null_mut;

use libc::{c_int, c_uint, c_void, pid_t, ptrace_syscall_info};
use tls_model::rseq::{PTRACE_GET_RSEQ_CONFIGURATION, PtraceConfiguration};

/// `PTRACE_EVENT_STOP`: a new tracee, a group stop or an interrupt.
pub const EVENT_STOP: c_int = 128;

/// The options the tracer seizes with: see every new task, every exec and every
/// filtered call; mark system call stops; kill all tracees with the tracer.
const OPTIONS: c_int = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_EXITKILL;

fn request(code: c_uint, tid: pid_t, address: usize, data: *mut c_void) -> io::Result<i64> {
    // SAFETY: `data` is null, a number, or a buffer of `address` bytes (of a
    // siginfo_t's for PTRACE_GETSIGINFO): see the callers, which are all in this
    // file.
    let answer = unsafe { libc::ptrace(code, tid, address, data) };
    if answer < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}

/// Returns a number in the place of the data pointer.
fn number(value: c_int) -> *mut c_void {
    std::ptr::without_provenance_mut(value as usize)
}

/// Becomes the tracer of `tid` and of every task it makes.
///
/// # Errors
///
/// The kernel's, as for every request here.
pub fn seize(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, number(OPTIONS)).map(drop)
}

/// Becomes the tracer of `tid` alone.
///
/// # Errors
///
/// The kernel's.
pub fn seize_quietly(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, null_mut()).map(drop)
}

/// Stops a seized task.
///
/// # Errors
///
/// The kernel's.
pub fn interrupt(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, null_mut()).map(drop)
}

/// Lets a stopped task go on, with a signal unless it is 0.
///
/// # Errors
///
/// The kernel's.
pub fn go_on(tid: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, number(signal)).map(drop)
}

/// Lets a stopped task go on up to the end of its system call.
///
/// # Errors
///
/// The kernel's.
pub fn go_on_to_exit_of_call(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, tid, 0, null_mut()).map(drop)
}

/// Lets a stopped task execute one instruction.
///
/// # Errors
///
/// The kernel's.
pub fn single_step(tid: pid_t) -> io::Result<()> {
    single_step_with(tid, 0)
}

/// Does the same, with a signal delivered first unless it is 0.
///
/// # Errors
///
/// The kernel's.
pub fn single_step_with(tid: pid_t, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_SINGLESTEP, tid, 0, number(signal)).map(drop)
}

/// Returns why a task stopped for a signal: its `si_code`.
///
/// # Errors
///
/// The kernel's.
pub fn signal_code(tid: pid_t) -> io::Result<c_int> {
    // SAFETY: plain numbers and pointers nobody follows, for which zero is a
    // value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    request(libc::PTRACE_GETSIGINFO, tid, 0, (&raw mut info).cast())?;
    Ok(info.si_code)
}

/// The `si_code` of a breakpoint instruction; that of a step is another.
#[cfg(target_arch = "x86_64")]
pub const BREAKPOINT: c_int = libc::SI_KERNEL;
/// The `si_code` of a breakpoint instruction; that of a step is another.
#[cfg(target_arch = "aarch64")]
pub const BREAKPOINT: c_int = libc::TRAP_BRKPT;

/// Lets a task that stopped at a breakpoint instruction go on behind it: the processor is
/// there already.
///
/// # Errors
///
/// None.
#[cfg(target_arch = "x86_64")]
pub fn pass_breakpoint(_tid: pid_t) -> io::Result<()> {
    Ok(())
}

/// Lets a task that stopped at a breakpoint instruction go on behind it.
///
/// # Errors
///
/// The kernel's.
#[cfg(target_arch = "aarch64")]
pub fn pass_breakpoint(tid: pid_t) -> io::Result<()> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let mut buffer = libc::iovec {
        iov_base: (&raw mut registers).cast(),
        iov_len: size_of_val(&registers),
    };
    let set = libc::NT_PRSTATUS as usize;
    request(libc::PTRACE_GETREGSET, tid, set, (&raw mut buffer).cast())?;
    registers.pc += 4;
    buffer.iov_base = (&raw mut registers).cast();
    request(libc::PTRACE_SETREGSET, tid, set, (&raw mut buffer).cast()).map(drop)
}

/// Returns the instruction at an address of a stopped task.
///
/// # Errors
///
/// The kernel's.
#[cfg(target_arch = "aarch64")]
pub fn word(tid: pid_t, address: u64) -> io::Result<u32> {
    let mut word = [0; 4];
    let mut to = libc::iovec {
        iov_base: word.as_mut_ptr().cast(),
        iov_len: word.len(),
    };
    let mut from = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(address as usize),
        iov_len: word.len(),
    };
    // SAFETY: the kernel writes at most four bytes, to where there is room for them.
    let read = unsafe { libc::process_vm_readv(tid, &raw mut to, 1, &raw mut from, 1, 0) };
    if read < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u32::from_le_bytes(word))
}

/// Returns where a stopped task is: the address of its next instruction.
///
/// # Errors
///
/// The kernel's.
pub fn next_instruction(tid: pid_t) -> io::Result<u64> {
    Ok(syscall_info(tid)?.instruction_pointer)
}

/// Leaves a task in its group stop.
///
/// # Errors
///
/// The kernel's.
pub fn listen(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, null_mut()).map(drop)
}

/// Lets go of a stopped task.
///
/// # Errors
///
/// The kernel's.
pub fn detach(tid: pid_t) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, null_mut()).map(drop)
}

/// Where a task stopped in a system call.
#[derive(Clone, Copy, Debug)]
pub enum CallStop {
    /// At the filter: number and arguments.
    Filtered(u64, [u64; 6]),
    /// At the end, with the kernel's answer (a negative errno on failure).
    Exit(i64),
    /// At something else.
    Other,
}

/// Returns what system call a stopped task is in.
///
/// # Errors
///
/// The kernel's.
pub fn call_stop(tid: pid_t) -> io::Result<CallStop> {
    let info = syscall_info(tid)?;
    Ok(match info.op {
        libc::PTRACE_SYSCALL_INFO_SECCOMP => {
            // SAFETY: `op` says that the kernel filled this member.
            let call = unsafe { info.u.seccomp };
            CallStop::Filtered(call.nr, call.args)
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: `op` says that the kernel filled this member.
            let exit = unsafe { info.u.exit };
            CallStop::Exit(exit.sval)
        }
        _ => CallStop::Other,
    })
}

fn syscall_info(tid: pid_t) -> io::Result<ptrace_syscall_info> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut info: ptrace_syscall_info = unsafe { std::mem::zeroed() };
    request(
        libc::PTRACE_GET_SYSCALL_INFO,
        tid,
        size_of::<ptrace_syscall_info>(),
        (&raw mut info).cast(),
    )?;
    Ok(info)
}

/// Returns the registration of a stopped task.
///
/// # Errors
///
/// The kernel's: EIO before Linux 5.13.
pub fn registration(tid: pid_t) -> io::Result<PtraceConfiguration> {
    let mut configuration = PtraceConfiguration::default();
    request(
        PTRACE_GET_RSEQ_CONFIGURATION,
        tid,
        size_of::<PtraceConfiguration>(),
        (&raw mut configuration).cast(),
    )?;
    Ok(configuration)
}

/// Waits for the next change of a task that this thread has started or traces:
/// one task, or any where `tid` is -1. `None` when there is none left.
///
/// # Errors
///
/// The kernel's.
pub fn wait(tid: pid_t) -> io::Result<Option<(pid_t, c_int)>> {
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes one int. __WNOTHREAD keeps children of
        // other test threads out.
        let changed =
            unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        if changed > 0 {
            return Ok(Some((changed, status)));
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ECHILD) => return Ok(None),
            _ => return Err(error),
        }
    }
}
