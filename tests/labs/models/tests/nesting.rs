//! A signal handler before every step of the nesting of registrations, and one on
//! top of it: whoever has asked for a registration and not given it back has one.

use std::cell::Cell;

use rseq_lab_models::signals::{Handler, every_signal, no_more};

mod atomic {
    pub use rseq_lab_models::signals::{AtomicU64, Ordering};
}

mod arch {
    use std::cell::Cell;
    use std::ffi::c_void;

    #[repr(align(8))]
    pub struct Room([Cell<u32>; 4]);

    thread_local! {
        static ROOM: Room = const { Room([const { Cell::new(0) }; 4]) };
    }

    thread_local! {
        static HAS_ROOM: Cell<bool> = const { Cell::new(true) };
    }

    pub fn has_room() -> bool {
        HAS_ROOM.get()
    }

    /// The library with the room is not there.
    pub fn take_room() {
        HAS_ROOM.set(false);
    }

    pub fn room() -> *mut c_void {
        ROOM.with(|room| std::ptr::from_ref(room).cast_mut().cast())
    }

    /// A new thread.
    pub fn clear() {
        ROOM.with(|room| room.0.iter().for_each(|word| word.set(0)));
    }
}

mod report {
    pub fn registered() {}

    pub fn last_errno() -> i32 {
        libc::EPERM
    }
}

mod state {
    use std::cell::Cell;

    #[derive(Clone, Copy)]
    pub enum Action {
        Nothing,
        Watch,
        WatchLibc,
        Register,
        TakeOver,
        MarkFailed,
    }

    thread_local! {
        static ACTION: Cell<Action> = const { Cell::new(Action::Register) };
    }

    pub fn action() -> Action {
        ACTION.get()
    }

    /// What was decided at the start.
    pub fn decide(action: Action) {
        ACTION.set(action);
    }

    pub fn registers_threads() -> bool {
        matches!(ACTION.get(), Action::Register)
    }
}

#[path = "."]
mod registration {
    /// The kernel, with one registration. Each call is a step.
    pub mod area {
        use std::cell::Cell;

        use rseq_lab_models::signals::step;
        use tls_model::owner::Answer;

        thread_local! {
            static REGISTERED: Cell<bool> = const { Cell::new(false) };
            static REFUSES: Cell<bool> = const { Cell::new(false) };
            static IS_THE_LIBCS: Cell<bool> = const { Cell::new(false) };
            static ASKED: Cell<u32> = const { Cell::new(0) };
        }

        /// The libc registers this thread, and keeps the area for it.
        pub fn registered_by_libc() {
            REGISTERED.set(true);
            IS_THE_LIBCS.set(true);
        }

        /// A new thread, which the kernel registers or not.
        pub fn clear(refuses: bool) {
            REGISTERED.set(false);
            REFUSES.set(refuses);
        }

        /// What is so, with no step.
        pub fn is_so() -> bool {
            REGISTERED.get()
        }

        pub fn is_registered() -> bool {
            step();
            REGISTERED.get()
        }

        /// How often the kernel was asked for a registration.
        pub fn asked() -> u32 {
            ASKED.get()
        }

        pub fn now() -> Answer {
            step();
            ASKED.set(ASKED.get() + 1);
            if REFUSES.get() {
                return Answer::Denied;
            }
            // "busy" counts as granted
            REGISTERED.set(true);
            Answer::Granted
        }

        pub fn try_now() -> bool {
            step();
            !REFUSES.get() && !REGISTERED.replace(true)
        }

        pub fn unregister() -> bool {
            step();
            REGISTERED.replace(false)
        }

        pub fn is_kept_for_libc() -> bool {
            IS_THE_LIBCS.get()
        }

        pub fn errno_of(_: Answer) -> i32 {
            libc::EPERM
        }
    }

    #[path = "../../../../loader-shim/shim/src/registration/nesting.rs"]
    pub mod nesting;
}

use registration::{area, nesting};
use tls_model::owner::Answer;

thread_local! {
    /// How many were asked for, granted, and not given back: by handlers that stay.
    static STAYED: Cell<u32> = const { Cell::new(0) };
}

fn new_thread(refuses: bool) {
    arch::clear();
    area::clear(refuses);
    STAYED.set(0);
}

/// Asks, and has a registration if it was granted.
fn enter() -> bool {
    let granted = nesting::enter() == 0;
    assert!(!granted || area::is_so(), "granted, and there is none");
    granted
}

/// Gives back what was granted, and had it until then.
fn leave() {
    assert!(area::is_so(), "taken away from somebody who had it");
    assert_eq!(nesting::leave(), 0, "given back less often than granted");
}

fn passes() {
    if enter() {
        leave();
    }
}

fn stays() {
    let granted = u32::from(enter());
    STAYED.set(STAYED.get() + granted);
}

/// Gives back what a handler before it has asked for. It may come while somebody
/// below is just leaving, who registers again only later: until then the kernel says
/// in `cpu_id` that there is no registration.
fn goes() {
    if STAYED.get() > 0 {
        STAYED.set(STAYED.get() - 1);
        assert_eq!(nesting::leave(), 0, "given back less often than granted");
    }
}

/// The registration for life may be asked for in a handler, too.
fn holds() {
    nesting::hold();
}

const HANDLERS: [Handler; 3] = [passes, stays, goes];
const HANDLERS_OF_A_NEW_THREAD: [Handler; 4] = [passes, stays, goes, holds];

