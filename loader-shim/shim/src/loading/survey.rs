//! What a load will bring, looked at before it happens: the object itself and
//! all that it needs and that is not there yet.
//!
//! Before, because an object that must not be loaded must not have run its
//! constructors either, and because the call then goes on by a tail jump, with
//! the caller's return address: the dynamic linker takes RUNPATH, $ORIGIN and
//! the namespace from it.

use core::ffi::{CStr, c_void};
use core::ops::ControlFlow;

use tls_model::elf::{Class, Object};
use tls_model::facts::{self, Definition};
use tls_model::loading::{Breach, Load, Verdict, judge};

use super::file::File;
use super::known::Identity;
use super::memory::{Needed, Needer, Room};
use super::objects::{self, Wanted, base_name};
use super::search::{self, Path};
use super::trail::{self, Trail};
use crate::text::Text;

/// Longest name in DT_NEEDED, DT_RUNPATH and DT_RPATH that is looked at.
const LONGEST: usize = 512;
/// Room for the name of an object in a message.
pub const NAME: usize = 256;

/// What a load will bring.
pub struct Found {
    /// The object that is opened defines the symbol and is to be promoted.
    pub promote: bool,
    /// So does another, which it needs.
    pub promote_needed: bool,
    /// The first object that must not be loaded like this, and why.
    pub breach: Option<Breach>,
    /// The name of that object, else of a definer.
    pub name: Text<NAME>,
    /// Bytes of thread-local storage, with alignment.
    pub thread_local: u64,
    /// Nothing was found, and nothing would be another time, as long as the file
    /// that is opened is the same.
    pub harmless: bool,
    /// How a bare name has led to that file.
    pub trail: Trail,
}

struct Survey<'r> {
    load: Load,
    found: Found,
    room: &'r mut Room,
}

/// Where what dlopen(3) will load for the caller at this return address was looked
/// at before and brings nothing: its bytes of thread-local storage.
pub fn if_known(name: &CStr, caller: usize, load: Load) -> Option<u64> {
    if load.deep_bind || load.other_namespace {
        return None;
    }
    if is_path(name.to_bytes()) {
        return Identity::of(name).and_then(Identity::if_harmless);
    }
    trail::if_known(name.to_bytes(), caller)
}

/// A name that says by itself which file is meant.
pub fn is_path(name: &[u8]) -> bool {
    name.contains(&b'/') && !name.contains(&b'$')
}

/// Looks at what dlopen(3) will load under `name` for `caller`, a handle.
pub fn of(name: &CStr, caller: impl FnOnce() -> *mut c_void, load: Load, room: &mut Room) -> Found {
    let mut survey = Survey {
        load,
        found: Found {
            promote: false,
            promote_needed: false,
            breach: None,
            name: Text::new(),
            thread_local: 0,
            harmless: !load.deep_bind && !load.other_namespace,
            trail: Trail::NONE,
        },
        room,
    };
    if survey.is_open(name.to_bytes(), Wanted::Name(name.to_bytes())) {
        return survey.found;
    }
    let is_path = is_path(name.to_bytes());
    if is_path {
        survey.look_and_remember(name);
    } else {
        survey.room.need(name.to_bytes(), Needer::default());
    }
    survey.rest(caller, !is_path);
    survey.found
}

