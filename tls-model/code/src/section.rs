//! Decoding a critical section from its first instruction to its last.

use tls_model::critical::{Contents, Critical, CriticalSection, Place, Violation};
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Evidence, Facts, ObjectKind};

use crate::area::{AARCH64, Area, X86_64, is_read_only};
use crate::{a64, x86};

/// Bytes of a critical section that are decoded. Real ones have tens.
const LONGEST: u64 = 1 << 16;

/// What one instruction does, as far as critical sections are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// It enters the kernel.
    pub(crate) system_call: bool,
    /// It calls: an address, or one that only the running program knows.
    pub(crate) call: Option<Target>,
    /// It stores to memory.
    pub(crate) store: Option<Store>,
    /// It reads or writes in the area, or right before it.
    pub(crate) access: Option<Access>,
    /// It makes the area's address, or an address in it with an index.
    pub(crate) formed: bool,
    /// It makes the address with which `__tls_get_addr` is asked for the
    /// object's own storage.
    pub(crate) asks: bool,
    /// A pointer to the area goes where it is not followed.
    pub(crate) lost: bool,
}

impl Effect {
    /// Whether it reads or writes the area, or makes its address.
    pub(crate) fn is_use(&self) -> bool {
        self.formed || self.access.is_some_and(Access::is_inside)
    }
}

/// A read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Offset in the area of the first byte.
    pub(crate) offset: i64,
    /// Bytes.
    pub(crate) size: u64,
    /// Whether the address had to be followed through registers.
    pub(crate) evidence: Evidence,
}

impl Access {
    /// Whether a byte of it is in the area.
    pub(crate) fn is_inside(self) -> bool {
        self.offset < 32 && self.offset.saturating_add_unsigned(self.size.max(1)) > 0
    }
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Address(u64),
    Unknown,
}

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    /// Offset in the area, where the address leads there, and whether it had to
    /// be followed through registers.
    pub(crate) area: Option<(i64, Evidence)>,
    /// Bytes.
    pub(crate) size: u64,
    /// The value, where it is a constant.
    pub(crate) value: Option<i32>,
    /// It changes what was there before (and does it again when restarted).
    pub(crate) in_place: bool,
    /// It goes to the stack.
    pub(crate) private: bool,
}

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

    /// `end` is where decoding stopped and where the last instruction starts.
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

/// How far a walk over code came, in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// Bytes decoded.
    pub(crate) bytes: u64,
    /// Start of the last instruction.
    pub(crate) last: u64,
}