/// Nobody is asking: there is a registration where somebody holds one.
fn at_rest(held: u32) {
    no_more();
    let held = held + STAYED.get();
    assert_eq!(area::is_so(), held > 0, "{held} held");
    // and the count says so: as many can be given back
    for left in (0..held).rev() {
        assert_eq!(nesting::leave(), 0);
        assert_eq!(area::is_so(), left > 0);
    }
    assert_eq!(
        nesting::leave(),
        -libc::EINVAL,
        "more can be given back than was asked for"
    );
}

#[test]
fn one_that_comes_and_goes() {
    let plays = every_signal(&HANDLERS, 3, || {
        new_thread(false);
        passes();
        at_rest(0);
    });
    println!("{plays} plays");
}

#[test]
fn two_on_top_of_each_other() {
    let plays = every_signal(&HANDLERS, 2, || {
        new_thread(false);
        assert!(enter());
        assert!(enter());
        leave();
        at_rest(1);
    });
    println!("{plays} plays");
}

#[test]
fn a_thread_that_is_registered_for_life() {
    for birth in [first_then_hold as fn(), holds] {
        let plays = every_signal(&HANDLERS_OF_A_NEW_THREAD, 2, || {
            new_thread(false);
            birth();
            passes();
            no_more();
            assert!(area::is_so(), "registered for life");
            for _ in 0..STAYED.get() {
                leave();
            }
            assert!(area::is_so(), "registered for life");
            assert_eq!(
                nesting::leave(),
                -libc::EINVAL,
                "the thread's own was given back"
            );
        });
        println!("{plays} plays");
    }
}

/// As a start routine does.
fn first_then_hold() {
    if !nesting::hold_first() {
        assert_eq!(nesting::hold(), Answer::Granted);
    }
}

#[test]
fn where_the_kernel_refuses_nobody_holds_one() {
    let plays = every_signal(&HANDLERS_OF_A_NEW_THREAD, 2, || {
        new_thread(true);
        assert!(!nesting::hold_first());
        assert!(!nesting::is_for_life() && !nesting::is_held());
        assert!(nesting::is_first_start(), "it was no start");
        assert!(!nesting::is_first_start());
        assert_eq!(nesting::hold(), Answer::Denied);
        assert!(!nesting::is_for_life() && !nesting::is_held());
        assert_eq!(nesting::enter(), -libc::EPERM);
        assert_eq!(STAYED.get(), 0);
        at_rest(0);
    });
    println!("{plays} plays");
}

/// A client of the thread's own registers, and everything is forgotten.
fn forgets() {
    nesting::forget();
    STAYED.set(0);
}

#[test]
fn what_a_client_makes_forgotten_is_not_taken_back() {
    let plays = every_signal(&[forgets, holds], 2, || {
        new_thread(true);
        assert!(!nesting::hold_first());
        assert_eq!(nesting::hold(), Answer::Denied);
        no_more();
        assert!(!nesting::is_for_life() && !nesting::is_held());
        assert_eq!(nesting::leave(), -libc::EINVAL);
    });
    println!("{plays} plays");
}

#[test]
fn what_is_forgotten_is_held_no_more() {
    new_thread(false);
    assert!(nesting::hold_first() && enter());
    nesting::forget();
    assert!(!nesting::is_for_life() && !nesting::is_held());
    assert_eq!(nesting::leave(), -libc::EINVAL);
    assert!(!nesting::is_first_start(), "it was born all the same");
}

#[test]
fn for_who_is_registered_the_kernel_is_not_asked() {
    new_thread(false);
    assert!(enter());
    let asked = area::asked();
    assert!(enter());
    assert_eq!(area::asked(), asked);
}

#[test]
fn an_ordinary_thread_is_registered_at_once() {
    new_thread(false);
    assert!(!nesting::is_held());
    assert!(nesting::hold_first(), "the kernel grants it");
    assert!(area::is_so());
    assert!(nesting::is_for_life() && nesting::is_held());
    assert!(!nesting::is_first_start());
    assert!(!nesting::hold_first(), "a second start is no first one");
    // who is registered already has nothing to ask for
    new_thread(false);
    area::registered_by_libc();
    assert!(!nesting::hold_first());
    new_thread(false);
    assert!(nesting::is_first_start());
    assert!(!nesting::is_first_start());
    assert!(!nesting::is_held());
}

#[test]
fn what_is_said_where_the_shim_does_not_register() {
    use state::Action::{MarkFailed, Nothing, Watch, WatchLibc};

    for (action, answer) in [
        (Watch, -libc::EINVAL),
        (WatchLibc, -libc::EINVAL),
        (MarkFailed, -libc::EPERM),
        (Nothing, -libc::EOPNOTSUPP),
    ] {
        new_thread(false);
        state::decide(action);
        assert_eq!(nesting::enter(), answer);
        assert!(!area::is_so() && !nesting::is_held());
        assert_eq!(nesting::leave(), -libc::EINVAL);
    }
}

/// Where the libc registers and the area is its, a request is counted, and the libc keeps
/// what it has.
#[test]
fn what_the_libc_has_registered_stays() {
    new_thread(false);
    state::decide(state::Action::WatchLibc);
    area::registered_by_libc();
    assert_eq!(nesting::enter(), 0);
    assert!(nesting::is_held());
    assert_eq!(nesting::leave(), 0);
    assert!(area::is_so(), "it is the libc's");
    assert_eq!(nesting::leave(), -libc::EINVAL);
}

#[test]
fn who_takes_over_registers() {
    new_thread(false);
    state::decide(state::Action::TakeOver);
    assert_eq!(nesting::enter(), 0);
    assert!(nesting::is_held());
}

#[test]
fn without_room_nothing_was_asked_for() {
    new_thread(false);
    arch::take_room();
    assert!(!nesting::is_held());
    assert_eq!(nesting::leave(), -libc::EINVAL);
}
