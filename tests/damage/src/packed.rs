//! Small containers, made by hand: no tool has to be there.

use std::io::Write;

/// A small object: a 64-bit header and nothing else.
#[must_use]
pub fn object() -> Vec<u8> {
    let mut object = vec![0; 64];
    object[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    object[16] = 1;
    object[18] = 62;
    object
}

/// A tar archive of these members: name, type, contents.
///
/// # Panics
///
/// A name is longer than 100 bytes.
#[must_use]
pub fn tape(members: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let mut tape = Vec::new();
    for (name, kind, contents) in members {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..100][..name.len()].copy_from_slice(name);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tape.extend_from_slice(header.as_bytes());
        tape.extend_from_slice(contents);
        tape.resize(tape.len().next_multiple_of(512), 0);
    }
    tape.resize(tape.len() + 1024, 0);
    tape
}

/// A tar archive of one file.
#[must_use]
pub fn tape_of(name: &str, contents: &[u8]) -> Vec<u8> {
    tape(&[(name.as_bytes(), b'0', contents)])
}

/// A gzip stream.
///
/// # Panics
///
/// There is no memory.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

/// An `ar` archive of one member.
#[must_use]
pub fn archive(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    let header = format!(
        "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
        format!("{name}/"),
        0,
        0,
        0,
        644,
        contents.len()
    );
    archive.extend(header.bytes());
    archive.extend(contents);
    archive
}

/// A Debian package whose files are `data`, called `name`.
#[must_use]
pub fn deb(name: &str, data: &[u8]) -> Vec<u8> {
    let mut package = archive("debian-binary", b"2.0\n");
    package.extend(&archive(name, data)[8..]);
    package
}

/// How a member of a zip archive is packed, by its number there.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Method {
    /// Not at all.
    Store = 0,
    /// A deflate stream.
    Deflate = 8,
    /// A bzip2 stream.
    Bzip2 = 12,
    /// A zstd frame.
    Zstd = 93,
    /// An xz stream.
    Xz = 95,
}

/// A deflate stream.
///
/// # Panics
///
/// There is no memory.
#[must_use]
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

/// A zip archive of one member, which is `packed` by `method`: APPNOTE.TXT, 4.3.
#[must_use]
pub fn zip(name: &str, contents: &[u8], method: Method, packed: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(contents);
    let mut common = vec![20, 0, 0, 0, method as u8, 0, 0, 0, 0, 0];
    for word in [crc.sum(), packed.len() as u32, contents.len() as u32] {
        common.extend(word.to_le_bytes());
    }
    common.extend((name.len() as u16).to_le_bytes());
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend([0, 0]);
    zip.extend(name.bytes());
    zip.extend(packed);
    let directory = zip.len() as u32;
    zip.extend(b"PK\x01\x02\x14\0");
    zip.extend(&common);
    zip.extend([0; 16]);
    zip.extend(name.bytes());
    let size = zip.len() as u32 - directory;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(size.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

/// A zip archive of one member that is not packed.
#[must_use]
pub fn stored(name: &str, contents: &[u8]) -> Vec<u8> {
    zip(name, contents, Method::Store, contents)
}

/// An RPM package without tags, around a cpio archive.
#[must_use]
pub fn rpm(payload: &[u8]) -> Vec<u8> {
    let mut rpm = vec![0; 96];
    rpm[..4].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb]);
    for _ in 0..2 {
        rpm.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    rpm.extend(payload);
    rpm
}

/// A cpio archive of one file.
#[must_use]
pub fn cpio(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut cpio = Vec::new();
    for (name, mode, contents) in [(name, 0o100_644, contents), ("TRAILER!!!", 0, &[][..])] {
        let mut fields = [0; 13];
        fields[1] = mode;
        fields[6] = contents.len();
        fields[11] = name.len() + 1;
        cpio.extend(b"070701");
        cpio.extend(
            fields
                .iter()
                .flat_map(|field| format!("{field:08x}").into_bytes()),
        );
        cpio.extend(name.bytes());
        cpio.push(0);
        cpio.resize(cpio.len().next_multiple_of(4), 0);
        cpio.extend(contents);
        cpio.resize(cpio.len().next_multiple_of(4), 0);
    }
    cpio
}

/// An OCI layout of one image with one layer, as a tar archive.
#[must_use]
pub fn image(layer: &[u8]) -> Vec<u8> {
    let digest = "0".repeat(64);
    let manifest = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{digest}"}}]}}"#
    );
    let inner = "1".repeat(64);
    let index = format!(r#"{{"manifests":[{{"digest":"sha256:{inner}"}}]}}"#);
    tape(&[
        (format!("blobs/sha256/{digest}").as_bytes(), b'0', layer),
        (
            format!("blobs/sha256/{inner}").as_bytes(),
            b'0',
            manifest.as_bytes(),
        ),
        (b"index.json", b'0', index.as_bytes()),
    ])
}

/// What `docker save` writes: images of these layers, each a tar archive.
#[must_use]
pub fn saved(layers: &[&[u8]]) -> Vec<u8> {
    let names: Vec<_> = (0..layers.len())
        .map(|at| format!("{at}/layer.tar"))
        .collect();
    let list = names.iter().map(|name| format!("{name:?}"));
    let manifest = format!(
        r#"[{{"Config":"c.json","Layers":[{}]}}]"#,
        list.collect::<Vec<_>>().join(",")
    );
    let mut members: Vec<(&[u8], u8, &[u8])> = vec![(b"manifest.json", b'0', manifest.as_bytes())];
    for (name, layer) in names.iter().zip(layers) {
        members.push((name.as_bytes(), b'0', layer));
    }
    tape(&members)
}
