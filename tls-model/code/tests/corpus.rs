//! The corpora of the fuzz targets, as ordinary tests: every file as it is,
//! cut off anywhere, and with any byte changed.

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use tls_model::archive::{Part, members};
use tls_model::critical::Violation;
use tls_model::elf::{Object, ReadError, Source};
use tls_model::facts::{Facts, TlsModel};
use tls_model::rules;

/// Reads that one pass may take, whatever is in the file.
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

/// Name and contents of every file of a corpus.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let files = fs::read_dir(folder.join(name)).expect("the corpus");
    let files: Vec<_> = files
        .map(|file| {
            let path = file.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("a file"))
        })
        .collect();
    assert!(!files.is_empty(), "{name}");
    files
}

fn read(bytes: &[u8]) -> Option<Facts> {
    let source = Counted {
        bytes,
        reads: Cell::new(0),
    };
    let facts = rseq_code::read(&Object::open(source).ok()?);
    rules::check(&facts).for_each(|finding| drop(finding.to_string()));
    Some(facts)
}

fn walk(bytes: &[u8]) {
    // any answer will do; that there is one is the point
    let _ = members(bytes, |member| {
        if let Some(offset) = member.offset
            && let Ok(object) = Object::open(Part::new(bytes, offset, member.size))
        {
            let _ = rseq_code::read(&object);
        }
        ControlFlow::<()>::Continue(())
    });
}

/// Every truncation, and changes of every byte (of every third, where a file
/// is long: the others are the fuzzer's).
fn spoil(bytes: &[u8], ask: impl Fn(&[u8])) {
    for length in 0..bytes.len() {
        ask(&bytes[..length]);
    }
    let mut changed = bytes.to_vec();
    for at in (0..bytes.len()).step_by(3) {
        for value in [0, 0x7f, 0xff, bytes[at] ^ 1] {
            changed[at] = value;
            ask(&changed);
        }
        changed[at] = bytes[at];
    }
}

#[test]
fn objects() {
    for (_, bytes) in corpus("object") {
        spoil(&bytes, |bytes| {
            let _ = read(bytes);
        });
    }
}

#[test]
fn archives() {
    for (_, bytes) in corpus("archive") {
        spoil(&bytes, walk);
    }
}

#[test]
fn critical_sections() {
    for (name, bytes) in corpus("critical") {
        let facts = read(&bytes).expect("an object");
        let critical = facts.critical.expect("critical sections");
        assert_eq!((critical.read, critical.decoded), (1, 1), "{name}");
        assert_eq!(critical.unread, 0, "{name}");
        for violation in [Violation::Range, Violation::Signature, Violation::Undecoded] {
            assert_eq!(critical.offence(violation), None, "{name}: {violation:?}");
        }
        spoil(&bytes, |bytes| {
            let _ = read(bytes);
        });
    }
}

#[test]
fn a_store_to_the_kernels_fields_is_seen_in_every_kind_of_program() {
    for (name, bytes) in corpus("critical") {
        let facts = read(&bytes).expect("an object");
        let critical = facts.critical.expect("critical sections");
        let stray = critical.offence(Violation::StrayStore).is_some();
        // an object file has no offsets yet
        assert_eq!(stray, name != "relocatable", "{name}");
        let model = if name == "shared" {
            TlsModel::InitialExec
        } else {
            TlsModel::LocalExec
        };
        assert_eq!(facts.tls_model, Some(model), "{name}");
    }
}
