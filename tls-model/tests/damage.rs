//! No truncation and no change of a byte makes the readers panic, loop, or read
//! without end.

mod cc;
mod craft;

use std::cell::Cell;
use std::ops::ControlFlow;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::elf::{Error, Object, ReadError, Source};
use tls_model::facts::{Facts, Role};
use tls_model::rules;

/// Reads that one pass over a small object may take, whatever is in it. A chain
/// of 65,536 entries, the longest that is followed, takes four reads each.
const MOST_READS: u32 = 1 << 19;

/// Bytes that count their reads.
struct Counted<'a> {
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl Source for Counted<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let reads = self.reads.get() + 1;
        assert!(reads < MOST_READS, "reads without end");
        self.reads.set(reads);
        self.bytes.read_at(offset, buf)
    }
}

/// Asks everything that can be asked.
fn ask(bytes: &[u8]) {
    for bias in [None, Some(0), Some(craft::BASE)] {
        let source = Counted {
            bytes,
            reads: Cell::new(0),
        };
        let object = match bias {
            None => Object::open(source),
            Some(bias) => Object::open_loaded(source, bias),
        };
        let Ok(object) = object else {
            continue;
        };
        let facts = Facts::read(&object);
        rules::check(&facts).for_each(drop);
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
fn every_truncation() {
    for fixture in fixtures() {
        for length in 0..fixture.len() {
            ask(&fixture[..length]);
        }
    }
}

#[test]
fn every_change_of_one_byte() {
    for mut fixture in fixtures() {
        for at in 0..fixture.len() {
            let sound = fixture[at];
            for change in [0x00, 0x01, 0x7f, 0x80, 0xff, sound ^ 1, sound ^ 0x10] {
                fixture[at] = change;
                ask(&fixture);
            }
            fixture[at] = sound;
        }
    }
}

#[test]
fn many_changes_at_once() {
    // xorshift: the same changes in every run
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for fixture in fixtures() {
        for _ in 0..2_000 {
            let mut bytes = fixture.clone();
            for _ in 0..=random(16) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            ask(&bytes);
        }
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
