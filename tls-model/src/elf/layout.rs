//! Fields of ELF structures, by class and byte order.
//!
//! Layouts come from goblin's `repr(C)` structures, so no offset is written
//! here by hand; the bytes are decoded one field at a time because an object's
//! class and byte order are known only at run time.

use super::Error;
use goblin::elf::header;

/// ELF class: the width of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 32-bit addresses.
    Elf32,
    /// 64-bit addresses.
    Elf64,
}

impl Class {
    /// Returns the width of an address in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Elf32 => 32,
            Self::Elf64 => 64,
        }
    }

    /// Returns the width of an address in bytes.
    #[must_use]
    pub const fn address_size(self) -> u64 {
        match self {
            Self::Elf32 => 4,
            Self::Elf64 => 8,
        }
    }
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// How an object's fields are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Width of addresses.
    pub class: Class,
    /// Byte order.
    pub endian: Endian,
}

impl Layout {
    /// Returns the layout that the identification bytes name.
    pub(super) fn from_ident(ident: &[u8]) -> Result<Self, Error> {
        let class = match ident.get(header::EI_CLASS).copied() {
            Some(header::ELFCLASS32) => Class::Elf32,
            Some(header::ELFCLASS64) => Class::Elf64,
            Some(other) => return Err(Error::Class(other)),
            None => return Err(Error::Truncated),
        };
        let endian = match ident.get(header::EI_DATA).copied() {
            Some(header::ELFDATA2LSB) => Endian::Little,
            Some(header::ELFDATA2MSB) => Endian::Big,
            Some(other) => return Err(Error::Encoding(other)),
            None => return Err(Error::Truncated),
        };
        Ok(Self { class, endian })
    }

    /// Returns an unsigned number of 1, 2, 4 or 8 bytes; 0 for any other length.
    #[inline]
    #[must_use]
    pub fn uint(self, bytes: &[u8]) -> u64 {
        macro_rules! decode {
            ($int:ty) => {
                <[u8; size_of::<$int>()]>::try_from(bytes).map_or(0, |bytes| {
                    u64::from(match self.endian {
                        Endian::Little => <$int>::from_le_bytes(bytes),
                        Endian::Big => <$int>::from_be_bytes(bytes),
                    })
                })
            };
        }
        match bytes.len() {
            1 => decode!(u8),
            2 => decode!(u16),
            4 => decode!(u32),
            8 => decode!(u64),
            _ => 0,
        }
    }

    /// Returns one field of a record, 0 where the record is too short for it.
    ///
    /// Records are read in full length or not at all, so the 0 is never taken
    /// for a value.
    #[inline]
    pub(super) fn get(self, field: Field, record: &[u8]) -> u64 {
        let place = match self.class {
            Class::Elf32 => field.elf32,
            Class::Elf64 => field.elf64,
        };
        record
            .get(place.at..place.at + place.width)
            .map_or(0, |bytes| self.uint(bytes))
    }

    /// Chooses by class.
    pub(super) const fn pick(self, elf32: usize, elf64: usize) -> usize {
        match self.class {
            Class::Elf32 => elf32,
            Class::Elf64 => elf64,
        }
    }
}

/// A field's place in a structure of one class: bytes.
#[derive(Clone, Copy)]
pub(super) struct FieldPlace {
    pub(super) at: usize,
    pub(super) width: usize,
}

/// The same field in both classes.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) elf32: FieldPlace,
    pub(super) elf64: FieldPlace,
}

/// Returns the width of the field that `_project` borrows.
pub(super) const fn width_of<T, U>(_project: fn(&T) -> &U) -> usize {
    size_of::<U>()
}

/// The [`Field`] `$field` of goblin's structure `$name` in `$module32` and
/// `$module64`.
macro_rules! field {
    ($module32:path, $module64:path, $field:ident) => {{
        use $module32 as Elf32;
        use $module64 as Elf64;
        $crate::elf::layout::Field {
            elf32: $crate::elf::layout::FieldPlace {
                at: core::mem::offset_of!(Elf32, $field),
                width: $crate::elf::layout::width_of(|it: &Elf32| &it.$field),
            },
            elf64: $crate::elf::layout::FieldPlace {
                at: core::mem::offset_of!(Elf64, $field),
                width: $crate::elf::layout::width_of(|it: &Elf64| &it.$field),
            },
        }
    }};
}
pub(super) use field;
