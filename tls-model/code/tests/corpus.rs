//! The corpora of the fuzz targets, as ordinary tests: every file as it is,
//! cut off, and with bytes changed, all over.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Once;

use rseq_damage::{Counted, Heap, cuts_and_changes, step};
use tls_model::archive::{Part, members};
use tls_model::critical::Violation;
use tls_model::elf::{Bounded, Object};
use tls_model::facts::TlsModel;
use tls_model::report::ObjectReport;
use tls_model::rules;

#[global_allocator]
static HEAP: Heap = Heap;

/// Reads that one pass may take, whatever is in the file.
const MOST_READS: u64 = 1 << 19;

/// Bytes that one pass may have at a time: 4096 states of a program, about
/// 1 KiB each, are remembered while its code is followed, in a table that is
/// twice as large. Everything else has less than 1 MiB.
const MOST_MEMORY: u64 = 8 << 20;

/// Places of a file that are damaged: the others are the fuzzer's. With
/// `RSEQ_DAMAGE=all` every byte is.
const PLACES: usize = 600;

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

/// Has the decoder make its tables, which it does once in a process: 260 KiB
/// that are nobody's in particular.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (_, bytes) in corpus("critical") {
            let _ = Object::open(&bytes[..]).map(|object| rseq_code::read(&object));
        }
    });
}

fn read(bytes: &[u8]) -> Option<ObjectReport> {
    warm_up();
    let source = Bounded::new(Counted::new(bytes, MOST_READS));
    let (report, taken) = Heap::peak(|| Some(rseq_code::read(&Object::open(source).ok()?)));
    assert!(taken <= MOST_MEMORY, "{taken} bytes of memory");
    rules::check(report.as_ref()?).for_each(|finding| drop(finding.to_string()));
    report
}

fn walk(bytes: &[u8]) {
    warm_up();
    let source = Counted::new(bytes, MOST_READS);
    let ((), taken) = Heap::peak(|| {
        // any answer will do; that there is one is the point
        let _ = members(&source, |member| {
            if let Some(offset) = member.offset {
                let part = Bounded::new(Part::new(&source, offset, member.size));
                let _ = Object::open(part).map(|object| rseq_code::read(&object));
            }
            ControlFlow::<()>::Continue(())
        });
    });
    assert!(taken <= MOST_MEMORY, "{taken} bytes of memory");
}

fn spoil(bytes: &[u8], ask: impl FnMut(&[u8])) {
    cuts_and_changes(bytes, step(bytes.len(), PLACES), ask);
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
    for (_, bytes) in corpus("critical") {
        spoil(&bytes, |bytes| {
            let _ = read(bytes);
        });
    }
}

/// The same critical section and the same store to a field of the kernel's, in
/// every kind of object.
const SOUND: [(&str, TlsModel); 5] = [
    ("relocatable", TlsModel::LocalExec),
    ("relr", TlsModel::LocalExec),
    ("shared", TlsModel::InitialExec),
    ("static", TlsModel::LocalExec),
    ("static-pie", TlsModel::LocalExec),
];

#[test]
fn sound_critical_sections_and_a_store_to_the_kernels_fields() {
    let corpus = corpus("critical");
    for (name, model) in SOUND {
        let file = corpus.iter().find(|(known, _)| known == name);
        let (_, bytes) = file.expect("a file of the corpus");
        let report = read(bytes).expect("an object");
        let critical = report.code.critical.expect("critical sections");
        assert_eq!((critical.read, critical.decoded), (1, 1), "{name}");
        assert_eq!(critical.unread, 0, "{name}");
        for violation in [Violation::Range, Violation::Signature, Violation::Undecoded] {
            assert_eq!(critical.offence(violation), None, "{name}: {violation:?}");
        }
        let stray = critical.offence(Violation::StrayStore).is_some();
        // an object file has no offsets yet
        assert_eq!(stray, name != "relocatable", "{name}");
        assert_eq!(report.access().model, Some(model), "{name}");
    }
}
