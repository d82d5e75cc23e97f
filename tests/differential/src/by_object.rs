//! object's full parse: everything by section headers.

use std::collections::{BTreeMap, BTreeSet};

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, Rel, Rela, SectionHeader, Sym};
use object::read::{Error, FileKind};
use object::{Endianness, SymbolIndex};
use tls_model::facts::SymbolName;

use crate::said::{Frame, Relocation, Rseq, Said, Symbol};

pub fn read(bytes: &[u8]) -> Result<Said, Error> {
    match FileKind::parse(bytes)? {
        FileKind::Elf32 => of::<elf::FileHeader32<Endianness>>(bytes),
        _ => of::<elf::FileHeader64<Endianness>>(bytes),
    }
}

fn of<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Said, Error> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let mut said = Said::default();
    let mut has_interpreter = false;
    for segment in header.program_headers(endian, bytes)? {
        match segment.p_type(endian) {
            elf::PT_TLS if said.tls.is_none() => {
                said.tls = Some((
                    segment.p_memsz(endian).into(),
                    segment.p_align(endian).into(),
                ));
            }
            elf::PT_INTERP => has_interpreter = true,
            _ => {}
        }
    }
    let sections = header.sections(endian, bytes)?;
    let mut is_pie = false;
    let dynamic = sections.dynamic_table(endian, bytes)?;
    for entry in &dynamic {
        match entry.tag {
            elf::DT_NEEDED => said.needed.push(dynamic.string(entry)?.to_vec()),
            elf::DT_FLAGS => said.static_tls = entry.val & elf::DF_STATIC_TLS.0 as u64 != 0,
            elf::DT_FLAGS_1 => is_pie = entry.val & elf::DF_1_PIE.0 as u64 != 0,
            _ => {}
        }
    }
    if sections.is_empty() {
        return Ok(said);
    }
    let kind = header.e_type(endian);
    let frame = Frame {
        is_relocatable: kind == elf::ET_REL,
        is_static: !has_interpreter
            && said.needed.is_empty()
            && (kind == elf::ET_EXEC || kind == elf::ET_DYN && is_pie),
    };
    let mut symbols = Vec::new();
    let mut rseq = BTreeMap::new();
    let mut copied = BTreeSet::new();
    let mut relocations = BTreeSet::new();
    let machine = header.e_machine(endian);
    let is_loaded = |flags: u64| flags & elf::SHF_ALLOC.0 != 0;
    for section in sections.iter() {
        // a program without a dynamic section relocates itself
        if dynamic.is_empty() || !is_loaded(section.sh_flags(endian).0) {
            continue;
        }
        let mut keep = |it: Relocation| {
            // R_*_COPY of x86-64 and x86
            let can_copy = machine == elf::EM_X86_64 || machine == elf::EM_386;
            if can_copy && it.2 == elf::R_X86_64_COPY.0 {
                copied.insert(it.1);
            }
            relocations.insert(it);
        };
        if let Some((table, _)) = section.rela(endian, bytes)? {
            for it in table {
                let (symbol, kind) = (it.r_sym(endian, false), it.r_type(endian, false).0);
                let addend: i64 = it.r_addend(endian).into();
                let addend = match header.is_type_64() {
                    true => addend as u64,
                    false => u64::from(addend as u32),
                };
                keep((it.r_offset(endian).into(), symbol.into(), kind, addend));
            }
        } else if let Some((table, _)) = section.rel(endian, bytes)? {
            for it in table {
                let (symbol, kind) = (it.r_sym(endian), it.r_type(endian).0);
                keep((it.r_offset(endian).into(), symbol.into(), kind, 0));
            }
        }
    }
    for (kind, table) in [(elf::SHT_DYNSYM, "dynsym"), (elf::SHT_SYMTAB, "symtab")] {
        let all = sections.symbols(endian, bytes, kind)?;
        for (index, symbol) in all.enumerate() {
            let SymbolIndex(index) = index;
            if table == "dynsym" {
                symbols.push(row(endian, symbol));
            }
            let name = all.symbol_name(endian, symbol).unwrap_or_default();
            let Some(&name) = SymbolName::NAMES
                .iter()
                .find(|known| known.as_bytes() == name)
            else {
                continue;
            };
            let symbol = row(endian, symbol);
            if table == "symtab" && !frame.looks_at(name, symbol.kind) {
                continue;
            }
            let role = if symbol.section == 0 {
                "references"
            } else if table == "dynsym" && copied.contains(&(index as u64)) {
                "copies"
            } else {
                "defines"
            };
            let Symbol {
                binding,
                visibility,
                size,
                ..
            } = symbol;
            let fact = Rseq {
                role,
                binding,
                visibility,
                table,
                size,
            };
            rseq.entry(name).or_insert(fact);
        }
    }
    said.symbols = Some(symbols);
    said.relocations = Some(relocations);
    said.rseq = Some(rseq);
    Ok(said)
}

fn row<S: Sym<Endian = Endianness>>(endian: Endianness, symbol: &S) -> Symbol {
    Symbol {
        name: symbol.st_name(endian).into(),
        value: symbol.st_value(endian).into(),
        size: symbol.st_size(endian).into(),
        binding: symbol.st_bind().0,
        kind: symbol.st_type().0,
        visibility: symbol.st_visibility().0,
        section: symbol.st_shndx(endian).0,
    }
}
