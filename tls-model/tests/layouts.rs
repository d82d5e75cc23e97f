//! Both classes and both byte orders, in files and in memory, say the same.

use std::ops::ControlFlow;

use rseq_damage::craft;
use tls_model::elf::{Error, Object};
use tls_model::facts::{Facts, ObjectKind, Role, SymbolName, TlsModel};

#[test]
fn every_layout_says_the_same() {
    for (class, endian) in craft::LAYOUTS {
        let bytes = craft::library(class, endian, 0);
        let object = Object::open(&bytes[..]).expect("an ELF object");
        check(&object);
        let facts = Facts::read(&object);
        assert_eq!((facts.layout.class, facts.layout.endian), (class, endian));
    }
}

#[test]
fn addresses_that_the_dynamic_linker_has_relocated_are_taken_back() {
    let bias = 0x4000_0000;
    for (class, endian) in craft::LAYOUTS {
        for relocated_by in [0, bias] {
            let bytes = craft::library(class, endian, relocated_by);
            let object = Object::open_loaded(&bytes[..], bias).expect("an ELF object");
            check(&object);
        }
        // and a file is never taken for a loaded object
        let bytes = craft::library(class, endian, bias);
        let object = Object::open(&bytes[..]).expect("an ELF object");
        assert_eq!(object.dynamic_symbol(b"__rseq_abi"), Err(Error::Damaged));
    }
}

fn check(object: &Object<&[u8]>) {
    let facts = Facts::read(object);
    assert!(facts.damage.is_empty(), "{}", facts.damage);
    assert_eq!(facts.kind, ObjectKind::Shared);
    assert!(facts.flags.nodelete && facts.flags.static_tls);
    assert_eq!(facts.tls.map(|tls| (tls.memsz, tls.align)), Some((96, 32)));
    assert_eq!(facts.access.model, Some(TlsModel::InitialExec));
    let symbols: Vec<_> = facts
        .symbols
        .iter()
        .map(|fact| (fact.name, fact.role, fact.value, fact.size))
        .collect();
    assert_eq!(
        symbols,
        [
            (SymbolName::Abi, Role::Defines, 64, 32),
            (SymbolName::Offset, Role::References, 0, 0),
        ]
    );
    assert!(facts.exported_definition().is_some());

    let symbol = object.dynamic_symbol(b"__rseq_abi").expect("a sound table");
    assert_eq!(symbol.map(|symbol| symbol.value), Some(64));
    assert_eq!(object.dynamic_symbol(b"__rseq_offset"), Ok(None));
    assert_eq!(object.dynamic_symbol(b"__rseq"), Ok(None));

    let mut buf = [0; 16];
    assert_eq!(object.soname(&mut buf), Ok(Some(&b"libcraft.so"[..])));
    assert_eq!(object.runpath(&mut buf), Ok(None));
    assert_eq!(object.interpreter(&mut buf), Ok(None));
    let mut names = Vec::new();
    let walked = object.needed(&mut buf, |name| {
        names.push(name.to_vec());
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(walked, Ok(None));
    assert_eq!(names, [b"libnext.so"]);
    assert_eq!(object.soname(&mut [0; 4]), Err(Error::TooLong));
}

#[test]
fn what_is_no_elf_object_is_told_apart() {
    let sound = craft::library(craft::LAYOUTS[0].0, craft::LAYOUTS[0].1, 0);
    let open = |bytes: &[u8]| Object::open(bytes).map(drop);
    let changed = |at: usize, to: u8| {
        let mut bytes = sound.clone();
        bytes[at] = to;
        open(&bytes)
    };
    assert_eq!(open(b""), Err(Error::NotElf));
    assert_eq!(open(b"#!/bin/sh\n"), Err(Error::NotElf));
    assert_eq!(open(b"\x7fELF"), Err(Error::Truncated));
    assert_eq!(open(&sound[..51]), Err(Error::Truncated));
    assert_eq!(open(&sound[..52]), Ok(()));
    assert_eq!(changed(4, 3), Err(Error::Class(3)));
    assert_eq!(changed(5, 0), Err(Error::Encoding(0)));
}

#[test]
fn a_read_error_keeps_its_number() {
    struct Broken;
    impl tls_model::elf::Source for Broken {
        fn read_at(&self, _: u64, _: &mut [u8]) -> Result<usize, tls_model::elf::ReadError> {
            Err(tls_model::elf::ReadError { errno: 5 })
        }
    }
    let expected = Error::Read(tls_model::elf::ReadError { errno: 5 });
    assert_eq!(Object::open(Broken).map(drop), Err(expected));
}
