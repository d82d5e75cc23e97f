//! The libc's own `dl_iterate_phdr`.
//!
//! Sanitizers interpose that name as well, and start up when it is first called:
//! in the middle of our constructor, asking our `dlsym`. So the libc is looked up
//! in the dynamic linker's list of objects, and its function called directly.
//!
//! # Safety
//!
//! What this module owes: it follows the dynamic linker's list as debuggers do,
//! while nobody changes it.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut, with_exposed_provenance};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use libc::{Elf64_Ehdr, dl_phdr_info, size_t};

use super::loaded::Loaded;
use super::tables::{Name, Tables};
use crate::arch;

/// What `dl_iterate_phdr` calls.
pub type Callback = unsafe extern "C" fn(*mut dl_phdr_info, size_t, *mut c_void) -> c_int;
/// `dl_iterate_phdr` itself.
pub type Walk = unsafe extern "C" fn(Callback, *mut c_void) -> c_int;

/// `struct r_debug` (link.h), as far as it is read.
#[repr(C)]
struct RDebug {
    version: c_int,
    first: *const LinkMap,
}

/// `struct link_map` (link.h), its public part.
#[repr(C)]
pub struct LinkMap {
    /// How far it has been moved from the addresses in its file.
    pub base: usize,
    name: *const c_char,
    /// Its dynamic section.
    pub dynamic: *const c_void,
    /// Who came next.
    pub next: *const LinkMap,
}

static WALK: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Where the libc is loaded; [`usize::MAX`] before it is known.
static LIBC: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The libc's function; nothing in a process without glibc.
pub fn libc_walk() -> Option<Walk> {
    let mut walk = WALK.load(Ordering::Relaxed);
    if walk.is_null() {
        walk = find()?;
        WALK.store(walk, Ordering::Relaxed);
    }
    // SAFETY: not null, so it is the libc's function of this type.
    Some(unsafe { transmute::<*mut c_void, Walk>(walk) })
}

impl Loaded<'_> {
    /// Whether it is the libc, whatever its file is called.
    pub fn is_libc(&self) -> bool {
        libc_walk().is_some() && LIBC.load(Ordering::Relaxed) == self.info.dlpi_addr as usize
    }
}

/// Called first from the constructor, when there is one thread and nobody
/// changes the list. Not inlined: callers may have little stack.
///
/// The libc is the object that defines one of its functions, whatever its file is
/// called; but most often the file's name says so, too.
#[cold]
#[inline(never)]
fn find() -> Option<*mut c_void> {
    let by_name = maps().find(|map| map.is_called_libc());
    let (base, walk) = by_name.into_iter().chain(maps()).find_map(|map| {
        let [walk, only_libc] = map.symbol_addresses([
            Name::new(b"dl_iterate_phdr"),
            Name::new(b"gnu_get_libc_version"),
        ]);
        only_libc.and(walk).map(|walk| (map.base, walk))
    })?;
    LIBC.store(base, Ordering::Relaxed);
    Some(walk)
}

/// What the dynamic linker has under a name, for those who come before our
/// constructor.
#[cold]
pub fn dynamic_linkers(name: Name) -> Option<*mut c_void> {
    maps().find_map(|map| {
        let [debug, found] = map.symbol_addresses([Name::new(b"_r_debug"), name]);
        let is_dynamic_linker = debug.is_some_and(|it| it.addr() == arch::debug_state().addr());
        found.filter(|_| is_dynamic_linker)
    })
}

/// The dynamic linker's list of the program's namespace. It must not change
/// meanwhile.
pub fn maps() -> impl Iterator<Item = &'static LinkMap> {
    // SAFETY: the dynamic linker's variable, or null.
    let debug = unsafe { arch::debug_state().cast::<RDebug>().as_ref() };
    let mut next = debug.map_or(null(), |debug| debug.first);
    core::iter::from_fn(move || {
        // SAFETY: an entry of the list, or null at its end.
        let map = unsafe { next.as_ref() }?;
        next = map.next;
        Some(map)
    })
}

/// The dynamic section of the object whose link map this is: what dlopen(3)
/// answers. Nothing, where it is no object of the program's namespace: the
/// pointer itself is not followed.
///
/// # Safety
///
/// Called while the list does not change: when `each_object` shows
/// something.
pub unsafe fn dynamic_section_of(handle: *mut c_void) -> Option<usize> {
    // SAFETY: the dynamic linker's variable, or null.
    let debug = unsafe { arch::debug_state().cast::<RDebug>().as_ref() };
    let mut next = debug.map_or(null(), |debug| debug.first);
    // SAFETY: entries of the list, or null at its end.
    while let Some(map) = unsafe { next.as_ref() } {
        if next.addr() == handle.addr() {
            return Some(map.dynamic.addr());
        }
        next = map.next;
    }
    None
}

impl LinkMap {
    fn is_called_libc(&self) -> bool {
        const NAME: &[u8] = b"/libc.so.6";

        if self.name.is_null() {
            return false;
        }
        // SAFETY: a C string that lives as long as the object.
        let name = unsafe { CStr::from_ptr(self.name) };
        name.to_bytes().ends_with(NAME)
    }

    /// What the object defines under these names. Those that do not begin with their
    /// header, such as an executable at a fixed place, are passed over.
    fn symbol_addresses<const COUNT: usize>(
        &self,
        names: [Name; COUNT],
    ) -> [Option<*mut c_void>; COUNT] {
        if self.base == 0 {
            return [None; COUNT];
        }
        let header: *const Elf64_Ehdr = with_exposed_provenance(self.base);
        // SAFETY: the first page of a shared object or of a position-independent
        // executable.
        let Elf64_Ehdr {
            e_phoff, e_phnum, ..
        } = unsafe { *header };
        let info = dl_phdr_info {
            dlpi_addr: self.base as u64,
            dlpi_name: null(),
            dlpi_phdr: with_exposed_provenance(self.base.wrapping_add(e_phoff as usize)),
            dlpi_phnum: e_phnum,
            dlpi_adds: 0,
            dlpi_subs: 0,
            dlpi_tls_modid: 0,
            dlpi_tls_data: null_mut(),
        };
        let object = Loaded { info: &info };
        let tables = Tables::of(&object);
        names.map(|name| object.address_of(tables.as_ref(), name))
    }
}
