//! A second opinion on the machine's own objects: the `object` crate's full
//! parse.

use std::fs;
use std::path::{Path, PathBuf};

use object::read::elf::{FileHeader, ProgramHeader, Sym};
use object::{Endianness, elf};
use tls_model::elf::Object;
use tls_model::facts::{SymbolName, SymbolTable};

/// Objects that are compared: every so-manieth of a folder, so that the test
/// takes a second or two.
const SAMPLE: usize = 7;

/// What both readers say about an object.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// Size and alignment of the thread-local storage.
    tls: Option<(u64, u64)>,
    /// rseq symbols of the dynamic table: name, defined, size.
    dynamic: Vec<(&'static str, bool, u64)>,
}

fn by_us(bytes: &[u8]) -> Option<Said> {
    let facts = rseq_code::read(&Object::open(bytes).ok()?);
    let mut dynamic: Vec<_> = facts
        .symbols
        .iter()
        .filter(|fact| fact.table == SymbolTable::Dynsym)
        .map(|fact| {
            let defined = fact.role != tls_model::facts::Role::References;
            (fact.name.name(), defined, fact.size)
        })
        .collect();
    dynamic.sort_unstable();
    dynamic.dedup();
    Some(Said {
        tls: facts.tls.map(|tls| (tls.memsz, tls.align)),
        dynamic,
    })
}

fn by_object<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::read::Result<Said> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let tls = header
        .program_headers(endian, bytes)?
        .iter()
        .find(|segment| segment.p_type(endian) == elf::PT_TLS)
        .map(|segment| {
            (
                segment.p_memsz(endian).into(),
                segment.p_align(endian).into(),
            )
        });
    let sections = header.sections(endian, bytes)?;
    let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM)?;
    let mut dynamic = Vec::new();
    for symbol in symbols.iter() {
        let name = symbols.symbol_name(endian, symbol)?;
        let known = SymbolName::ALL.map(SymbolName::name);
        if let Some(known) = known.into_iter().find(|known| known.as_bytes() == name) {
            let size: u64 = symbol.st_size(endian).into();
            dynamic.push((known, !symbol.is_undefined(endian), size));
        }
    }
    dynamic.sort_unstable();
    dynamic.dedup();
    Ok(Said { tls, dynamic })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() && entry.metadata().is_ok_and(|it| it.len() < 8 << 20) {
            found.push(entry.path());
        }
    }
}

#[test]
fn the_machines_own_objects() {
    let mut found = Vec::new();
    for folder in ["/usr/bin", "/usr/lib", "/usr/lib64"] {
        files(Path::new(folder), &mut found);
    }
    found.sort_unstable();
    let mut compared = 0;
    let libc = |path: &Path| path.file_name().is_some_and(|name| name == "libc.so.6");
    let sample = found
        .iter()
        .enumerate()
        .filter(|(index, path)| index % SAMPLE == 0 || libc(path));
    for (_, path) in sample {
        let Ok(bytes) = fs::read(path) else {
            continue;
        };
        let other = match object::FileKind::parse(&*bytes) {
            Ok(object::FileKind::Elf32) => by_object::<elf::FileHeader32<Endianness>>(&bytes),
            Ok(object::FileKind::Elf64) => by_object::<elf::FileHeader64<Endianness>>(&bytes),
            _ => continue,
        };
        let Ok(other) = other else {
            continue;
        };
        assert_eq!(by_us(&bytes), Some(other), "{}", path.display());
        compared += 1;
    }
    println!("{compared} objects");
    assert!(compared > 0 || found.is_empty());
}
