//! Functions that are known by their addresses: the one place where an address
//! becomes a function.
//!
//! # Safety
//!
//! What this module owes: the type that a function is called by is the one that whoever
//! stored its address has promised.

#![allow(unsafe_code, reason = "addresses become functions")]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::transmute;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

/// A pointer to a C function.
pub trait Function: Copy {
    /// Returns the function at an address.
    ///
    /// # Safety
    ///
    /// At the address is a function of this type, which stays there.
    unsafe fn at(address: NonNull<c_void>) -> Self;

    /// Returns its address.
    fn address(self) -> *mut c_void;
}

macro_rules! functions {
    ($(($($argument:ident)*))*) => {$(
        impl<Answer, $($argument),*> Function
            for unsafe extern "C" fn($($argument),*) -> Answer
        {
            unsafe fn at(address: NonNull<c_void>) -> Self {
                // SAFETY: as large, not null, and a function of this type: the
                // caller's promise.
                unsafe { transmute::<NonNull<c_void>, Self>(address) }
            }

            fn address(self) -> *mut c_void {
                self as *mut c_void
            }
        }
    )*};
}

functions! { () (A) (A B) (A B C) (A B C D) }

/// Where a function is that is found later; nowhere at first.
#[repr(transparent)]
pub struct FoundFunction<F> {
    address: AtomicPtr<c_void>,
    function: PhantomData<F>,
}

impl<F: Function> FoundFunction<F> {
    /// Returns one that is not known yet.
    pub const fn none() -> Self {
        Self {
            address: AtomicPtr::new(null_mut()),
            function: PhantomData,
        }
    }

    /// Returns one that is at this address at first.
    ///
    /// # Safety
    ///
    /// As for [`FoundFunction::set`].
    pub const unsafe fn at_first(address: *mut c_void) -> Self {
        Self {
            address: AtomicPtr::new(address),
            function: PhantomData,
        }
    }

    /// Returns the function, once it is known.
    pub fn get(&self) -> Option<F> {
        let address = NonNull::new(self.address.load(Ordering::Relaxed))?;
        // SAFETY: who has stored it has promised the type.
        Some(unsafe { F::at(address) })
    }

    /// Remembers where it is; null for nowhere.
    ///
    /// # Safety
    ///
    /// At the address is a function of this type, which stays there.
    pub unsafe fn set(&self, address: *mut c_void) {
        // checkers of races take an exchange for no write, and know no atomic ones; the
        // ordering keeps the compiler from making a store of it
        self.address.swap(address, Ordering::AcqRel);
    }
}
