//! What is loaded, as far as the loading rules ask.
//!
//! Everything here runs under the dynamic linker's lock of its list
//! (dl_iterate_phdr), so nothing here calls the dynamic linker.

use core::ffi::{CStr, c_void};
use core::ops::ControlFlow;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use tls_model::facts::{self, Definition};

use crate::process::{Loaded, Tables, each_object, image, link_map};
use crate::{arch, kernel};

/// Objects that the program started with: first in the list, there for good.
static AT_START: AtomicUsize = AtomicUsize::new(0);

/// Remembers what the program started with.
pub fn begin() {
    let mut count = 0;
    each_object(|_| {
        count += 1;
        false
    });
    AT_START.store(count, Ordering::Relaxed);
}

/// Shows every object in load order until `visit` answers true; also whether the
/// program started with it.
pub fn each(mut visit: impl FnMut(&Loaded<'_>, bool) -> bool) {
    let at_start = AT_START.load(Ordering::Relaxed);
    let mut index = 0;
    each_object(|loaded| {
        index += 1;
        visit(loaded, index <= at_start)
    });
}

/// The last component of a path.
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// What an object is known by.
#[derive(Clone, Copy)]
pub enum Wanted<'w> {
    /// A path, or a name from DT_NEEDED or dlopen(3).
    Name(&'w [u8]),
    /// The file at a path, whatever it is called.
    File(&'w CStr),
}

/// Calls `visit` with the loaded object that the dynamic linker takes for what is
/// wanted, and whether the program started with it; answers whether there is one.
///
/// Of names it compares with the path and with DT_SONAME. That the last component
/// of a path is the name says nothing: the object may have been opened by that
/// path, and the dynamic linker then searches. So must the caller, and ask for
/// the file.
pub fn find(wanted: Wanted<'_>, mut visit: impl FnMut(&Loaded<'_>, bool)) -> bool {
    let mut first = |is: &mut dyn FnMut(&Loaded<'_>) -> bool| {
        let mut found = false;
        each(|loaded, at_start| {
            found = is(loaded);
            if found {
                visit(loaded, at_start);
            }
            found
        });
        found
    };
    match wanted {
        Wanted::Name(name) if name.contains(&b'/') => {
            first(&mut |loaded| loaded.path().to_bytes() == name)
        }
        Wanted::Name(name) => {
            // most are called so by both, and the path is cheaper to look at
            first(&mut |loaded| {
                let path = loaded.path().to_bytes();
                path.ends_with(name)
                    && base_name(path) == name
                    && (path == name || loaded.is_called(name))
            }) || first(&mut |loaded| loaded.is_called(name))
        }
        Wanted::File(path) => kernel::status(path).is_some_and(|file| {
            first(&mut |loaded| {
                let path = loaded.path();
                !path.is_empty() && kernel::status(path).is_some_and(|own| is_same(&own, &file))
            })
        }),
    }
}

fn is_same(one: &libc::stat, other: &libc::stat) -> bool {
    one.st_ino == other.st_ino && one.st_dev == other.st_dev
}

/// What a handle of dlopen(3) holds: its object and all that this needs, as far
/// as the program did not start with it and there is room.
pub struct Held {
    /// By their program headers.
    objects: [usize; 256],
    count: usize,
}

impl Held {
    /// Finds it. Nothing, for a handle of another namespace.
    pub fn by(handle: *mut c_void) -> Self {
        let mut held = Self {
            objects: [0; 256],
            count: 0,
        };
        if handle.is_null() {
            return held;
        }
        each(|loaded, at_start| {
            let found = handle_of(loaded) == handle;
            if found && !at_start {
                held.add(loaded);
            }
            found
        });
        let mut done = 0;
        while let Some(&object) = held.list().get(done) {
            done += 1;
            each(|loaded, _| {
                let found = loaded.info.dlpi_phdr.addr() == object;
                if found {
                    held.add_needed(loaded);
                }
                found
            });
        }
        held
    }

    /// Whether it is held.
    pub fn contains(&self, object: usize) -> bool {
        self.list().contains(&object)
    }

    fn list(&self) -> &[usize] {
        self.objects.get(..self.count).unwrap_or_default()
    }

    fn add(&mut self, loaded: &Loaded<'_>) {
        let object = loaded.info.dlpi_phdr.addr();
        if self.contains(object) {
            return;
        }
        if let Some(place) = self.objects.get_mut(self.count) {
            *place = object;
            self.count += 1;
        }
    }

    fn add_needed(&mut self, loaded: &Loaded<'_>) {
        let Some(object) = image::object(loaded) else {
            return;
        };
        let mut name = [0; 256];
        // what comes after damage is not seen, here as in the dynamic linker
        let _walked = object.needed(&mut name, |name| {
            each(|loaded, at_start| {
                if !at_start && may_be_called(loaded, name) {
                    self.add(loaded);
                }
                false
            });
            ControlFlow::<()>::Continue(())
        });
    }
}

/// Whether DT_NEEDED may mean this object by `name`.
fn may_be_called(loaded: &Loaded<'_>, name: &[u8]) -> bool {
    let path = loaded.path().to_bytes();
    path == name || base_name(path) == name || loaded.is_called(name)
}

/// The exported definition of a loaded object.
pub fn definition(loaded: &Loaded<'_>) -> Option<Definition> {
    if !may_define(loaded) {
        return None;
    }
    image::object(loaded).and_then(|object| facts::exported_definition(&object))
}

/// Whether the object could be a definer at all: a look at its symbols, for which
/// the caller's stack is enough.
pub fn may_define(loaded: &Loaded<'_>) -> bool {
    // most objects have no thread-local storage: nothing to read
    thread_local_storage(loaded).is_some() && loaded.may_define_area()
}

/// The definition of this object is the one that wins in the global scope.
pub fn is_winner(loaded: &Loaded<'_>) -> bool {
    let block = loaded.info.dlpi_tls_data.addr();
    let into = arch::abi_area().addr().wrapping_sub(block);
    block != 0 && thread_local_storage(loaded).is_some_and(|bytes| (into as u64) < bytes)
}

/// Bytes of the object's thread-local storage, if it has any.
fn thread_local_storage(loaded: &Loaded<'_>) -> Option<u64> {
    let mut headers = loaded.headers().iter();
    let segment = headers.find(|header| header.p_type == libc::PT_TLS)?;
    Some(segment.p_memsz)
}

/// How many objects have been loaded so far, those that are gone included.
pub fn additions() -> u64 {
    let mut additions = 0;
    each_object(|loaded| {
        additions = loaded.info.dlpi_adds;
        true
    });
    additions
}

/// The object that an address is in.
pub struct Caller {
    /// Its link map, which dlinfo(3) takes for a handle; null if it was not
    /// found.
    pub handle: *mut c_void,
    /// It has DT_RPATH, which what it loads inherits.
    pub has_rpath: bool,
    /// The program started with it.
    pub at_start: bool,
}

/// Finds the object that called: it stays loaded for the time of its call. The
/// executable stands in for code that no object holds, as in the dynamic linker.
pub fn caller(address: usize) -> Caller {
    let mut caller = Caller {
        handle: null_mut(),
        has_rpath: false,
        at_start: false,
    };
    let mut is_executable = true;
    each(|loaded, at_start| {
        let found = loaded.contains(address);
        if found || is_executable {
            caller.handle = handle_of(loaded);
            caller.has_rpath = !is_executable && has_rpath(loaded);
            caller.at_start = at_start && found;
        }
        is_executable = false;
        found
    });
    caller
}

fn has_rpath(loaded: &Loaded<'_>) -> bool {
    if let Some(tables) = Tables::of(loaded) {
        return tables.has_rpath;
    }
    image::object(loaded).is_some_and(|object| {
        let dynamic = object.dynamic().ok().flatten();
        dynamic.is_some_and(|dynamic| dynamic.rpath.is_some() && dynamic.runpath.is_none())
    })
}

fn handle_of(loaded: &Loaded<'_>) -> *mut c_void {
    let mut headers = loaded.headers().iter();
    let Some(segment) = headers.find(|header| header.p_type == libc::PT_DYNAMIC) else {
        return null_mut();
    };
    let dynamic = loaded.info.dlpi_addr.wrapping_add(segment.p_vaddr);
    // SAFETY: the dynamic linker is showing us this very object.
    unsafe { link_map(dynamic as usize) }
}
