//! What of a file may decide the answers of a machine: everything but debug information,
//! the build ID, and of its symbols the order and the ends of some local names, which depend
//! on the folder that a file was built in.

use std::hash::{DefaultHasher, Hash as _, Hasher};

use object::read::elf::{ElfFile, FileHeader, ProgramHeader as _};
use object::{
    Endianness, FileKind, Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags,
    SymbolFlags, SymbolKind,
};

/// Hashes an object's program headers and sections; any other file as it is.
pub fn hash(bytes: &[u8], into: &mut impl Hasher) {
    let is_object = match FileKind::parse(bytes) {
        Ok(FileKind::Elf32) => {
            object::<object::elf::FileHeader32<Endianness>, _>(bytes, into).is_some()
        }
        Ok(FileKind::Elf64) => {
            object::<object::elf::FileHeader64<Endianness>, _>(bytes, into).is_some()
        }
        _ => false,
    };
    if !is_object {
        bytes.hash(into);
    }
}

fn object<Header, Into>(bytes: &[u8], into: &mut Into) -> Option<()>
where
    Header: FileHeader<Endian = Endianness>,
    Into: Hasher,
{
    let file = ElfFile::<Header>::parse(bytes).ok()?;
    let endian = file.endian();
    let header = file.elf_header();
    // without sections nothing says what is debug information
    file.sections().next()?;
    let start: u64 = header.e_entry(endian).into();
    (header.e_machine(endian), header.e_type(endian), start).hash(into);
    for segment in file.elf_program_headers() {
        (segment.p_type(endian), segment.p_flags(endian)).hash(into);
        let words: [u64; 4] = [
            segment.p_vaddr(endian).into(),
            segment.p_filesz(endian).into(),
            segment.p_memsz(endian).into(),
            segment.p_align(endian).into(),
        ];
        words.hash(into);
    }
    for section in file.sections() {
        let name = section.name_bytes().ok()?;
        if is_of_the_place(name) {
            continue;
        }
        name.hash(into);
        (section.address(), section.size(), section.align()).hash(into);
        if let SectionFlags::Elf { sh_type, sh_flags } = section.flags() {
            (sh_type, sh_flags).hash(into);
        }
        section.data().ok()?.hash(into);
    }
    let mut symbols = Vec::new();
    // an object's file may be a temporary one
    for symbol in file.symbols().filter(|it| it.kind() != SymbolKind::File) {
        let mut hasher = DefaultHasher::new();
        without_module(symbol.name_bytes().ok()?).hash(&mut hasher);
        (symbol.address(), symbol.size()).hash(&mut hasher);
        if let SymbolFlags::Elf { st_info, st_other } = symbol.flags() {
            (st_info, st_other).hash(&mut hasher);
        }
        symbol
            .section_index()
            .map(|index| index.0)
            .hash(&mut hasher);
        symbols.push(hasher.finish());
    }
    // where local ones stand depends on the folder, too
    symbols.sort_unstable();
    symbols.hash(into);
    Some(())
}

/// A symbol's name without what LLVM adds to a local one that two modules share: a number
/// made of the path of one of them.
fn without_module(name: &[u8]) -> &[u8] {
    const MARK: &[u8] = b".llvm.";
    let mut ends = name.windows(MARK.len());
    let end = ends.position(|window| window == MARK);
    end.map_or(name, |end| &name[..end])
}

/// Whether a section of this name depends on the folder that a file was built in. Symbols
/// are looked at one by one.
fn is_of_the_place(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 4] = [b".note.gnu.build-id", b".shstrtab", b".strtab", b".symtab"];
    name.starts_with(b".debug_") || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::hash::{DefaultHasher, Hasher as _};
    use std::path::{Path, PathBuf};

    use rseq_kit::child::Program;
    use rseq_kit::needs::program;

    use super::{hash, without_module};

    fn content(path: &Path) -> u64 {
        let mut hasher = DefaultHasher::new();
        hash(&fs::read(path).expect("a file"), &mut hasher);
        hasher.finish()
    }

    /// Compiles a source in a folder of its own, whose path debug information holds.
    fn compiled(folder: &Path, source: &str) -> PathBuf {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("a.c"), source).expect("a file");
        let ended = Program::with_callers_environment(compiler())
            .args(["-g", "-Wl,--build-id=sha1", "-o", "a", "a.c"])
            .directory(folder)
            .run()
            .expect("the compiler runs");
        ended.expect(0).expect("it compiles");
        folder.join("a")
    }

    /// The C compiler, which Rust links with: it is on every machine that builds this.
    fn compiler() -> PathBuf {
        program("cc").expect("a C compiler")
    }

    #[test]
    fn the_place_does_not_matter_and_the_program_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let in_folder = |name: &str, source: &str| compiled(&folder.path().join(name), source);
        let seven = "int main(void) { return 7; }";
        let first = in_folder("first", seven);
        let second = in_folder("another-place", seven);
        assert_ne!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        assert_eq!(content(&first), content(&second));
        let other = in_folder("third", "int main(void) { return 8; }");
        assert_ne!(content(&first), content(&other));
    }

    #[test]
    fn the_order_of_local_symbols_does_not_matter() {
        let folder = tempfile::tempdir().expect("a folder");
        // the same code at the same address, and two names for it in either order
        let linked = |name: &str, first: &str, second: &str| {
            let folder = folder.path().join(name);
            fs::create_dir_all(&folder).expect("a folder");
            let source = format!(".text\ncode: nop\n.set {first}, code\n.set {second}, code\n");
            fs::write(folder.join("a.s"), source).expect("a file");
            let ended = Program::with_callers_environment(compiler())
                .args(["-nostdlib", "-shared", "-o", "a", "a.s"])
                .directory(&folder)
                .run()
                .expect("the compiler runs");
            ended.expect(0).expect("it links");
            folder.join("a")
        };
        let (one, other) = (linked("one", "a", "b"), linked("other", "b", "a"));
        assert_ne!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
        assert_eq!(content(&one), content(&other));
        assert_ne!(content(&one), content(&linked("third", "a", "c")));
    }

    #[test]
    fn local_names_of_two_modules() {
        assert_eq!(without_module(b"_ZN4area.llvm.377"), b"_ZN4area");
        assert_eq!(without_module(b"main"), b"main");
    }

    #[test]
    fn what_is_no_object_counts_as_it_is() {
        let hashed = |bytes: &[u8]| {
            let mut hasher = DefaultHasher::new();
            hash(bytes, &mut hasher);
            hasher.finish()
        };
        assert_ne!(hashed(b"a"), hashed(b"b"));
        assert_ne!(hashed(b"\x7fELF\x02\x01"), hashed(b"\x7fELF\x02\x02"));
        assert_ne!(hashed(b""), hashed(b"\0"));
    }
}
