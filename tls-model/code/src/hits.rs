//! What a search of the code has found.

use std::collections::HashSet;

use tls_model::critical::{Critical, Place, Violation};
use tls_model::facts::Evidence;

use crate::area::{is_farewell, is_read_only};
use crate::effect::Store;

/// Places that are told apart. An object with more has them counted more than
/// once where several paths lead to them.
const MOST: usize = 1 << 14;

/// What was found, each place once.
pub(crate) struct Hits<'a> {
    critical: &'a mut Critical,
    seen: HashSet<(u64, HitKind)>,
    /// The area, or all storage of the object, was asked for with the sequence
    /// of the general-dynamic model, or with that of the local-dynamic one.
    pub(crate) asked: Asked,
}

/// How the address of thread-local storage is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) general_dynamic: bool,
    pub(crate) local_dynamic: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum HitKind {
    Use,
    Store,
    Lost,
}

impl<'a> Hits<'a> {
    pub(crate) fn new(critical: &'a mut Critical) -> Self {
        Self {
            critical,
            seen: HashSet::new(),
            asked: Asked::default(),
        }
    }

    fn is_new(&mut self, address: u64, kind: HitKind) -> bool {
        if self.seen.len() == MOST {
            self.seen.clear();
        }
        self.seen.insert((address, kind))
    }

    /// Notes that the area is read or written, or its address is made.
    pub(crate) fn uses(&mut self, address: u64) {
        if self.is_new(address, HitKind::Use) {
            self.critical.uses = self.critical.uses.saturating_add(1);
        }
    }

    /// Returns whether that was noted for this place.
    pub(crate) fn has_use(&self, address: u64) -> bool {
        self.seen.contains(&(address, HitKind::Use))
    }

    /// Notes a store, perhaps to the area.
    pub(crate) fn store(&mut self, address: u64, store: Store) {
        let Some((offset, _)) = store.area else {
            return;
        };
        if is_read_only(offset, store.size)
            && !is_farewell(offset, store.size, store.value)
            && self.is_new(address, HitKind::Store)
        {
            let place = Place {
                section: 0,
                address,
            };
            self.critical
                .note(Violation::StrayStore, place, Evidence::Likely);
        }
    }

    /// Notes that the area's address goes where it is not followed.
    pub(crate) fn lost(&mut self, address: u64) {
        if self.is_new(address, HitKind::Lost) {
            let place = Place {
                section: 0,
                address,
            };
            self.critical.escapes = self.critical.escapes.saturating_add(1);
            self.critical.first_escape.get_or_insert(place);
        }
    }

    /// Notes that the object's own storage is asked for; the instruction is padded as in
    /// the general-dynamic model.
    pub(crate) fn asks(&mut self, is_padded: bool) {
        self.asked.general_dynamic |= is_padded;
        self.asked.local_dynamic |= !is_padded;
    }
}
