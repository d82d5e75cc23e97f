//! No truncation and no change of a byte makes the readers panic, loop, read
//! without end, or allocate anything.

mod cc;

use std::ops::ControlFlow;

use cc::{DEFINES, Folder, REFERENCES};
use rseq_damage::{Counted, Heap, craft, cuts_and_changes, many_changes, packed, seeds};
use tls_model::elf::{Bounded, Error, Object, ReadError, Source};
use tls_model::facts::{Facts, Role};
use tls_model::report::ObjectReport;
use tls_model::rules;

#[global_allocator]
static HEAP: Heap = Heap;

/// Reads that one pass over a small object may take, whatever is in it. A chain
/// of 65,536 entries, the longest that is followed, takes four reads each.
const MOST_READS: u64 = 1 << 19;

/// Asks everything that can be asked.
fn ask(bytes: &[u8]) {
    let ((), taken) = Heap::peak(|| ask_all(bytes));
    assert_eq!(taken, 0, "bytes of memory");
}

fn ask_all(bytes: &[u8]) {
    for bias in [None, Some(0), Some(craft::BASE)] {
        let source = Counted::new(bytes, MOST_READS);
        let object = match bias {
            None => Object::open(source),
            Some(bias) => Object::open_loaded(source, bias),
        };
        let Ok(object) = object else {
            continue;
        };
        rules::check(&ObjectReport::of_tables(Facts::read(&object))).for_each(drop);
        for name in [&b"__rseq_abi"[..], b"__rseq_offset", b"absent"] {
            // any answer will do; that there is one is the point
            let _ = object.dynamic_symbol(name);
        }
        let mut buf = [0; 64];
        let _ = object.needed(&mut buf, |_| ControlFlow::<()>::Continue(()));
        let _ = object.soname(&mut buf);
        let _ = object.rpath(&mut buf);
        let _ = object.runpath(&mut buf);
        let _ = object.interpreter(&mut buf);
    }
}

