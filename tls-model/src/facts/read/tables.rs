//! What program headers, section headers and the dynamic section say.

use core::ops::ControlFlow;

use goblin::elf::dynamic as dt;
use goblin::elf::header as h;
use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE, SHT_SYMTAB};

use super::reader::Reader;
use crate::elf::{Dynamic, Names, Section, Source, Strings};
use crate::facts::searched::as_bytes;
use crate::facts::{Damage, DynamicFlags, ObjectKind, SectionName, Tls};

impl<S: Source> Reader<'_, S> {
    pub(super) fn segments(&mut self) {
        let object = self.object;
        let tls = self.keep(Damage::SEGMENTS, object.tls()).flatten();
        self.facts.tls = tls.map(|segment| Tls {
            memsz: segment.memsz,
            filesz: segment.filesz,
            align: segment.align,
            vaddr: segment.vaddr,
        });
        self.facts.has_interpreter = self
            .keep(Damage::SEGMENTS, object.interpreter_segment())
            .flatten()
            .is_some();
        self.facts.build_id = self.keep(Damage::NOTES, object.build_id()).flatten();
    }

    /// Reads the sections; returns the link-time symbol table, if there is one.
    pub(super) fn sections(&mut self) -> Option<Section> {
        const NAMES: [&[u8]; SectionName::NAMES.len()] = as_bytes(SectionName::NAMES);
        let object = self.object;
        if !object.has_sections() {
            return None;
        }
        let names = object.section_names().and_then(|section| {
            let strings = Strings {
                offset: section.offset,
                size: section.size,
            };
            object.find_names(strings, &Names::exactly(&NAMES))
        });
        let names = self.keep(Damage::SECTIONS, names);
        let mut symtab = None;
        let walked = object.sections(|_, section| {
            let empty = section.kind == SHT_NOBITS;
            if section.kind == SHT_SYMTAB {
                symtab = Some(section);
            }
            self.has_contents |= section.size != 0
                && section.kind != SHT_NOTE
                && section.flags & u64::from(SHF_ALLOC) != 0;
            if empty && section.flags & u64::from(SHF_EXECINSTR) != 0 {
                // code is never empty but in split debugging information
                self.is_debug = true;
            }
            let name = names
                .and_then(|names| names.name_at(section.name))
                .and_then(|index| SectionName::ALL.get(index));
            if let Some(name) = name.filter(|_| !empty) {
                self.facts.sections.add(*name, section.size);
            }
            ControlFlow::<()>::Continue(())
        });
        self.keep(Damage::SECTIONS, walked);
        self.facts.has_symtab = symtab.is_some();
        symtab
    }

    pub(super) fn kind_and_flags(&mut self) {
        let object = self.object;
        let dynamic = if self.is_debug {
            None
        } else {
            self.keep(Damage::DYNAMIC, object.dynamic()).flatten()
        };
        let (flags, flags_1) = dynamic.map_or((0, 0), |dynamic| (dynamic.flags, dynamic.flags_1));
        let is_program = flags_1 & dt::DF_1_PIE != 0
            || self.facts.has_interpreter && dynamic.is_none_or(|dynamic| dynamic.soname.is_none());
        self.facts.kind = match object.header().kind {
            h::ET_EXEC | h::ET_DYN if self.is_debug => ObjectKind::Debug,
            h::ET_EXEC => ObjectKind::Executable,
            h::ET_DYN if is_program => ObjectKind::Executable,
            h::ET_DYN => ObjectKind::Shared,
            h::ET_REL => ObjectKind::Relocatable,
            h::ET_CORE => ObjectKind::Core,
            _ => ObjectKind::Other,
        };
        self.facts.is_static = self.facts.kind == ObjectKind::Executable
            && !self.facts.has_interpreter
            && dynamic.is_none_or(|dynamic| dynamic.needed == 0);
        self.facts.flags = DynamicFlags {
            nodelete: flags_1 & dt::DF_1_NODELETE != 0,
            static_tls: flags & dt::DF_STATIC_TLS != 0,
            initfirst: flags_1 & dt::DF_1_INITFIRST != 0,
            bind_now: flags & dt::DF_BIND_NOW != 0
                || flags_1 & dt::DF_1_NOW != 0
                || dynamic.is_some_and(|dynamic| dynamic.bind_now),
            symbolic: dynamic.is_some_and(Dynamic::is_symbolic),
        };
    }
}
