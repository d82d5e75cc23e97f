//! Relocations.

use core::ops::ControlFlow;

use goblin::elf::dynamic::DT_REL;
use goblin::elf::reloc::{reloc32, reloc64};
use goblin::elf::section_header::{SHF_INFO_LINK, SHT_REL, SHT_RELA};

use super::layout::{Field, field};
use super::table::{CHUNK, Table};
use super::{Class, Error, Object, Section, Source};

macro_rules! relocation_field {
    ($name:ident) => {
        const { field!(reloc32::Rela, reloc64::Rela, $name) }
    };
}

/// One dynamic relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Link-time address of the place that it changes.
    pub offset: u64,
    /// Index of the dynamic symbol, 0 for none.
    pub symbol: u64,
    /// `R_*` of the machine.
    pub kind: u32,
    /// The addend; in REL tables it stands in the place itself.
    pub addend: Option<u64>,
}

/// The form of a table of relocations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Rela,
    Rel,
    /// Those of Android's packer, with addends and without.
    AndroidRela,
    AndroidRel,
    Crel,
    Unknown,
}

/// `sh_type` of relocations in the form CREL: what LLVM writes since 19, and what it
/// wrote before. The numbers are for experiments, and goblin has none of them.
const SHT_CREL: [u32; 2] = [0x4000_0014, 0x4000_0020];

/// The first number for experiments, behind all that the ABI knows.
const SHT_EXPERIMENTS: u32 = 0x4000_0000;

/// `sh_type` of Android's packed relocations.
const SHT_ANDROID_REL: u32 = 0x6000_0001;
const SHT_ANDROID_RELA: u32 = 0x6000_0002;

impl Section {
    /// Returns the form of its relocations; `None` where it has none.
    pub(super) fn relocations(&self) -> Option<Form> {
        Some(match self.kind {
            SHT_RELA => Form::Rela,
            SHT_REL => Form::Rel,
            SHT_ANDROID_RELA => Form::AndroidRela,
            SHT_ANDROID_REL => Form::AndroidRel,
            kind if SHT_CREL.contains(&kind) => Form::Crel,
            // it says which section it changes, and nobody knows how
            kind if kind >= SHT_EXPERIMENTS && self.flags & u64::from(SHF_INFO_LINK) != 0 => {
                Form::Unknown
            }
            _ => return None,
        })
    }
}

impl<S: Source> Object<S> {
    /// Calls `visit` with every dynamic relocation until it breaks. Relative
    /// ones packed in `DT_RELR` have no symbol, and their value stands in the
    /// place itself as the link-time address that it is: they are left out.
    ///
    /// # Errors
    ///
    /// The relocations before the damage have been visited.
    pub fn relocations<B>(
        &self,
        mut visit: impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let Some(&dynamic) = self.dynamic()? else {
            return Ok(None);
        };
        let jmprel = match dynamic.jmprel_kind {
            DT_REL => Form::Rel,
            _ => Form::Rela,
        };
        let tables = [
            (dynamic.rela, dynamic.rela_size, Form::Rela),
            (dynamic.rel, dynamic.rel_size, Form::Rel),
            (dynamic.jmprel, dynamic.jmprel_size, jmprel),
            (
                dynamic.android_rela,
                dynamic.android_rela_size,
                Form::AndroidRela,
            ),
            (
                dynamic.android_rel,
                dynamic.android_rel_size,
                Form::AndroidRel,
            ),
            // its size is in the table itself
            (dynamic.crel, u64::MAX, Form::Crel),
        ];
        for (address, size, form) in tables {
            let Some(address) = address.filter(|_| size != 0) else {
                continue;
            };
            let (offset, rest) = self.offset_of(address)?;
            if let Some(value) = self.relocations_at(offset, size.min(rest), form, &mut visit)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Calls `visit` with every relocation of a section until it breaks; with none
    /// where the section holds something else. In relocatable objects the relocation's
    /// offset counts from the start of the section that it changes
    /// (`sh_info`), and its symbol is one of the table `sh_link`.
    ///
    /// # Errors
    ///
    /// The relocations before the damage have been visited. [`Error::Damaged`], too,
    /// where the section has relocations of a form that is not known.
    pub fn section_relocations<B>(
        &self,
        section: &Section,
        mut visit: impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let Some(form) = section.relocations() else {
            return Ok(None);
        };
        self.relocations_at(section.offset, section.size, form, &mut visit)
    }

    fn relocations_at<B>(
        &self,
        offset: u64,
        size: u64,
        form: Form,
        visit: &mut impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let with_addend = match form {
            Form::Rela => true,
            Form::Rel => false,
            Form::AndroidRela | Form::AndroidRel => {
                let with_addend = form == Form::AndroidRela;
                return self.android_relocations(offset, size, with_addend, visit);
            }
            Form::Crel => return self.crel_relocations(offset, size, visit),
            Form::Unknown => return Err(Error::Damaged),
        };
        let layout = self.layout;
        let stride = if with_addend {
            layout.pick(reloc32::SIZEOF_RELA, reloc64::SIZEOF_RELA)
        } else {
            layout.pick(reloc32::SIZEOF_REL, reloc64::SIZEOF_REL)
        } as u64;
        let table = Table::from_size(offset, size, stride, stride)?;
        self.records::<CHUNK, _>(table, |_, record| {
            let get = |field: Field| layout.get(field, record);
            let (symbol, kind) = self.symbol_and_kind(get(relocation_field!(r_info)));
            visit(Relocation {
                offset: get(relocation_field!(r_offset)),
                symbol,
                kind,
                addend: with_addend.then(|| get(relocation_field!(r_addend))),
            })
        })
    }

    /// Returns the two parts of `r_info`.
    pub(super) fn symbol_and_kind(&self, info: u64) -> (u64, u32) {
        match self.layout.class {
            Class::Elf32 => (info >> 8 & 0xff_ffff, (info & 0xff) as u32),
            Class::Elf64 => (info >> 32, info as u32),
        }
    }
}
