//! Archives that the system's `ar` makes, and damaged ones.

mod cc;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use cc::{DEFINES, Folder, REFERENCES};
use tls_model::archive::{Part, members};
use tls_model::elf::{Error, Object};
use tls_model::facts::{Facts, Role, TlsModel};

const LONG: &str = "a-name-that-does-not-fit-sixteen-bytes.o";

fn archive(folder: &Folder, flags: &str, more: &[&str]) -> Vec<u8> {
    folder.build_file("one.o", DEFINES, &["-c"]);
    folder.build_file(LONG, REFERENCES, &["-c"]);
    let status = Command::new("ar")
        .current_dir(folder.join(""))
        .args([flags, "lib.a", "one.o", LONG])
        .args(more)
        .output()
        .expect("ar comes with the compiler's linker");
    assert!(status.status.success(), "{status:?}");
    fs::read(folder.join("lib.a")).expect("the archive just made")
}

/// Name, offset and size of every member.
type Row = (String, Option<u64>, u64);

fn rows(bytes: &[u8]) -> (Vec<Row>, Result<(), Error>) {
    let mut rows = Vec::new();
    let walked = members(bytes, |member| {
        let name = String::from_utf8_lossy(member.name).into_owned();
        rows.push((name, member.offset, member.size));
        ControlFlow::<()>::Continue(())
    });
    (rows, walked.map(drop))
}

#[test]
fn members_and_what_they_say() {
    let folder = Folder::new();
    let bytes = archive(&folder, "rcs", &[]);
    let (found, walked) = rows(&bytes);
    assert_eq!(walked, Ok(()));
    let names: Vec<_> = found.iter().map(|(name, ..)| &**name).collect();
    assert_eq!(names, ["one.o", LONG]);
    let facts = |index: usize| {
        let (_, offset, size) = &found[index];
        let part = Part::new(&bytes[..], offset.expect("not thin"), *size);
        Facts::read(&Object::open(part).expect("an object"))
    };
    let role = |facts: &Facts| facts.symbols.iter().next().map(|fact| fact.role);
    assert_eq!(role(&facts(0)), Some(Role::Defines));
    assert_eq!(role(&facts(1)), Some(Role::References));
    assert_eq!(facts(1).access.model, Some(TlsModel::InitialExec));
}

#[test]
fn the_same_name_twice() {
    let (found, walked) = rows(&archive(&Folder::new(), "qcs", &["one.o"]));
    assert_eq!(walked, Ok(()));
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].0, found[2].0);
    assert_ne!(found[0].1, found[2].1);
}

#[test]
fn a_thin_archive_names_files() {
    let folder = Folder::new();
    let (found, walked) = rows(&archive(&folder, "rcsT", &[]));
    assert_eq!(walked, Ok(()));
    assert_eq!(found.len(), 2);
    for (name, offset, size) in found {
        assert_eq!(offset, None);
        let file = fs::metadata(folder.join("").join(Path::new(&name))).expect("the member");
        assert_eq!(file.len(), size);
    }
}

#[test]
fn names_as_bsd_writes_them() {
    let mut bytes = b"!<arch>\n".to_vec();
    bytes.extend(format!("{:<16}{:<32}{:<10}`\n", "#1/20", "0", "24").bytes());
    bytes.extend(b"a name of 17 byte\0\0\0");
    bytes.extend(b"data");
    let (found, walked) = rows(&bytes);
    assert_eq!(walked, Ok(()));
    assert_eq!(found, [("a name of 17 byte".to_owned(), Some(88), 4)]);
}

#[test]
fn no_damage_stops_the_reader_for_long() {
    let bytes = archive(&Folder::new(), "rcs", &[]);
    for length in 0..bytes.len() {
        let (found, _) = rows(&bytes[..length]);
        assert!(found.len() <= 2);
    }
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        for value in [0, b'/', b'9', 0xff] {
            changed[at] = value;
            // each header takes 60 bytes
            assert!(rows(&changed).0.len() <= bytes.len() / 60);
        }
        changed[at] = bytes[at];
    }
    assert_eq!(rows(b"!<arch>\nnot a header").1, Err(Error::Truncated));
    assert_eq!(rows(b"!<none>\n").1, Err(Error::Damaged));
}
