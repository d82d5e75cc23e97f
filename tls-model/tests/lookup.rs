//! Lookup by name, in files and in the memory of this very process.

mod cc;

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use cc::Folder;
use tls_model::elf::{Object, ReadError, Source};

/// The executable segments' file of this process whose path ends in `name`, and
/// the address of its first byte.
fn mapped(name: &str) -> Option<(String, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
    maps.lines().find_map(|line| {
        let path = line.split_whitespace().nth(5)?;
        let start = line.split('-').next()?;
        path.ends_with(name)
            .then(|| u64::from_str_radix(start, 16).ok())
            .flatten()
            .map(|start| (path.to_owned(), start))
    })
}

/// An object in the memory of this process, presented by file offsets.
struct Memory {
    memory: File,
    /// file offset, bytes in the file, run-time address
    segments: Vec<(u64, u64, u64)>,
}

impl Memory {
    fn new(segments: Vec<(u64, u64, u64)>) -> Self {
        let memory = File::open("/proc/self/mem").expect("/proc is mounted");
        Self { memory, segments }
    }
}

impl Source for Memory {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let segment = self
            .segments
            .iter()
            .find(|(start, length, _)| (*start..start + length).contains(&offset));
        let Some((start, length, address)) = segment else {
            return Ok(0);
        };
        let inside = offset - start;
        let count = buf.len().min((length - inside) as usize);
        self.memory
            .read_at(&mut buf[..count], address + inside)
            .map_err(|error| ReadError {
                errno: error.raw_os_error().unwrap_or(0),
            })
    }
}

#[test]
fn the_libc_of_this_process_says_the_same_in_file_and_memory() {
    let (path, start) = mapped("libc.so.6").expect("this test needs glibc");
    let bytes = fs::read(path).expect("the libc can be read");
    let file = Object::open(&bytes[..]).expect("an ELF object");
    let mut segments = Vec::new();
    file.segments(|segment| {
        if segment.kind == 1 {
            segments.push((segment.offset, segment.filesz, start + segment.vaddr));
        }
        ControlFlow::<()>::Continue(())
    })
    .expect("sound program headers");
    let memory = Object::open_loaded(Memory::new(segments), start).expect("an ELF object");

    for name in ["pthread_create", "malloc", "environ", "no such symbol"] {
        let found = file.dynamic_symbol(name.as_bytes()).expect("a sound table");
        assert_eq!(memory.dynamic_symbol(name.as_bytes()), Ok(found), "{name}");
        assert_eq!(found.is_some(), !name.contains(' '), "{name}");
    }
    let mut buf = [0; 64];
    assert_eq!(memory.soname(&mut buf), Ok(Some(&b"libc.so.6"[..])));
}

#[test]
fn the_vdso_is_not_relocated_in_place() {
    let (_, start) = mapped("[vdso]").expect("a kernel that maps a vDSO");
    // larger than any: what is not mapped is never asked for
    let source = Memory::new(vec![(0, 1 << 20, start)]);
    let vdso = Object::open_loaded(source, start).expect("an ELF object");
    let name = match std::env::consts::ARCH {
        "x86_64" => "__vdso_clock_gettime",
        _ => "__kernel_clock_gettime",
    };
    let symbol = vdso.dynamic_symbol(name.as_bytes()).expect("a sound table");
    assert!(symbol.is_some_and(|symbol| symbol.value != 0));
    assert_eq!(vdso.dynamic_symbol(b"pthread_create"), Ok(None));
}

#[test]
fn the_default_version_is_found_and_a_hidden_one_is_not() {
    let source = r#"
        int old_one(void) { return 1; }
        int new_one(void) { return 22; }
        int only_old(void) { return 3; }
        __asm__(".symver old_one, twice@OLD");
        __asm__(".symver new_one, twice@@NEW");
        __asm__(".symver only_old, once@OLD");
    "#;
    let folder = Folder::new();
    let script = folder.join("versions");
    fs::write(&script, "OLD { };\nNEW { } OLD;\n").expect("a temporary file");
    let script = format!("-Wl,--version-script={}", script.display());
    for style in ["gnu", "sysv", "both"] {
        let style = format!("-Wl,--hash-style={style}");
        let flags = ["-shared", "-fPIC", "-nostdlib", &script, &style];
        let bytes = folder.build(source, &flags);
        let object = Object::open(&bytes[..]).expect("an ELF object");
        let twice = object.dynamic_symbol(b"twice").expect("a sound table");
        let twice = twice.expect("it has a default version");
        // the function returns 22, the other 1: mov $22,%eax is in its bytes
        let (at, _) = object.offset_of(twice.value).expect("in the file");
        let code = &bytes[at as usize..at as usize + twice.size as usize];
        assert!(code.contains(&22), "{style}: {code:x?}");
        assert_eq!(object.dynamic_symbol(b"once"), Ok(None), "{style}");
    }
}

#[test]
fn both_hash_styles_find_every_symbol_and_no_other() {
    let functions: Vec<_> = (0..200)
        .map(|number| format!("int symbol_{number}(void) {{ return {number}; }}\n"))
        .collect();
    let folder = Folder::new();
    for style in ["-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv"] {
        let bytes = folder.build(
            &functions.concat(),
            &["-shared", "-fPIC", "-nostdlib", style],
        );
        let object = Object::open(&bytes[..]).expect("an ELF object");
        for number in 0..200 {
            let name = format!("symbol_{number}");
            let found = object.dynamic_symbol(name.as_bytes());
            assert!(matches!(found, Ok(Some(_))), "{style} {name}: {found:?}");
            let name = format!("Symbol_{number}");
            assert_eq!(object.dynamic_symbol(name.as_bytes()), Ok(None), "{style}");
        }
    }
}

#[test]
fn strings_of_a_program() {
    let folder = Folder::new();
    let bytes = folder.build(
        "int main(void) { return 0; }",
        &["-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/../lib"],
    );
    let object = Object::open(&bytes[..]).expect("an ELF object");
    let mut buf = [0; 128];
    assert_eq!(object.runpath(&mut buf), Ok(Some(&b"$ORIGIN/../lib"[..])));
    let interpreter = object.interpreter(&mut buf).expect("a sound header");
    assert!(interpreter.is_some_and(|path| path.starts_with(b"/lib")));
    let mut names = Vec::new();
    object
        .needed(&mut buf, |name| {
            names.push(String::from_utf8_lossy(name).into_owned());
            ControlFlow::<()>::Continue(())
        })
        .expect("a sound table");
    assert!(
        names.iter().any(|name| name.starts_with("libc.")),
        "{names:?}"
    );
}
