//! Versions of symbols: what a file asks of its libraries, and what a library
//! has.

use std::collections::BTreeSet;
use std::path::Path;

use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, SectionTable, Sym as _, SymbolTable};

type Header = FileHeader64<Endianness>;

/// `GLIBC_2.2.5` as numbers.
pub type Number = (u32, u32, u32);

/// What a file asks for.
#[derive(Clone, Debug, Default)]
pub struct Imports {
    /// Its DT_NEEDED.
    pub libraries: Vec<String>,
    /// Versions, each with the library that must have it.
    pub versions: Vec<(String, String)>,
    /// Names without which it does not start.
    pub strong: Vec<String>,
}

/// Returns what the 64-bit ELF file at `path` asks for.
///
/// # Errors
///
/// It cannot be read.
pub fn imports(path: &Path) -> Result<Imports, String> {
    read(path, |endian, data, sections, symbols| {
        let mut imports = Imports::default();
        let table = sections.dynamic_table(endian, data)?;
        for entry in &table {
            if entry.tag == elf::DT_NEEDED {
                imports.libraries.push(text(table.string(entry)?));
            }
        }
        if let Some((mut needs, strings)) = sections.gnu_verneed(endian, data)? {
            let strings = sections.strings(endian, data, strings)?;
            while let Some((need, mut versions)) = needs.next()? {
                let library = text(need.file(endian, strings)?);
                while let Some(version) = versions.next()? {
                    let version = text(version.name(endian, strings)?);
                    imports.versions.push((library.clone(), version));
                }
            }
        }
        for (_, symbol) in symbols.enumerate() {
            if symbol.is_undefined(endian) && symbol.st_bind() != elf::STB_WEAK {
                let name = text(symbols.symbol_name(endian, symbol)?);
                imports.strong.extend((!name.is_empty()).then_some(name));
            }
        }
        Ok(imports)
    })
}

/// Returns the names that the 64-bit library at `path` has, in each of their public
/// versions.
///
/// # Errors
///
/// It cannot be read.
pub fn exports(path: &Path) -> Result<BTreeSet<(String, Number)>, String> {
    read(path, |endian, data, sections, symbols| {
        let mut exports = BTreeSet::new();
        let Some(versions) = sections.versions(endian, data)? else {
            return Ok(exports);
        };
        for (index, symbol) in symbols.enumerate() {
            let index = versions.version_index(endian, index);
            if symbol.is_undefined(endian) {
                continue;
            }
            let Some(version) = versions.version(index.index())? else {
                continue;
            };
            if let Some(number) = number(&text(version.name())) {
                exports.insert((text(symbols.symbol_name(endian, symbol)?), number));
            }
        }
        Ok(exports)
    })
}

/// Returns the numbers of `GLIBC_2.2.5`; `None` for `GLIBC_PRIVATE` and other names.
#[must_use]
pub fn number(version: &str) -> Option<Number> {
    let mut parts = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    let mut next = || parts.next().unwrap_or(Ok(0)).ok();
    Some((next()?, next()?, next()?))
}

fn read<T>(
    path: &Path,
    with: impl FnOnce(
        Endianness,
        &[u8],
        &SectionTable<'_, Header>,
        &SymbolTable<'_, Header>,
    ) -> object::read::Result<T>,
) -> Result<T, String> {
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let data = std::fs::read(path).map_err(|error| say(&error))?;
    let answer = || {
        let header = Header::parse(&*data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, &*data)?;
        let symbols = sections.symbols(endian, &*data, elf::SHT_DYNSYM)?;
        with(endian, &data, &sections, &symbols)
    };
    answer().map_err(|error| say(&error))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
