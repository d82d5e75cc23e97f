//! Whether the caller is inside a dlopen of its own thread: in a constructor.
//!
//! Promoting an object whose constructors have not run yet would run them, too
//! early. Nobody comes back to tell that a dlopen has ended, because it was
//! jumped to; but as long as it runs, its return address stands where its caller
//! has put it.
//!
//! It may also stand there still when that dlopen has returned, under a local
//! variable that nobody has written to: "inside" is a guess. What follows from
//! it must do no harm where it is wrong.

use core::cell::Cell;
use core::ptr::from_ref;

use crate::{arch, kernel};

/// The outermost dlopen of a thread that may still be running.
#[repr(C)]
pub struct Outermost {
    /// Where its return address stands; 0 for none.
    place: Cell<usize>,
    /// The return address.
    address: Cell<usize>,
}

impl Outermost {
    /// None.
    pub const fn new() -> Self {
        Self {
            place: Cell::new(0),
            address: Cell::new(0),
        }
    }
}

/// A dlopen begins whose return address stands at `place`. Answers whether it is
/// the outermost.
pub fn enter(place: &usize) -> bool {
    if is_inside(place) {
        return false;
    }
    let outermost = &arch::loading().outermost;
    outermost.place.set(from_ref(place).addr());
    outermost.address.set(*place);
    true
}

/// Whether a function whose return address stands at `place` may have been
/// called from inside a dlopen. It has not where this says no.
pub fn is_inside(place: &usize) -> bool {
    let outermost = &arch::loading().outermost;
    let outer = outermost.place.get();
    // it has returned to somebody who is as far up as this caller
    if outer <= from_ref(place).addr() {
        return false;
    }
    // another stack may have gone in the meantime, or be out of use
    kernel::read_word(outer) == Some(outermost.address.get())
}
