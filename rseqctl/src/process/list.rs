//! The list that a process's dynamic linker keeps of the objects it has loaded.
//!
//! An emulator (qemu-user) maps the objects of another program, with a dynamic
//! linker and a thread pointer of their own: they are in no list of the process's
//! own, and what they say about thread-local storage is not about its threads.

use super::image::Image;
use super::memory::Memory;

/// The most entries that are read; real lists have hundreds.
const MOST: usize = 100_000;

/// The most namespaces that are read; glibc has 16.
const MOST_SPACES: usize = 64;

/// An entry: struct link_map of link.h.
pub(super) struct Entry {
    /// What was added to the object's link-time addresses.
    pub(super) bias: u64,
    /// Where the entry is.
    address: u64,
}

/// The list, of all namespaces.
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    /// It has the other namespaces' objects, too (glibc 2.35).
    pub(super) has_spaces: bool,
}

impl List {
    /// Reads the list of the dynamic linker that the process was started with.
    /// None where its place is not known, or its layout (that of 32 bits).
    pub(super) fn read(image: &Image, memory: &Memory) -> Option<Self> {
        let own = image.linker.and_then(|index| image.objects.get(index));
        let debug = match own {
            Some(own) => own.bias.wrapping_add(own.file.marks.debug?),
            // where it was not seen which one: there is only one, or none
            None if image
                .program()
                .is_some_and(|it| it.file.report.facts.is_static) =>
            {
                return None;
            }
            None => {
                let mut objects = image.objects.iter();
                objects.find_map(|it| Some(it.bias.wrapping_add(it.file.marks.debug?)))?
            }
        };
        if image.program().is_some_and(|it| it.file.is_narrow()) {
            return None;
        }
        let mut list = Self {
            entries: Vec::new(),
            has_spaces: false,
        };
        // struct r_debug: version, head of the list, three words; from version 2 on
        // the next namespace's follows (link.h)
        let mut space = debug;
        for _ in 0..MOST_SPACES {
            list.read_space(memory, memory.u64(space.wrapping_add(8))?);
            list.has_spaces = memory.u32(space)? >= 2;
            let next = list
                .has_spaces
                .then(|| memory.u64(space.wrapping_add(40)))
                .flatten();
            match next {
                None | Some(0) => break,
                Some(next) => space = next,
            }
        }
        Some(list)
    }

    fn read_space(&mut self, memory: &Memory, head: u64) {
        let mut address = head;
        while address != 0 && self.entries.len() < MOST {
            // address, name, dynamic section, next
            let Some(bias) = memory.u64(address) else {
                return;
            };
            self.entries.push(Entry { bias, address });
            let Some(next) = memory.u64(address.wrapping_add(24)) else {
                return;
            };
            address = next;
        }
    }

    pub(super) fn has(&self, bias: u64) -> bool {
        self.entries.iter().any(|entry| entry.bias == bias)
    }

    /// Returns the static TLS offset (`l_tls_offset` of glibc) of each object with one, by
    /// its bias. The layout is what glibc tells to libthread_db, and to us.
    pub(super) fn tls_offsets(&self, image: &Image, memory: &Memory) -> Vec<(u64, u64)> {
        let mut objects = image.objects.iter();
        let mark = objects.find_map(|it| {
            let mark = it.file.marks.tls_offset.filter(|_| self.has(it.bias))?;
            Some(it.bias.wrapping_add(mark))
        });
        // three words: bits, elements, and the place in the structure
        let place = mark.and_then(|mark| memory.u32(mark.wrapping_add(8)));
        let Some(place) = place.map(u64::from) else {
            return Vec::new();
        };
        let offset_of = |entry: &Entry| {
            let offset = memory.u64(entry.address.wrapping_add(place))?;
            let is_static = u32::try_from(offset).is_ok_and(|offset| offset != 0);
            is_static.then_some((entry.bias, offset))
        };
        self.entries.iter().filter_map(offset_of).collect()
    }
}
