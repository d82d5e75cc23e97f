//! The atomics: one step for each operation.
//!
//! # Safety
//!
//! What this module owes: zeroed memory is a valid atomic with the value zero, as of
//! the real ones.

#![allow(unsafe_code, reason = "one thread runs at a time")]

use std::ptr::null_mut;

pub use std::sync::atomic::Ordering;

use super::Value;

macro_rules! operations {
    ($value:ty) => {
        /// With this value at the beginning of each play.
        #[must_use]
        pub const fn new(first: $value) -> Self {
            Self {
                first,
                value: Value::new(first),
            }
        }

        /// As the one of `core`.
        pub fn load(&self, _: Ordering) -> $value {
            self.value.update(self.first, |found| found)
        }

        /// As the one of `core`.
        pub fn swap(&self, value: $value, _: Ordering) -> $value {
            self.value.update(self.first, |_| value)
        }

        /// As the one of `core`.
        ///
        /// # Errors
        ///
        /// What was found instead of `current`.
        pub fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            _: Ordering,
            _: Ordering,
        ) -> Result<$value, $value> {
            let exchange = |found| if found == current { new } else { found };
            let found = self.value.update(self.first, exchange);
            if found == current {
                Ok(found)
            } else {
                Err(found)
            }
        }

        /// As the one of `core`, but does not fail for no reason: in a loop that
        /// tries again, that adds nothing but orders.
        ///
        /// # Errors
        ///
        /// What was found instead of `current`.
        pub fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }

        /// As the one of `core`: a load and an exchange, until one holds.
        ///
        /// # Errors
        ///
        /// The value for which `update` had nothing.
        pub fn fetch_update(
            &self,
            success: Ordering,
            failure: Ordering,
            mut update: impl FnMut($value) -> Option<$value>,
        ) -> Result<$value, $value> {
            let mut found = self.load(failure);
            loop {
                let new = update(found).ok_or(found)?;
                match self.compare_exchange(found, new, success, failure) {
                    Ok(found) => return Ok(found),
                    Err(now) => found = now,
                }
            }
        }
    };
}

/// As the one of `core`, with a step for each operation.
pub struct AtomicU32 {
    first: u32,
    value: Value<u32>,
}

/// As the one of `core`, with a step for each operation.
pub struct AtomicU64 {
    first: u64,
    value: Value<u64>,
}

/// As the one of `core`, with a step for each operation.
pub struct AtomicPtr<T> {
    first: *mut T,
    value: Value<*mut T>,
}

// SAFETY: one thread of a play runs at a time, and the next one takes over through a
// lock; two plays never go on side by side.
unsafe impl Sync for AtomicU32 {}
// SAFETY: as above.
unsafe impl Sync for AtomicU64 {}
// SAFETY: as above.
unsafe impl<T> Sync for AtomicPtr<T> {}

impl AtomicU32 {
    operations!(u32);
}

impl AtomicU64 {
    operations!(u64);
}

impl<T> AtomicPtr<T> {
    operations!(*mut T);

    /// As the one of `core`: nobody else can see it yet.
    pub fn get_mut(&mut self) -> &mut *mut T {
        debug_assert_eq!(self.first, null_mut(), "in fresh memory");
        &mut self.first
    }
}
