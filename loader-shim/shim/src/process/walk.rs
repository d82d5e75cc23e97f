//! The dynamic linker's list of objects, and the libc's own `dl_iterate_phdr`.
//!
//! Sanitizers interpose that name as well, and start up when it is first called:
//! in the middle of our constructor, asking our `dlsym`. So the libc is looked up
//! in the dynamic linker's list, and its function called directly.
//!
//! # Safety
//!
//! What this module owes: it follows the dynamic linker's list as debuggers do,
//! while nobody changes it. The objects that the program started with are first in
//! it, and stay; which they are is only remembered where it is certain.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::{c_char, c_int, c_void};
use core::ptr::{from_ref, null, null_mut, with_exposed_provenance};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use goblin::elf::dynamic::{DT_GNU_HASH, DT_NULL};
use libc::{dl_phdr_info, size_t};

use super::image::address_at;
use super::loaded::Loaded;
use super::section::{Section, relocated};
use super::tables::{Name, Tables, passes_filter};
use crate::arch;
use crate::function::FoundFunction;

/// What `dl_iterate_phdr` calls.
pub type Callback = unsafe extern "C" fn(*mut dl_phdr_info, size_t, *mut c_void) -> c_int;
/// `dl_iterate_phdr` itself.
pub type Walk = unsafe extern "C" fn(Callback, *mut c_void) -> c_int;

/// `struct r_debug` (link.h).
#[repr(C)]
struct RDebug {
    version: c_int,
    first: *const LinkMap,
    at_changes: usize,
    state: c_int,
    /// How far the dynamic linker has been moved.
    linker: usize,
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

static WALK: FoundFunction<Walk> = FoundFunction::none();

/// Where the libc is loaded; [`usize::MAX`] before it is known.
static LIBC: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The last object of which it is certain that the program started with it, and that it
/// stays; null before that is known.
static LAST_AT_START: AtomicPtr<LinkMap> = AtomicPtr::new(null_mut());

/// Its number in the list, from 1.
static COUNT_AT_START: AtomicUsize = AtomicUsize::new(0);

/// Returns the libc's function; `None` in a process without glibc.
pub fn libc_walk() -> Option<Walk> {
    WALK.get().or_else(find)
}

impl Loaded<'_> {
    /// Returns whether it is the libc, whatever its file is called.
    pub fn is_libc(&self) -> bool {
        libc_walk().is_some() && LIBC.load(Ordering::Relaxed) == self.info.dlpi_addr as usize
    }
}

/// Finds the libc's function. Called first from the constructor, when there is one thread
/// and nobody changes the list. Not inlined: callers may have little stack.
///
/// The libc is the object that defines one of its functions, whatever its file is
/// called.
#[cold]
#[inline(never)]
fn find() -> Option<Walk> {
    const ONLY_LIBC: Name = Name::new(b"gnu_get_libc_version");

    let (base, walk) = at_start().find_map(|map| {
        // most objects are passed over by a look at their filter
        let tables = map.may_define(ONLY_LIBC).then(|| map.tables())??;
        map.defined(&tables, ONLY_LIBC)?;
        let walk = map.defined(&tables, Name::new(b"dl_iterate_phdr"))?;
        Some((map.base, walk))
    })?;
    LIBC.store(base, Ordering::Relaxed);
    // SAFETY: dl_iterate_phdr(3) of the libc, which stays loaded.
    unsafe { WALK.set(walk) };
    WALK.get()
}

/// Returns what the dynamic linker itself has under some names.
pub fn of_dynamic_linker<const COUNT: usize>(names: [Name; COUNT]) -> [Option<*mut c_void>; COUNT] {
    let linker = linker();
    let tables = linker.and_then(LinkMap::tables);
    names.map(|name| linker?.defined(tables.as_ref()?, name))
}

/// Remembers what the program started with. Called from the constructor, when
/// nobody changes the list.
///
/// What is last in the list may have come by a dlopen of a constructor that ran before
/// the shim's, and be unloaded. The libc and the dynamic linker were there at the start,
/// and so was all that is before one of them.
pub fn remember_start() {
    let libc = libc_walk().map(|_| LIBC.load(Ordering::Relaxed));
    let linker = linker();
    let of_the_start =
        |map: &&LinkMap| Some(map.base) == libc || linker.is_some_and(|it| core::ptr::eq(it, *map));
    let mut last = (0, None);
    for (index, map) in maps().enumerate() {
        if of_the_start(&map) {
            last = (index + 1, Some(map));
        }
    }
    let (count, map) = last;
    LAST_AT_START.store(
        map.map_or(null_mut(), |map| from_ref(map).cast_mut()),
        Ordering::Relaxed,
    );
    COUNT_AT_START.store(count, Ordering::Relaxed);
}

