//! What was found in critical sections: counts and first places, in a fixed
//! number of bytes.

use crate::facts::Evidence;

use super::Place;

/// What critical sections and the code around them can do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Violation {
    /// `version` is not 0.
    Version,
    /// `flags` is not 0.
    Flags,
    /// The code is empty, outside what can be executed, or wraps around.
    Range,
    /// The abort handler is inside the section.
    AbortInside,
    /// No known signature before the abort handler.
    Signature,
    /// A pointer of `__rseq_cs_ptr_array` leads nowhere.
    Pointer,
    /// A system call in the section.
    SystemCall,
    /// A call out of the section.
    Call,
    /// A store in the section to a field that belongs to the kernel.
    ReadOnlyStore,
    /// A store behind the first that others can see.
    SecondStore,
    /// A store outside sections to a field that belongs to the kernel.
    StrayStore,
    /// Bytes that are no instructions.
    Undecoded,
    /// Code of a machine whose instructions are not decoded here.
    NoDecoder,
}

impl Violation {
    /// Number of kinds.
    pub const COUNT: usize = Self::NoDecoder as usize + 1;
}

/// How often something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// How often.
    pub count: u32,
    /// The first place: that of the descriptor, or of the instruction.
    pub first: Place,
    /// How sure the surest of them is.
    pub evidence: Evidence,
}

/// What an object's critical sections are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Critical {
    /// There are no section headers, which would name the descriptors: they
    /// were found by their looks. Nothing that follows from them is proved.
    pub found: bool,
    /// Descriptors read, without the void ones.
    pub read: u32,
    /// Void descriptors: padding, or of code that the linker dropped.
    pub void: u32,
    /// Descriptors that were not read: too many, or not resolved yet.
    pub unread: u32,
    /// Sections whose code was decoded from start to end.
    pub decoded: u32,
    /// Places of the code where `__rseq_abi` is read or written or its address
    /// is made, found by searching.
    pub uses: u32,
    /// The same in critical sections, which are decoded from their start.
    pub uses_inside: u32,
    /// Those of them that use it by a constant offset from the thread pointer.
    pub proved_uses: u32,
    /// All code was searched, and followed over jumps and calls from wherever it
    /// may lead to the area: none of what a search may cost was used up.
    pub followed: bool,
    /// Places where the address of `__rseq_abi` goes where the search does not
    /// follow it (to a function of another object, into memory): what is done
    /// with it there is not known.
    pub escapes: u32,
    /// The first of them.
    pub first_escape: Option<Place>,
    offences: [Option<Offence>; Violation::COUNT],
}

impl Critical {
    /// Counts an offence.
    pub fn note(&mut self, violation: Violation, place: Place, evidence: Evidence) {
        let Some(slot) = self.offences.get_mut(violation as usize) else {
            return;
        };
        let evidence = if self.found {
            Evidence::Likely
        } else {
            evidence
        };
        let offence = slot.get_or_insert(Offence {
            count: 0,
            first: place,
            evidence,
        });
        offence.count = offence.count.saturating_add(1);
        if evidence == Evidence::Proved && offence.evidence == Evidence::Likely {
            offence.evidence = evidence;
            offence.first = place;
        }
    }

    /// Returns the offences of one kind.
    #[must_use]
    pub fn offence(&self, violation: Violation) -> Option<Offence> {
        self.offences.get(violation as usize).copied().flatten()
    }
}
