//! The directories that the dynamic linker searches for the caller of dlopen.
//!
//! # Safety
//!
//! What this module owes: the buffer has the layout of `Dl_serinfo` (<dlfcn.h>)
//! and the size that the dynamic linker has asked for.

use core::ffi::{CStr, c_char, c_void};
use core::mem::offset_of;

use super::next;

const RTLD_DI_SERINFO: i32 = 4;
const RTLD_DI_SERINFOSIZE: i32 = 5;

/// Room for the answer: some hundred directories.
const ROOM: usize = 16 * 1024;

/// `Dl_serinfo`, and room for the names behind it. Zeroes are "not asked yet".
#[repr(C)]
pub struct Directories {
    size: usize,
    count: u32,
    list: [Directory; ROOM / size_of::<Directory>()],
    asked: bool,
}

/// `Dl_serpath`.
#[repr(C)]
struct Directory {
    name: *const c_char,
    flags: u32,
}

impl Directories {
    /// Forgets the answer.
    pub fn forget(&mut self) {
        self.asked = false;
    }

    /// Asks once.
    pub fn ask(&mut self, caller: *mut c_void) {
        if self.asked {
            return;
        }
        self.asked = true;
        let answer: *mut c_void = (&raw mut *self).cast();
        // SAFETY: the request fills in size and count.
        if caller.is_null() || !unsafe { next::info(caller, RTLD_DI_SERINFOSIZE, answer) } {
            self.count = 0;
            return;
        }
        let fits = self.size <= offset_of!(Self, asked);
        // SAFETY: the buffer has the size that the first request has said.
        if !fits || !unsafe { next::info(caller, RTLD_DI_SERINFO, answer) } {
            self.count = 0;
        }
    }

    /// Calls `visit` with every directory, in the order of the search, until it
    /// answers true; answers whether it did.
    pub fn any(&self, mut visit: impl FnMut(&[u8]) -> bool) -> bool {
        let list = self.list.get(..self.count as usize).unwrap_or_default();
        list.iter().any(|directory| {
            // SAFETY: a C string in this very buffer.
            let name = unsafe { CStr::from_ptr(directory.name) };
            visit(name.to_bytes())
        })
    }
}
