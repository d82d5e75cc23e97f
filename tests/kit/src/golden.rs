//! What a shared library looks like to the dynamic linker, as stable text.
//!
//! Nothing that a compiler may choose is in it: no addresses, no sizes of
//! functions, no order of tables.

use std::fmt::Debug;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::{Endianness, SymbolIndex};

type Header = FileHeader64<Endianness>;

/// Returns everything about a 64-bit shared library that others depend on, one fact a
/// line, sorted.
///
/// # Errors
///
/// It cannot be read.
pub fn dump(path: &Path) -> Result<String, String> {
    let data = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = lines(&data).map_err(|error| format!("{}: {error}", path.display()))?;
    lines.sort();
    lines.dedup();
    Ok(lines.join("\n") + "\n")
}

fn lines(data: &[u8]) -> object::read::Result<Vec<String>> {
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut lines = Vec::new();
    for segment in header.program_headers(endian, data)? {
        if segment.p_type(endian) == elf::PT_TLS {
            let size = segment.p_memsz(endian);
            let align = segment.p_align(endian);
            lines.push(format!("tls segment: size {size}, align {align}"));
        }
        if segment.p_type(endian) == elf::PT_GNU_PROPERTY {
            let note = segment.data(endian, data).unwrap_or_default();
            lines.push(format!("control flow: {}", control_flow(note)));
        }
    }
    dynamic(&sections, endian, data, &mut lines)?;
    symbols(&sections, endian, data, &mut lines)?;
    tls_relocations(&sections, endian, data, &mut lines)?;
    Ok(lines)
}

/// Returns what code of x86-64 is marked for (`GNU_PROPERTY_X86_FEATURE_1_AND`, x86-64 psABI).
fn control_flow(note: &[u8]) -> String {
    const FEATURES: [u8; 8] = [2, 0, 0, 0xc0, 4, 0, 0, 0];
    let place = note.windows(8).position(|bytes| bytes == FEATURES);
    let bits = place.and_then(|place| note.get(place + 8)).unwrap_or(&0);
    let names = [(1, "indirect branch tracking"), (2, "shadow stack")];
    let marked = names.iter().filter(|(bit, _)| bits & bit != 0);
    marked.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn dynamic(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    data: &[u8],
    lines: &mut Vec<String>,
) -> object::read::Result<()> {
    let table = sections.dynamic_table(endian, data)?;
    for entry in &table {
        let text = || table.string(entry).map(String::from_utf8_lossy);
        match entry.tag {
            elf::DT_NEEDED => lines.push(format!("needed: {}", text()?)),
            elf::DT_SONAME => lines.push(format!("soname: {}", text()?)),
            elf::DT_RPATH => lines.push(format!("rpath: {}", text()?)),
            elf::DT_RUNPATH => lines.push(format!("runpath: {}", text()?)),
            elf::DT_FLAGS => lines.push(format!(
                "flags: {}",
                name(elf::DynamicFlags(entry.val), "DF_")
            )),
            elf::DT_FLAGS_1 => lines.push(format!(
                "flags_1: {}",
                name(elf::DynamicFlags1(entry.val), "DF_1_")
            )),
            elf::DT_TEXTREL => lines.push("text relocations".to_owned()),
            _ => {}
        }
    }
    Ok(())
}

fn symbols(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    data: &[u8],
    lines: &mut Vec<String>,
) -> object::read::Result<()> {
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions = sections.versions(endian, data)?;
    for (index, symbol) in symbols.enumerate().skip(1) {
        let mut title = String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?).into_owned();
        if let Some(versions) = &versions {
            let version = versions.version_index(endian, index).index();
            if let Some(version) = versions.version(version)? {
                title = format!("{title}@{}", String::from_utf8_lossy(version.name()));
            }
        }
        let binding = name(symbol.st_bind(), "STB_");
        if symbol.is_undefined(endian) {
            lines.push(format!("import: {title} {binding}"));
            continue;
        }
        let kind = name(symbol.st_type(), "STT_");
        let visibility = name(symbol.st_visibility(), "STV_");
        let size = match symbol.st_type() {
            elf::STT_TLS => format!(" size {}", symbol.st_size(endian)),
            _ => String::new(),
        };
        lines.push(format!(
            "export: {title} {kind} {binding} {visibility}{size}"
        ));
    }
    Ok(())
}

fn tls_relocations(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    data: &[u8],
    lines: &mut Vec<String>,
) -> object::read::Result<()> {
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    for section in sections.iter() {
        let Some((relocations, _)) = section.rela(endian, data)? else {
            continue;
        };
        for relocation in relocations {
            let kind = relocation.r_type(endian, false);
            let Some(kind) = tls_name(kind) else {
                continue;
            };
            let symbol = match relocation.r_sym(endian, false) {
                0 => "the library itself".into(),
                index => {
                    let symbol = symbols.symbol(SymbolIndex(index as usize))?;
                    String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?).into_owned()
                }
            };
            lines.push(format!("tls relocation: {kind} {symbol}"));
        }
    }
    Ok(())
}

/// Returns the name of an x86-64 relocation, if it is one of thread-local storage.
fn tls_name(kind: elf::RelocationType) -> Option<&'static str> {
    Some(match kind {
        elf::R_X86_64_DTPMOD64 => "DTPMOD64",
        elf::R_X86_64_DTPOFF64 => "DTPOFF64",
        elf::R_X86_64_TPOFF64 => "TPOFF64",
        elf::R_X86_64_TLSDESC => "TLSDESC",
        _ => return None,
    })
}

/// Returns a constant by name, without its prefix.
fn name(value: impl Debug, prefix: &str) -> String {
    format!("{value:?}").replace(prefix, "").replace(" | ", " ")
}
