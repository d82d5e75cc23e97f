//! Which parts of an object could not be used.

use core::fmt;

/// The parts of an object that could not be used, as a set. What the other
/// parts say still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage(u16);

impl Damage {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The program headers.
    pub const SEGMENTS: Self = Self(1);
    /// The section headers or their names.
    pub const SECTIONS: Self = Self(1 << 1);
    /// The dynamic section.
    pub const DYNAMIC: Self = Self(1 << 2);
    /// The dynamic symbols, their names or their hash table.
    pub const DYNAMIC_SYMBOLS: Self = Self(1 << 3);
    /// The dynamic relocations.
    pub const RELOCATIONS: Self = Self(1 << 4);
    /// The link-time symbols (`.symtab`) or their names.
    pub const LINK_SYMBOLS: Self = Self(1 << 5);
    /// The notes, and with them the build id.
    pub const NOTES: Self = Self(1 << 6);
    /// More symbols of interest than are kept.
    pub const TOO_MANY: Self = Self(1 << 7);

    /// Critical sections, or the code that was searched.
    pub const CODE: Self = Self(1 << 8);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::SEGMENTS, "program headers"),
        (Self::SECTIONS, "section headers"),
        (Self::DYNAMIC, "dynamic section"),
        (Self::DYNAMIC_SYMBOLS, "dynamic symbols"),
        (Self::RELOCATIONS, "relocations"),
        (Self::LINK_SYMBOLS, "symbol table"),
        (Self::NOTES, "notes"),
        (Self::CODE, "critical sections"),
        (Self::TOO_MANY, "too many rseq symbols"),
    ];

    /// Returns whether nothing is damaged.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether all of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Returns the damaged parts in words, in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(part, _)| self.contains(*part))
            .map(|(_, name)| name)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index != 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
