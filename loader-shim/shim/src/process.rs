//! What the kernel and the dynamic linker left in memory: the environment, the
//! auxiliary vector, the loaded objects.
//!
//! Used by the constructor only, on the main thread.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{null, null_mut};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use libc::{dl_phdr_info, size_t};

use crate::arch;

pub mod image;
mod later;
mod program;
mod relro;
mod tables;
mod walk;

pub use later::{nothing_later_defines, remember_start};
pub use program::{Program, definitions};
pub use relro::{rebind_libc, write_protected};
pub use tables::{Name, Tables};
use walk::libc_walk;
pub use walk::{RDebug, dynamic_section_of};

/// What the kernel handed to the program: arguments, environment, auxiliary
/// vector (x86-64 psABI, "Initial Stack and Register State").
pub struct Process {
    name: *const c_char,
    environment: *const *const c_char,
    auxiliary: *const [usize; 2],
}

static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(null_mut());
static ENVIRONMENT: AtomicPtr<*const c_char> = AtomicPtr::new(null_mut());

/// glibc hands (argc, argv, envp) to every constructor. `environ` is not set
/// yet when those of DF_1_INITFIRST run, and the initial stack itself may have
/// been overwritten (`ld.so OPTIONS PROGRAM` before glibc 2.35).
#[used]
#[unsafe(link_section = ".init_array.00001")]
static REMEMBER: unsafe extern "C" fn(c_int, *mut *const c_char, *mut *const c_char) = remember;

unsafe extern "C" fn remember(
    _count: c_int,
    arguments: *mut *const c_char,
    environment: *mut *const c_char,
) {
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    ENVIRONMENT.store(environment, Ordering::Relaxed);
}

/// Whether [`Process::read`] has something to read: the constructor has been given
/// it or, before that, the dynamic linker has it.
pub fn is_told() -> bool {
    if ARGUMENTS.load(Ordering::Relaxed).is_null() {
        ask_dynamic_linker();
    }
    !ARGUMENTS.load(Ordering::Relaxed).is_null()
}

/// For those who come before our constructor: constructors of a library that is
/// DF_1_INITFIRST as well.
#[cold]
fn ask_dynamic_linker() {
    let Some(variable) = walk::dynamic_linkers(Name::new(b"_dl_argv")) else {
        return;
    };
    // SAFETY: `char **`, set before anything is relocated.
    let arguments = unsafe { variable.cast::<*mut *const c_char>().read() };
    if arguments.is_null() {
        return;
    }
    let mut end = arguments;
    // SAFETY: pointers up to a null, behind which the environment begins (psABI).
    while !unsafe { *end }.is_null() {
        end = end.wrapping_add(1);
    }
    ENVIRONMENT.store(end.wrapping_add(1), Ordering::Relaxed);
    ARGUMENTS.store(arguments, Ordering::Relaxed);
}

impl Process {
    /// What the constructor was given; nothing before that.
    pub fn read() -> Self {
        let arguments = ARGUMENTS.load(Ordering::Relaxed);
        let environment = ENVIRONMENT.load(Ordering::Relaxed);
        if arguments.is_null() || environment.is_null() {
            return Self {
                name: null(),
                environment: null(),
                auxiliary: null(),
            };
        }
        let mut end = environment;
        // SAFETY: pointers up to a null.
        while !unsafe { *end }.is_null() {
            end = end.wrapping_add(1);
        }
        Self {
            // SAFETY: null-terminated, so there is a first entry.
            name: unsafe { *arguments },
            environment,
            // the kernel puts it behind the environment
            auxiliary: end.wrapping_add(1).cast(),
        }
    }

    /// The first argument.
    pub fn name(&self) -> Option<&'static CStr> {
        if self.name.is_null() {
            return None;
        }
        // SAFETY: a C string of the initial stack.
        Some(unsafe { CStr::from_ptr(self.name) })
    }

    /// Calls `visit` with every `NAME=value` that begins with `prefix`.
    pub fn each_variable(&self, prefix: &[u8], mut visit: impl FnMut(&'static CStr)) {
        let mut next = self.environment;
        while !next.is_null() {
            // SAFETY: inside the null-terminated list.
            let variable = unsafe { *next };
            if variable.is_null() {
                return;
            }
            // SAFETY: the kernel put a C string there, which nobody has
            // changed before constructors run.
            if unsafe { begins_with(variable, prefix) } {
                // SAFETY: likewise.
                visit(unsafe { CStr::from_ptr(variable) });
            }
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

/// Whether a C string begins with these bytes, none of which is zero. Reads no more of
/// it than it takes.
///
/// # Safety
///
/// `text` is a C string.
pub unsafe fn begins_with(text: *const c_char, prefix: &[u8]) -> bool {
    prefix.iter().enumerate().all(|(index, &byte)| {
        // SAFETY: all bytes before are as in `prefix`, so none was the end.
        unsafe { *text.wrapping_add(index) as u8 == byte }
    })
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

    /// Its TLS segment.
    fn tls(&self) -> Option<&libc::Elf64_Phdr> {
        self.headers()
            .iter()
            .find(|header| header.p_type == libc::PT_TLS)
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

    /// Whether it is the libc, whatever its file is called.
    pub fn is_libc(&self) -> bool {
        walk::is_libc_at(self.info.dlpi_addr as usize)
    }

    /// Whether it is the shim.
    pub fn is_the_shim(&self) -> bool {
        self.info.dlpi_addr as usize == arch::own_base()
    }

    /// Where its dynamic section is.
    pub fn dynamic_section(&self) -> Option<usize> {
        let mut headers = self.headers().iter();
        let segment = headers.find(|header| header.p_type == libc::PT_DYNAMIC)?;
        Some(self.info.dlpi_addr.wrapping_add(segment.p_vaddr) as usize)
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
    if let Some(walk) = libc_walk() {
        // SAFETY: the callback gets its own closure back, while it lives.
        unsafe { walk(callback::<Visit>, (&raw mut visit).cast()) };
    }
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
