//! The table of names that are called behind the shim, with their types, and what
//! serves their callers before they are found.
//!
//! # Safety
//!
//! What this module owes: each name has the type that its manual page says, and what
//! stands in for a function keeps that type's promises.

#![allow(unsafe_code, reason = "functions of the libc have their types here")]

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr::null_mut;

use libc::{clockid_t, mqd_t, pthread_attr_t, pthread_t, sigevent, timer_t};

use super::name::{Jump, Next};
use crate::function::Function as _;
use crate::slab::StartRoutine;
use crate::{arch, errno};

/// pthread_create(3)
pub type PthreadCreate =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, StartRoutine, *mut c_void) -> c_int;
/// thrd_create(3)
pub type ThrdCreate = unsafe extern "C" fn(*mut pthread_t, StartRoutine, *mut c_void) -> c_int;
/// sched_getcpu(3)
pub type SchedGetcpu = unsafe extern "C" fn() -> c_int;
/// dlsym(3)
pub type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
/// dlopen(3)
pub type Dlopen = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
/// dlclose(3)
pub type Dlclose = unsafe extern "C" fn(*mut c_void) -> c_int;
/// dlerror(3)
pub type Dlerror = unsafe extern "C" fn() -> *mut c_char;
/// syscall(2), of which only assembly passes the other arguments on.
pub type Syscall = unsafe extern "C" fn(c_long) -> c_long;
/// gnu_get_libc_version(3)
pub type Version = unsafe extern "C" fn() -> *const c_char;
/// timer_create(2)
pub type TimerCreate = unsafe extern "C" fn(clockid_t, *mut sigevent, *mut timer_t) -> c_int;
/// mq_notify(3)
pub type MqNotify = unsafe extern "C" fn(mqd_t, *mut sigevent) -> c_int;
/// getaddrinfo_a(3), whose second argument is a list of pointers.
pub type GetaddrinfoA =
    unsafe extern "C" fn(c_int, *mut *mut c_char, c_int, *mut sigevent) -> c_int;

/// The libc's function, or that of the next library that interposes it, such as
/// a sanitizer's. Before glibc 2.34, libpthread may come with a dlopen.
pub static PTHREAD_CREATE: Next<PthreadCreate> = Next::new(b"pthread_create");
/// Calls the libc's `pthread_create` from inside.
pub static THRD_CREATE: Next<ThrdCreate> = Next::new(b"thrd_create");
/// See the type.
pub static SCHED_GETCPU: Next<SchedGetcpu> = Next::new(b"sched_getcpu");
/// In libdl before glibc 2.34.
// SAFETY: it passes the arguments on.
pub static DLSYM: Jump<Dlsym> = unsafe { Jump::new(b"dlsym", late_dlsym as *mut c_void) };
/// Likewise.
// SAFETY: it passes the arguments on.
pub static DLOPEN: Jump<Dlopen> = unsafe { Jump::new(b"dlopen", late_dlopen as *mut c_void) };
/// Likewise.
// SAFETY: it passes the arguments on.
pub static DLCLOSE: Jump<Dlclose> = unsafe { Jump::new(b"dlclose", late_dlclose as *mut c_void) };
/// Found without dlsym(3), which would wipe the error that it is asked for.
pub static DLERROR: Next<Dlerror> = Next::new(b"dlerror");
/// See the type.
// SAFETY: it passes the arguments on.
pub static SYSCALL: Jump<Syscall> = unsafe { Jump::new(b"syscall", late_syscall as *mut c_void) };
/// See the type.
pub static VERSION: Next<Version> = Next::new(b"gnu_get_libc_version");
/// In its newer version.
pub static TIMER_CREATE: Next<TimerCreate> = Next::new(b"timer_create");
/// In librt before glibc 2.34.
pub static MQ_NOTIFY: Next<MqNotify> = Next::new(b"mq_notify");
/// In libanl before glibc 2.34.
pub static GETADDRINFO_A: Next<GetaddrinfoA> = Next::new(b"getaddrinfo_a");

arch::late_function! {
    /// dlopen(3) before the dynamic linker's is known: looks for it, and goes on there.
    late_dlopen, find_dlopen
}

/// Returns where dlopen(3) goes on.
extern "C" fn find_dlopen() -> *mut c_void {
    let missing: Dlopen = no_dlopen;
    DLOPEN.get().unwrap_or(missing).address()
}

unsafe extern "C" fn no_dlopen(_: *const c_char, _: c_int) -> *mut c_void {
    null_mut()
}

arch::late_function! {
    /// dlsym(3), as `late_dlopen`.
    late_dlsym, find_dlsym
}

extern "C" fn find_dlsym() -> *mut c_void {
    let missing: Dlsym = no_dlsym;
    DLSYM.get().unwrap_or(missing).address()
}

unsafe extern "C" fn no_dlsym(_: *mut c_void, _: *const c_char) -> *mut c_void {
    null_mut()
}

arch::late_function! {
    /// syscall(2), as `late_dlopen`.
    late_syscall, find_syscall
}

extern "C" fn find_syscall() -> *mut c_void {
    match SYSCALL.get() {
        Some(function) => function.address(),
        None => syscall_by_instruction as *mut c_void,
    }
}

/// Serves callers where there is no such function.
unsafe extern "C" fn syscall_by_instruction(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
) -> c_long {
    // SAFETY: the caller's own system call.
    errno::answer(unsafe {
        arch::syscall6(
            number as usize,
            [first, second, third, fourth, fifth, sixth],
        )
    })
}

arch::late_function! {
    /// dlclose(3), as `late_dlopen`.
    late_dlclose, find_dlclose
}

extern "C" fn find_dlclose() -> *mut c_void {
    let missing: Dlclose = no_dlclose;
    DLCLOSE.get().unwrap_or(missing).address()
}

unsafe extern "C" fn no_dlclose(_: *mut c_void) -> c_int {
    -1
}
