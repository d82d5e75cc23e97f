//! Decoding a critical section from its first instruction to its last.

use tls_model::critical::{Contents, Critical, CriticalSection, Place, Violation};
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Evidence, Facts, ObjectKind};

use crate::area::{AARCH64, Area, X86_64, is_read_only};
use crate::effect::{Effect, End, Store, Target};
use crate::{a64, x86};

/// Bytes of a critical section that are decoded. Real ones have tens.
const LONGEST: u64 = 1 << 16;

/// Decodes a section and notes what is wrong with it.
pub(crate) fn decode<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    section: &CriticalSection,
    start: Contents,
    critical: &mut Critical,
) -> Result<(), Error> {
    let length = section.length.min(start.rest).min(LONGEST);
    let mut code = vec![0; length as usize];
    let count = object.code(start.offset, &mut code)?;
    if count < code.len() {
        return Err(Error::Truncated);
    }
    let mut watch = Watch {
        section,
        relocatable: facts.kind == ObjectKind::Relocatable,
        critical,
        stored: None,
        repeated: None,
    };
    let address = section.start.address;
    let end = match facts.machine {
        X86_64 if facts.layout.class.bits() == 64 => {
            x86::walk(&code, address, area, |at, effect| watch.see(at, effect))
        }
        AARCH64 if facts.layout.class.bits() == 64 => {
            a64::walk(&code, address, area, |at, effect| watch.see(at, effect))
        }
        _ => {
            critical.note(Violation::NoDecoder, section.start, Evidence::Proved);
            return Ok(());
        }
    };
    watch.finish(end, length);
    Ok(())
}

/// Watches the instructions of one section go by.
struct Watch<'a> {
    section: &'a CriticalSection,
    relocatable: bool,
    critical: &'a mut Critical,
    /// The last store that others can see, and where it is.
    stored: Option<Place>,
    /// The first store that a restart would repeat.
    repeated: Option<Place>,
}

impl Watch<'_> {
    fn see(&mut self, address: u64, effect: Effect) {
        let place = Place {
            section: self.section.start.section,
            address,
        };
        if effect.system_call {
            self.critical
                .note(Violation::SystemCall, place, Evidence::Proved);
        }
        match effect.call {
            // what the linker has not filled in goes to another section
            Some(Target::Address(_)) if self.relocatable => {
                self.critical.note(Violation::Call, place, Evidence::Likely);
            }
            Some(Target::Address(target)) => {
                let target = Place {
                    address: target,
                    ..place
                };
                if !self.section.contains(target) {
                    self.critical.note(Violation::Call, place, Evidence::Proved);
                }
            }
            Some(Target::Unknown) => {
                self.critical.note(Violation::Call, place, Evidence::Likely);
            }
            None => {}
        }
        if effect.is_use() {
            self.critical.uses_inside = self.critical.uses_inside.saturating_add(1);
        }
        let access = effect.access.filter(|access| access.is_inside());
        if access.is_some_and(|access| access.evidence == Evidence::Proved) {
            self.critical.proved_uses = self.critical.proved_uses.saturating_add(1);
        }
        if let Some(store) = effect.store {
            self.see_store(place, store);
        }
    }

    fn see_store(&mut self, place: Place, store: Store) {
        if let Some((offset, evidence)) = store.area {
            if is_read_only(offset, store.size) {
                self.critical
                    .note(Violation::ReadOnlyStore, place, evidence);
            }
            return;
        }
        if store.private {
            return;
        }
        if store.in_place {
            self.repeated.get_or_insert(place);
        }
        self.stored = Some(place);
    }

    /// Notes what the whole section shows. `end` is where decoding stopped and where the last
    /// instruction starts.
    fn finish(self, end: End, length: u64) {
        let whole = end.bytes == length && length == self.section.length;
        if !whole {
            let place = Place {
                section: self.section.start.section,
                address: self.section.start.address.wrapping_add(end.bytes),
            };
            self.critical
                .note(Violation::Undecoded, place, Evidence::Proved);
            return;
        }
        self.critical.decoded = self.critical.decoded.saturating_add(1);
        let last = self.section.start.address.wrapping_add(end.last);
        let too_early = [self.repeated, self.stored]
            .into_iter()
            .flatten()
            .find(|place| place.address != last);
        if let Some(place) = too_early {
            self.critical
                .note(Violation::SecondStore, place, Evidence::Likely);
        }
    }
}
