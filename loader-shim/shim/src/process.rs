//! What the kernel and the dynamic linker left in memory: the environment, the
//! auxiliary vector, the loaded objects.
//!
//! Used by the constructor only, on the main thread.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::slice;

use libc::{dl_phdr_info, size_t};

use crate::arch;

pub mod image;
mod program;
mod relro;

pub use program::definitions;
pub use relro::{rebind, write_protected};

/// The initial stack (x86-64 psABI, "Initial Stack and Register State").
pub struct Process {
    environment: *const *const c_char,
    auxiliary: *const [usize; 2],
}

impl Process {
    /// Finds it through the dynamic linker's `__libc_stack_end`. The libc's
    /// `environ` is not set yet when DF_1_INITFIRST constructors run.
    pub fn read() -> Self {
        let nothing = Self {
            environment: core::ptr::null(),
            auxiliary: core::ptr::null(),
        };
        let stack = arch::stack_end();
        if stack.is_null() {
            return nothing;
        }
        // SAFETY: argc is the first word.
        let argc = unsafe { *stack };
        let arguments = stack.wrapping_add(1);
        // SAFETY: argc pointers and a null follow. Anything else is a stack
        // that we do not understand.
        if unsafe { *arguments.wrapping_add(argc) } != 0 {
            return nothing;
        }
        let environment = arguments.wrapping_add(argc + 1);
        let mut end = environment;
        // SAFETY: pointers up to a null follow.
        while unsafe { *end } != 0 {
            end = end.wrapping_add(1);
        }
        Self {
            environment: environment.cast(),
            auxiliary: end.wrapping_add(1).cast(),
        }
    }

    /// Calls `visit` with every `NAME=value`.
    pub fn each_variable(&self, mut visit: impl FnMut(&'static CStr)) {
        let mut next = self.environment;
        while !next.is_null() {
            // SAFETY: inside the null-terminated list.
            let variable = unsafe { *next };
            if variable.is_null() {
                return;
            }
            // SAFETY: the kernel put a C string there, which nobody has
            // changed before constructors run.
            visit(unsafe { CStr::from_ptr(variable) });
            next = next.wrapping_add(1);
        }
    }

    /// A value of the auxiliary vector.
    pub fn auxiliary(&self, key: u64) -> Option<u64> {
        let mut next = self.auxiliary;
        while !next.is_null() {
            // SAFETY: inside the list, which ends with AT_NULL.
            let [found, value] = unsafe { *next };
            if found as u64 == key {
                return Some(value as u64);
            }
            if found as u64 == libc::AT_NULL {
                return None;
            }
            next = next.wrapping_add(1);
        }
        None
    }

    /// The process runs with privileges that its caller does not have
    /// (AT_SECURE), or we cannot tell.
    pub fn is_secure(&self) -> bool {
        self.auxiliary(libc::AT_SECURE) != Some(0)
    }
}

/// A loaded object, while [`each_object`] shows it.
pub struct Loaded<'a> {
    /// What dl_iterate_phdr(3) says about it.
    pub info: &'a dl_phdr_info,
}

impl Loaded<'_> {
    /// Its program headers.
    pub fn headers(&self) -> &[libc::Elf64_Phdr] {
        // SAFETY: the dynamic linker's own table, for the time of the visit.
        unsafe { slice::from_raw_parts(self.info.dlpi_phdr, usize::from(self.info.dlpi_phnum)) }
    }

    /// Its file, by the name the dynamic linker opened it with; the executable
    /// has none.
    pub fn path(&self) -> &CStr {
        if self.info.dlpi_name.is_null() {
            return c"";
        }
        // SAFETY: a C string that lives as long as the object.
        unsafe { CStr::from_ptr(self.info.dlpi_name) }
    }

    fn is_the_shim(&self) -> bool {
        static HERE: u8 = 0;
        self.contains((&raw const HERE).addr())
    }

    /// `address` lies in one of its segments.
    pub fn contains(&self, address: usize) -> bool {
        self.headers()
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
            .any(|header| {
                let start = (self.info.dlpi_addr).wrapping_add(header.p_vaddr);
                (address as u64).wrapping_sub(start) < header.p_memsz
            })
    }
}

unsafe extern "C" {
    fn dl_iterate_phdr(
        callback: unsafe extern "C" fn(*mut dl_phdr_info, size_t, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

/// Shows every object of the global namespace in load order until `visit`
/// answers true.
pub fn each_object<Visit: FnMut(&Loaded<'_>) -> bool>(mut visit: Visit) {
    unsafe extern "C" fn callback<Visit: FnMut(&Loaded<'_>) -> bool>(
        info: *mut dl_phdr_info,
        _size: size_t,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: valid for the time of the call (dl_iterate_phdr(3)).
        let info = unsafe { &*info };
        let loaded = Loaded { info };
        // SAFETY: the pointer handed in below, to a live closure.
        let visit = unsafe { &mut *data.cast::<Visit>() };
        c_int::from(visit(&loaded))
    }
    // SAFETY: the callback gets its own closure back, while it lives.
    unsafe { dl_iterate_phdr(callback::<Visit>, (&raw mut visit).cast()) };
}

/// Shows every object behind the shim in load order until `visit` answers true.
pub fn each_next_object<Visit: FnMut(&Loaded<'_>) -> bool>(mut visit: Visit) {
    let mut passed_ourselves = false;
    each_object(|object| {
        if passed_ourselves {
            return visit(object);
        }
        passed_ourselves = object.is_the_shim();
        false
    });
}

/// The shim's own variable of that name, whoever else defines it.
pub fn own_symbol(name: &[u8]) -> Option<*mut c_void> {
    let mut found = None;
    each_object(|object| {
        let ours = object.is_the_shim();
        if ours {
            object.with_symbols(|address_of| found = address_of(name));
        }
        ours
    });
    found
}