/// Returns how many objects, the first in the list, the program certainly started with.
pub fn count_at_start() -> usize {
    COUNT_AT_START.load(Ordering::Relaxed)
}

/// Finds the dynamic linker among the objects.
fn linker() -> Option<&'static LinkMap> {
    // SAFETY: the dynamic linker's variable, or null.
    let debug = unsafe { arch::debug_state().cast::<RDebug>().as_ref() };
    let place = debug.map_or(0, |debug| debug.linker);
    at_start().find(|map| map.base == place && place != 0)
}

/// Returns the last object that the program certainly started with. It stays.
pub fn last_at_start() -> Option<&'static LinkMap> {
    // SAFETY: an entry of the start, which stays, or null.
    unsafe { LAST_AT_START.load(Ordering::Relaxed).as_ref() }
}

/// Returns what the first object behind the shim defines under a name, of those that the
/// program certainly started with. They stay, so it takes no lock. `None` as well where an
/// object before that has tables of another kind.
pub fn next_at_start(name: Name) -> Option<*mut c_void> {
    let behind = at_start().skip_while(|map| map.base != arch::own_base());
    for map in behind.skip(1).filter(|map| map.may_define(name)) {
        let found = map.defined(&map.tables()?, name);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the objects that the program certainly started with; before that is known all
/// that there are.
fn at_start() -> impl Iterator<Item = &'static LinkMap> {
    let last = LAST_AT_START.load(Ordering::Relaxed).cast_const();
    let mut ended = false;
    maps().take_while(move |map| {
        let shown = !ended;
        ended = core::ptr::eq(from_ref(*map), last);
        shown
    })
}

/// Returns the dynamic linker's list of the program's namespace. It must not change
/// meanwhile.
fn maps() -> impl Iterator<Item = &'static LinkMap> {
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

/// Returns the dynamic section of the object whose link map this is: what dlopen(3)
/// returns. `None` where it is no object of the program's namespace: the
/// pointer itself is not followed.
///
/// # Safety
///
/// Called while the list does not change: when `each_object` shows
/// something.
pub unsafe fn dynamic_section_of(handle: *mut c_void) -> Option<usize> {
    let map = maps().find(|map| core::ptr::eq(from_ref(*map).cast(), handle.cast_const()))?;
    Some(map.dynamic.addr())
}

impl LinkMap {
    fn section(&self) -> Section {
        // SAFETY: the dynamic section of an object that is in the list.
        unsafe { Section::at(self.dynamic.cast()) }
    }

    /// Finds its tables; `None` for an object without DT_GNU_HASH.
    fn tables(&self) -> Option<Tables<'_>> {
        Tables::named_by(self.section(), self.base as u64)
    }

    /// Returns the address of what it defines under a name (in its default version).
    fn defined(&self, tables: &Tables<'_>, name: Name) -> Option<*mut c_void> {
        let symbol = tables.symbol(name)?;
        address_at(self.base as u64, symbol.st_value, symbol.st_info & 0xf)
    }

    /// Returns whether it may define a name: the filter of its DT_GNU_HASH says. Without that
    /// table it may.
    pub fn may_define(&self, name: Name) -> bool {
        // asked at every dlclose, and so not by `Section::entries`, which takes longer
        let mut next: *const [u64; 2] = self.dynamic.cast();
        if next.is_null() {
            return true;
        }
        loop {
            // SAFETY: inside the dynamic section, which ends with DT_NULL.
            let [tag, value] = unsafe { *next };
            if tag == DT_GNU_HASH {
                let place = relocated(value, self.base as u64);
                // SAFETY: the table of a loaded object.
                return unsafe { passes_filter(with_exposed_provenance(place), name) };
            }
            if tag == DT_NULL {
                return true;
            }
            next = next.wrapping_add(1);
        }
    }
}
