//! goblin's full parse.

use std::collections::BTreeMap;

use goblin::elf::dynamic::DF_STATIC_TLS;
use goblin::elf::header::{EM_386, EM_X86_64, ET_REL};
use goblin::elf::program_header::PT_TLS;
use goblin::elf::{Elf, Reloc, Sym};
use goblin::error::Error;
use tls_model::facts::SymbolName;

use crate::said::{Frame, Rseq, Said, Symbol};

/// `R_*_COPY` of x86-64 and x86; other machines' programs are rare in `/usr`.
const COPY: u32 = 5;

pub fn read(bytes: &[u8]) -> Result<Said, Error> {
    let elf = Elf::parse(bytes)?;
    let tls = elf.program_headers.iter().find(|it| it.p_type == PT_TLS);
    let flags = elf.dynamic.as_ref().map_or(0, |dynamic| dynamic.info.flags);
    let relocations = || {
        let tables = [&elf.dynrelas, &elf.dynrels, &elf.pltrelocs];
        tables.into_iter().flat_map(|table| table.iter())
    };
    let relocation = |it: Reloc| {
        (
            it.r_offset,
            it.r_sym as u64,
            it.r_type,
            it.r_addend.unwrap_or(0) as u64,
        )
    };
    // goblin sign-extends addends of 32 bits
    let narrow = |(offset, symbol, kind, addend): (u64, u64, u32, u64)| {
        let addend = if elf.is_64 {
            addend
        } else {
            u64::from(addend as u32)
        };
        (offset, symbol, kind, addend)
    };
    Ok(Said {
        tls: tls.map(|tls| (tls.p_memsz, tls.p_align)),
        static_tls: flags & DF_STATIC_TLS != 0,
        needed: elf
            .libraries
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect(),
        symbols: Some(elf.dynsyms.iter().map(symbol).collect()),
        relocations: Some(relocations().map(relocation).map(narrow).collect()),
        rseq: Some(rseq(&elf)),
    })
}

fn symbol(sym: Sym) -> Symbol {
    Symbol {
        name: sym.st_name as u64,
        value: sym.st_value,
        size: sym.st_size,
        binding: sym.st_info >> 4,
        kind: sym.st_info & 0xf,
        visibility: sym.st_other & 3,
        section: sym.st_shndx as u16,
    }
}

fn rseq(elf: &Elf<'_>) -> BTreeMap<&'static str, Rseq> {
    let frame = Frame {
        is_relocatable: elf.header.e_type == ET_REL,
        is_static: elf.interpreter.is_none() && elf.libraries.is_empty() && !elf.is_lib,
    };
    let tables = [
        (&elf.dynsyms, &elf.dynstrtab, "dynsym"),
        (&elf.syms, &elf.strtab, "symtab"),
    ];
    let mut found = BTreeMap::new();
    for (symbols, strings, table) in tables {
        for (index, sym) in symbols.iter().enumerate() {
            let name = strings.get_at(sym.st_name).unwrap_or_default();
            let Some(&name) = SymbolName::NAMES.iter().find(|known| **known == name) else {
                continue;
            };
            if table == "symtab" && !frame.looks_at(name, sym.st_info & 0xf) {
                continue;
            }
            let can_copy = matches!(elf.header.e_machine, EM_X86_64 | EM_386);
            let copies = |it: Reloc| it.r_type == COPY && it.r_sym == index;
            let is_copied = || elf.dynrelas.iter().chain(elf.dynrels.iter()).any(copies);
            let role = if sym.is_import() || sym.st_shndx == 0 {
                "references"
            } else if table == "dynsym" && can_copy && is_copied() {
                "copies"
            } else {
                "defines"
            };
            let symbol = symbol(sym);
            found.entry(name).or_insert(Rseq {
                role,
                binding: symbol.binding,
                visibility: symbol.visibility,
                table,
                size: symbol.size,
            });
        }
    }
    found
}
