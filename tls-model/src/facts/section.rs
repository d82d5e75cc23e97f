//! The sections that rseq code puts into an object.

/// A section that says something about rseq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SectionName {
    /// `__rseq_cs`: descriptors of critical sections, 32 bytes each.
    Descriptors,
    /// `__rseq_cs_ptr_array`: their addresses, for debuggers.
    Pointers,
    /// `__rseq_exit_point_array`: where critical sections are left early.
    ExitPoints,
    /// `__rseq_failure`: abort handlers.
    Failure,
    /// `rseq_trampoline`: abort trampolines of `TCMalloc` on aarch64.
    Trampoline,
    /// `.note.rseq_owner`: the program registers its threads itself
    /// (`librseq_owner.a`).
    Owner,
}

impl SectionName {
    /// Every name.
    pub const ALL: [Self; 6] = [
        Self::Descriptors,
        Self::Pointers,
        Self::ExitPoints,
        Self::Failure,
        Self::Trampoline,
        Self::Owner,
    ];

    /// The names as they stand in objects, in the order of [`Self::ALL`].
    pub const NAMES: [&'static str; 6] = [
        "__rseq_cs",
        "__rseq_cs_ptr_array",
        "__rseq_exit_point_array",
        "__rseq_failure",
        "rseq_trampoline",
        ".note.rseq_owner",
    ];

    /// Returns the name as it stands in objects.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Sizes in bytes of the sections that are there. Several sections of one name
/// (in relocatable objects) are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    sizes: [Option<u64>; SectionName::ALL.len()],
}

impl Sections {
    /// Returns the size of a section in bytes, if it is there.
    #[must_use]
    pub fn size(&self, name: SectionName) -> Option<u64> {
        self.sizes.get(name as usize).copied().flatten()
    }

    /// Returns the sections that are there, in a fixed order, with their sizes.
    pub fn iter(&self) -> impl Iterator<Item = (SectionName, u64)> {
        SectionName::ALL
            .into_iter()
            .filter_map(|name| self.size(name).map(|size| (name, size)))
    }

    /// Returns whether none of them is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(super) fn add(&mut self, name: SectionName, size: u64) {
        if let Some(slot) = self.sizes.get_mut(name as usize) {
            *slot = Some(slot.unwrap_or(0).saturating_add(size));
        }
    }
}