/// Small objects of every kind.
fn fixtures() -> Vec<Vec<u8>> {
    let folder = Folder::new();
    let bare = ["-shared", "-fPIC", "-nostdlib"];
    let with = |more: &[&'static str]| [&bare[..], more].concat();
    let mut fixtures = vec![
        folder.build(DEFINES, &with(&["-Wl,--hash-style=gnu"])),
        folder.build(REFERENCES, &with(&["-Wl,--hash-style=sysv"])),
        folder.build(DEFINES, &with(&["-fvisibility=hidden", "-Wl,--build-id"])),
        folder.build(REFERENCES, &["-c"]),
    ];
    for (class, endian) in craft::LAYOUTS {
        fixtures.push(craft::library(class, endian, 0));
    }
    fixtures
}

#[test]
fn every_truncation_and_every_change_of_one_byte() {
    for fixture in fixtures() {
        cuts_and_changes(&fixture, 1, ask);
    }
}

#[test]
fn many_changes_at_once() {
    for fixture in fixtures() {
        many_changes(&fixture, 2_000, ask);
    }
}

/// What the system's compiler does not make.
#[test]
fn the_fuzz_targets_know_every_layout() {
    for (class, endian) in craft::LAYOUTS {
        let library = craft::library(class, endian, 0);
        let name = format!("crafted-{}-{endian:?}", class.bits()).to_lowercase();
        seeds::has("object", &name, &library);
        let archive = packed::archive("a.so", &library);
        seeds::has("archive", &format!("{name}.a"), &archive);
    }
}

#[test]
fn what_the_damage_leaves_is_used() {
    let folder = Folder::new();
    let whole = folder.build(DEFINES, &["-shared", "-fPIC", "-nostdlib"]);
    // the headers of .shstrtab and .strtab stand last; all that a program needs
    // to run is before
    let cut = &whole[..whole.len() - 100];
    let facts = Facts::read(&Object::open(cut).expect("an ELF object"));
    assert!(facts.truncated);
    assert_eq!(facts.damage.to_string(), "section headers, symbol table");
    let definition = facts.exported_definition().expect("an exported definition");
    assert_eq!(definition.role, Role::Defines);

    let object = Object::open(cut).expect("an ELF object");
    let mut before = 0;
    let walked = object.sections(|_, _| {
        before += 1;
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(walked, Err(Error::Truncated));
    assert!(before > 1, "the headers before the cut are visited");

    // no string of the dynamic table is left
    let facts = Facts::read(&Object::open(&whole[..0x200]).expect("an ELF object"));
    assert!(facts.truncated);
    assert!(facts.symbols.is_empty());
}

/// An object file with `count` sections that are all the same table of
/// relocations, which has them all in it.
fn endless(count: u64) -> Vec<u8> {
    const HEADER: usize = 64;
    const SECTION: u64 = 64;
    let put = |bytes: &mut [u8], at: usize, width: usize, value: u64| {
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    };
    let strings = b"\0__rseq_abi\0";
    let symbols_at = HEADER as u64 + (count + 3) * SECTION;
    let strings_at = symbols_at + 48;
    let end = strings_at + strings.len() as u64;
    let mut bytes = vec![0; end as usize];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, width, value) in [
        (16, 2, 1), // ET_REL
        (18, 2, 62),
        (20, 4, 1),
        (40, 8, HEADER as u64),
        (52, 2, HEADER as u64),
        (58, 2, SECTION),
        (60, 2, count + 3),
    ] {
        put(&mut bytes, at, width, value);
    }
    let mut section = |index: u64, kind: u64, offset: u64, size: u64, link: u64, entry: u64| {
        let at = HEADER + (index * SECTION) as usize;
        for (inside, width, value) in [
            (4, 4, kind),
            (24, 8, offset),
            (32, 8, size),
            (40, 4, link),
            (56, 8, entry),
        ] {
            put(&mut bytes, at + inside, width, value);
        }
    };
    section(1, 2, symbols_at, 48, 2, 24); // SHT_SYMTAB
    section(2, 3, strings_at, strings.len() as u64, 0, 0); // SHT_STRTAB
    for index in 3..count + 3 {
        section(index, 4, 0, end, 1, 24); // SHT_RELA
    }
    let symbol = symbols_at as usize + 24;
    put(&mut bytes, symbol, 4, 1);
    bytes[symbol + 4] = 0x16;
    bytes[strings_at as usize..].copy_from_slice(strings);
    bytes
}

#[test]
fn tables_that_lead_to_the_same_bytes_again_and_again_have_an_end() {
    for count in [8, 6000] {
        let bytes = endless(count);
        let source = Bounded::new(Counted::new(&bytes, 1 << 40));
        let facts = Facts::read(&Object::open(&source).expect("an ELF object"));
        assert_eq!(facts.symbols.iter().count(), 1, "{count}");
        // 6000 times 384 KB are 2 GB, and some of them would be read for every
        // critical section that the object might have
        assert_eq!(source.is_spent(), count == 6000, "{count}");
        assert_eq!(facts.read_error.is_some(), count == 6000, "{count}");
    }
}

#[test]
fn the_bound_is_in_proportion_to_what_is_there() {
    for size in [0, 4096, 1 << 20] {
        let bytes = vec![0; size];
        let source = Bounded::new(&bytes[..]);
        let mut buf = [0; 4096];
        let mut read = 0;
        let mut rounds = 0;
        let error = loop {
            rounds += 1;
            assert!(rounds < 1 << 16, "{read} of {size}");
            // far behind the end, and from the start again
            match source.read_at(u64::MAX - 4096, &mut buf).and_then(|_| {
                let mut at = 0;
                while let count @ 1.. = source.read_at(at, &mut buf)? {
                    at += count as u64;
                    read += count as u64;
                }
                Ok(())
            }) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error, ReadError { errno: 0 });
        assert!(source.is_spent());
        let size = size as u64;
        let most = 64 * size + (1 << 20);
        assert!(read <= most + 4096, "{read} of {size}");
        assert!(read >= 60 * size, "{read} of {size}");
    }
}