impl Survey<'_> {
    /// Looks at what is needed, breadth first, as the dynamic linker loads it.
    fn rest(&mut self, caller: impl FnOnce() -> *mut c_void, mut opened: bool) {
        if self.room.is_empty() {
            return;
        }
        let caller = caller();
        while self.found.breach.is_none() {
            let Some(needed) = self.room.next() else {
                return;
            };
            self.look_for(caller, needed, opened);
            opened = false;
        }
    }

    fn look_for(&mut self, caller: *mut c_void, needed: Needed, opened: bool) {
        let mut path = Path::new();
        let mut file = None;
        let mut trail = Trail::NONE;
        search::find(
            self.room,
            caller,
            needed,
            &mut path,
            &mut trail,
            |candidate| {
                let fits = is_native(&candidate);
                file = fits.then_some(candidate);
                fits
            },
        );
        let Some(file) = file else {
            self.found.harmless = false;
            return;
        };
        let path = path.text();
        if opened {
            trail.pass(path.to_bytes());
            self.found.trail = trail;
        }
        let wanted = Wanted::File(path);
        let is_loaded = if opened {
            self.is_open(path.to_bytes(), wanted)
        } else {
            self.is_there(path.to_bytes(), wanted)
        };
        if !is_loaded {
            self.look(path, &file, opened);
        }
    }

    /// Looks at a path.
    fn look_and_remember(&mut self, path: &CStr) {
        // before the look: a file that changes meanwhile is another one
        let identity = Identity::of(path);
        let Some(file) = File::open(path) else {
            return;
        };
        self.look(path, &file, true);
        if self.found.harmless
            && let Some(identity) = identity
        {
            identity.remember(self.found.thread_local);
        }
    }

    /// Whether the program has what it opens already. A definer that has come by
    /// itself so far is promoted now.
    fn is_open(&mut self, name: &[u8], wanted: Wanted<'_>) -> bool {
        if self.load.other_namespace {
            return false;
        }
        let mut promote = false;
        let mut stays = true;
        let found = objects::find(wanted, |loaded, at_start| {
            promote = objects::definition(loaded).is_some() && !objects::is_winner(loaded);
            stays = at_start;
        });
        self.found.harmless &= stays && !promote;
        if promote {
            self.found.promote = true;
            self.found.name.push(name);
        }
        found
    }

    /// Whether the program has this object already. If so it is not looked at
    /// again, unless what is loaded would prefer its definition to the one that
    /// wins.
    fn is_there(&mut self, name: &[u8], wanted: Wanted<'_>) -> bool {
        if self.load.other_namespace {
            return false;
        }
        let mut preferred = None;
        let mut stays = false;
        let found = objects::find(wanted, |loaded, at_start| {
            stays = at_start;
            if self.load.deep_bind && !objects::is_winner(loaded) {
                preferred = objects::definition(loaded);
            }
        });
        if let Some(definition) = preferred {
            self.judge(name, definition, false);
        }
        self.found.harmless &= stays;
        found
    }

    fn look(&mut self, path: &CStr, file: &File, opened: bool) {
        let Ok(object) = Object::open(file) else {
            self.found.harmless = false;
            return;
        };
        if let Ok(Some(tls)) = object.tls() {
            let bytes = tls.memsz.saturating_add(tls.align);
            self.found.thread_local = self.found.thread_local.saturating_add(bytes);
            if let Some(definition) = facts::exported_definition(&object) {
                self.found.harmless = false;
                self.judge(path.to_bytes(), definition, opened);
            }
        }
        let mut by = None;
        let mut name = [0; LONGEST];
        // names behind damage go unseen: the dynamic linker fails there too
        let walked = object.needed(&mut name, |name| {
            if !self.is_there(name, Wanted::Name(name))
                && let Some(by) = self.needer(&mut by, path, &object)
            {
                self.room.need(name, by);
            }
            ControlFlow::<()>::Continue(())
        });
        self.found.harmless &= walked.is_ok();
    }

    /// Stores where to look for what an object needs, the first time.
    fn needer(
        &mut self,
        known: &mut Option<Needer>,
        path: &CStr,
        object: &Object<&File>,
    ) -> Option<Needer> {
        if known.is_some() {
            return *known;
        }
        let room = &mut *self.room;
        let path = path.to_bytes();
        let directory = path.strip_suffix(base_name(path)).unwrap_or_default();
        let directory = directory.strip_suffix(b"/").unwrap_or(directory);
        let mut buffer = [0; LONGEST];
        let own = match object.runpath(&mut buffer) {
            Ok(Some(path)) => room.store(path),
            _ => match object.rpath(&mut buffer) {
                Ok(Some(path)) => room.store(path),
                _ => None,
            },
        };
        *known = Some(Needer {
            origin: room.store(if directory.is_empty() {
                b"."
            } else {
                directory
            })?,
            path: own.unwrap_or_default(),
        });
        *known
    }

    fn judge(&mut self, name: &[u8], definition: Definition, opened: bool) {
        let verdict = judge(&definition, &self.load);
        let first = self.found.name.as_bytes().is_empty();
        match verdict {
            Verdict::Keep => return,
            Verdict::Promote if opened => self.found.promote = true,
            Verdict::Promote => self.found.promote_needed = true,
            Verdict::Refuse(breach) => self.found.breach = Some(breach),
        }
        if first || self.found.breach.is_some() {
            self.found.name = Text::new();
            self.found.name.push(name);
        }
    }
}

/// The dynamic linker passes files of another machine by.
fn is_native(file: &File) -> bool {
    let machine = if cfg!(target_arch = "x86_64") {
        libc::EM_X86_64
    } else {
        libc::EM_AARCH64
    };
    Object::open(file).is_ok_and(|object| {
        object.header().machine == machine && object.layout().class == Class::Elf64
    })
}
