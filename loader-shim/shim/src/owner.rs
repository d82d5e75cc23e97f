//! Who owns the registration: asked once, at start-up, and acted upon from
//! then on. The decision itself is `tls_model::owner`'s; here is what this
//! process shows, and what follows.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tls_model::owner::{Mode, Owner, Plan, Reason, Situation, plan, settle};
use tls_model::rseq::AT_RSEQ_FEATURE_SIZE;

use crate::environment::Environment;
use crate::names::area::{self, LibcArea};
use crate::names::{cpu, lookup};
use crate::process::{self, Process, Program};
use crate::{arch, errno, loading, next, register, report, syscalls, threads};

/// What every new thread does about its registration.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// Nothing, not even counting.
    Nothing = 0,
    /// Count; somebody else registers.
    Watch = 1,
    /// Count, and see whether the libc has registered.
    WatchLibc = 2,
    /// Register `__rseq_abi`.
    Register = 3,
    /// Unregister the libc's area, then register `__rseq_abi`.
    TakeOver = 4,
    /// Say in `__rseq_abi` that there is no registration.
    MarkFailed = 5,
}

const ACTIONS: [Action; 6] = [
    Action::Nothing,
    Action::Watch,
    Action::WatchLibc,
    Action::Register,
    Action::TakeOver,
    Action::MarkFailed,
];

const UNDECIDED: u32 = 0;
const DECIDING: u32 = 1;
const DECIDED: u32 = 2;

static STATE: AtomicU32 = AtomicU32::new(UNDECIDED);
static ACTION: AtomicU32 = AtomicU32::new(Action::Nothing as u32);
static OWNER: AtomicU32 = AtomicU32::new(Owner::Unavailable as u32);

/// A client's own registration goes before ours.
static YIELDS: AtomicBool = AtomicBool::new(true);

/// What new threads do.
pub fn action() -> Action {
    let number = ACTION.load(Ordering::Relaxed);
    ACTIONS
        .get(number as usize)
        .copied()
        .unwrap_or(Action::Nothing)
}

/// Whether this is what new threads do.
pub fn action_is(action: Action) -> bool {
    ACTION.load(Ordering::Relaxed) == action as u32
}

/// Who owns the registration, as a number of `tls_model::owner::Owner`.
pub fn current() -> u32 {
    OWNER.load(Ordering::Relaxed)
}

/// New threads pass through the shim's start routine: to be registered, or to be
/// counted where somebody will read that.
pub fn watches_threads() -> bool {
    prepares_threads() || action() != Action::Nothing && report::counts()
}

/// Threads are the shim's to register, or to mark where they cannot be.
pub fn prepares_threads() -> bool {
    matches!(
        action(),
        Action::Register | Action::TakeOver | Action::MarkFailed
    )
}

/// The shim registers threads.
pub fn registers_threads() -> bool {
    matches!(action(), Action::Register | Action::TakeOver)
}

/// A client that asks for a registration of its own gets it in our place.
pub fn yields_to_clients() -> bool {
    YIELDS.load(Ordering::Relaxed)
}

/// A client has registered an area of its own after all: from now on it owns
/// the registration, and new threads are left to it.
///
/// Called in the middle of a client's system call: nothing here may wait.
pub fn give_way_to_client() {
    cpu::leave_to_libc();
    area::withdraw();
    set(Owner::Client, Action::Watch, Reason::AnotherAreaRegistered);
}

fn set(owner: Owner, action: Action, reason: Reason) {
    OWNER.store(owner as u32, Ordering::Relaxed);
    ACTION.store(action as u32, Ordering::Relaxed);
    report::owner(owner, reason);
}

/// Decides, the first time it is called. Whoever calls it meanwhile (a thread
/// started while the constructor runs, or before there is anything to read) finds
/// the default: do nothing.
pub fn decide_once() {
    if process::is_told()
        && STATE.load(Ordering::Relaxed) == UNDECIDED
        && STATE
            .compare_exchange(UNDECIDED, DECIDING, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    {
        decide();
        STATE.store(DECIDED, Ordering::Release);
    }
}

/// It is known what new threads do.
pub fn is_decided() -> bool {
    STATE.load(Ordering::Acquire) == DECIDED
}

fn decide() {
    let process = Process::read();
    let environment = Environment::read(&process);
    next::resolve(&[
        &threads::PTHREAD_CREATE,
        &cpu::SCHED_GETCPU,
        &lookup::DLSYM,
        &syscalls::SYSCALL,
        &area::LIBC_OFFSET,
        &area::LIBC_SIZE,
        &area::LIBC_FLAGS,
        &area::SINCE_2_41,
        &errno::ERRNO,
        &loading::next::DLOPEN,
        &loading::next::DLCLOSE,
        &loading::next::DLERROR,
    ]);
    let feature_size = process
        .auxiliary(AT_RSEQ_FEATURE_SIZE)
        .and_then(|size| u32::try_from(size).ok());
    let libc = LibcArea::read();
    let libc_registered = libc.is_some_and(register::is_registered_by);
    if environment.mode == Mode::Off || !arch::has_room() {
        let owner = if libc_registered {
            Owner::Libc
        } else {
            Owner::Client
        };
        loading::enable(&process, &environment, &Program::default());
        area::publish(owner, libc, 0, feature_size);
        cpu::enable(false);
        threads::settle();
        return;
    }
    YIELDS.store(environment.mode.yields_to_clients(), Ordering::Relaxed);
    report::open(environment.log);
    if let Some(area) = libc {
        register::set_libc_area(area);
    }
    let program = process::definitions(&process, !libc_registered);
    loading::enable(&process, &environment, &program);
    let situation = Situation {
        mode: environment.mode,
        libc_registered,
        libc_owns_symbol: libc.is_some_and(LibcArea::is_symbol),
        adopter_size: program.adopter_size,
        hidden_definition: program.hidden,
        feature_size,
    };
    report::thread_started();
    let owner = match plan(&situation) {
        Plan::StandAside { owner, reason } => {
            let action = if owner == Owner::Libc {
                Action::WatchLibc
            } else {
                Action::Watch
            };
            if owner == Owner::Libc {
                report::registered();
            }
            set(owner, action, reason);
            owner
        }
        Plan::Register {
            owner,
            length,
            replace_libc,
            reason,
        } => {
            register::set_length(length);
            let (owner, reason) = settle(owner, reason, register::first(replace_libc));
            let action = match owner {
                Owner::Unavailable => Action::MarkFailed,
                Owner::Libc => Action::WatchLibc,
                Owner::Client => Action::Watch,
                Owner::Adopter | Owner::Shim if replace_libc => Action::TakeOver,
                Owner::Adopter | Owner::Shim => Action::Register,
            };
            set(owner, action, reason);
            owner
        }
    };
    let registers = registers_threads();
    if registers {
        report::length(register::length());
    }
    area::publish(owner, libc, register::length(), feature_size);
    cpu::enable(registers);
    threads::settle();
    report::decided();
}
