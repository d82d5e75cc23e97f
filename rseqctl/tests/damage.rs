//! No cut and no changed byte of any container, and no fuzzer's find, makes
//! the audit panic, hang, or take more memory than it says.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rseqctl::audit::{Event, Options, audit_bytes};

/// Bytes that the whole test may take more than at its start: the largest
/// window that a compressor may ask for (zstd, 128 MiB), once for the packed
/// bytes and once for what is put together from it, and as much again.
const MOST_MEMORY: u64 = 512 << 20;

/// The most memory, in bytes, that this process has ever had mapped.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a size in KiB")
        << 10
}

/// Audits bytes; how many objects were found, and how many complaints made.
fn ask(bytes: &[u8]) -> (u64, u64) {
    let options = Options {
        all: true,
        ..Options::default()
    };
    let mut complaints = 0;
    let tally = audit_bytes(Path::new("x.tar.gz"), bytes, &options, &mut |event| {
        if let Event::Problem { problem, .. } = event {
            assert!(!problem.to_string().is_empty());
            complaints += 1;
        }
    });
    (tally.objects, complaints)
}

/// A small object: a 64-bit header and nothing else.
fn object() -> Vec<u8> {
    let mut object = vec![0; 64];
    object[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    object[16] = 1;
    object[18] = 62;
    object
}

fn tape(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tape = tar::Builder::new(Vec::new());
    for (name, contents) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        tape.append_data(&mut header, name, *contents)
            .expect("memory");
    }
    tape.into_inner().expect("memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn archive(name: &str, contents: &[u8]) -> Vec<u8> {
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

fn package(data: &[u8]) -> Vec<u8> {
    let mut package = archive("debian-binary", b"2.0\n");
    package.extend(&archive("data.tar.gz", data)[8..]);
    package
}

/// What a tool makes of the bytes; none where it is missing.
fn by_tool(tool: &str, arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    input.write_all(bytes).ok()?;
    drop(input);
    let output = child.wait_with_output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A zip archive of one stored member, by hand: APPNOTE.TXT, 4.3.
fn zip(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(contents);
    let len = contents.len() as u32;
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for word in [crc.sum(), len, len] {
        common.extend(word.to_le_bytes());
    }
    common.extend((name.len() as u16).to_le_bytes());
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend([0, 0]);
    zip.extend(name.bytes());
    zip.extend(contents);
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

/// An RPM package without tags, around a cpio archive.
fn rpm(payload: &[u8]) -> Vec<u8> {
    let mut rpm = vec![0; 96];
    rpm[..4].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb]);
    for _ in 0..2 {
        rpm.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    rpm.extend(payload);
    rpm
}

fn cpio(name: &str, contents: &[u8]) -> Vec<u8> {
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

fn image() -> Vec<u8> {
    let layer = tape(&[("a.so", &object())]);
    let digest = "0".repeat(64);
    let manifest = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{digest}"}}]}}"#
    );
    let inner = "1".repeat(64);
    let index = format!(r#"{{"manifests":[{{"digest":"sha256:{inner}"}}]}}"#);
    tape(&[
        (&format!("blobs/sha256/{digest}"), &layer),
        (&format!("blobs/sha256/{inner}"), manifest.as_bytes()),
        ("index.json", index.as_bytes()),
    ])
}

/// Containers with one object in each.
fn containers() -> Vec<(&'static str, Vec<u8>)> {
    let object = object();
    let tar = tape(&[("a.so", &object)]);
    let library = archive("a.o", &object);
    let mut all = vec![
        ("tar", tar.clone()),
        ("tar.gz", gzip(&tar)),
        ("deb", package(&gzip(&tar))),
        ("rpm", rpm(&gzip(&cpio("./a.so", &object)))),
        ("zip", zip("a.so", &object)),
        ("image", image()),
        ("a.in.tar", tape(&[("lib.a", &library)])),
        (
            "a.in.tar.gz.in.zip",
            zip("x.tar.gz", &gzip(&tape(&[("lib.a", &library)]))),
        ),
        ("a.in.deb", package(&gzip(&tape(&[("lib.a", &library)])))),
    ];
    for (name, tool) in [("tar.xz", "xz"), ("tar.bz2", "bzip2"), ("tar.zst", "zstd")] {
        match by_tool(tool, &["-c"], &tar) {
            Some(packed) => all.push((name, packed)),
            None => println!("skipped: {name}: {tool} is missing"),
        }
    }
    all
}

#[test]
fn every_cut_and_every_changed_byte() {
    let before = peak();
    for (name, whole) in containers() {
        assert_eq!(ask(&whole), (1, 0), "{name}");
        // plain tape is mostly zeros: every seventh byte of it
        let step = if whole.len() > 3000 { 7 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            ask(&whole[..at]);
        }
        let mut changed = whole.clone();
        for at in (0..whole.len()).step_by(step) {
            for value in [0, 0x7f, 0xff, whole[at] ^ 1, whole[at] ^ 0x20] {
                changed[at] = value;
                ask(&changed);
            }
            changed[at] = whole[at];
        }
    }
    let taken = peak() - before;
    assert!(taken < MOST_MEMORY, "{taken} bytes");
}

/// Several bytes changed, some taken out, some doubled: the same in every run.
#[test]
fn many_changes_at_once() {
    // xorshift
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for (_, whole) in containers() {
        for _ in 0..ROUNDS {
            let mut bytes = whole.clone();
            for _ in 0..=random(8) {
                let at = random(bytes.len());
                match random(4) {
                    0 => drop(bytes.drain(at..bytes.len().min(at + 1 + random(16)))),
                    1 => bytes.extend_from_within(at..),
                    _ => bytes[at] = random(256) as u8,
                }
                if bytes.is_empty() {
                    break;
                }
            }
            ask(&bytes);
        }
    }
}

const ROUNDS: usize = 500;

/// The seeds of the fuzz target, and what the fuzzer has found worth keeping.
/// With `UPDATE_GOLDEN` the seeds are written anew.
#[test]
fn the_corpus_of_the_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-model/fuzz/corpus/container");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in containers() {
            fs::write(folder.join(name), bytes).expect("a file");
        }
    }
    let before = peak();
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the corpus") {
        ask(&fs::read(file.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count > 0);
    let taken = peak() - before;
    assert!(taken < MOST_MEMORY, "{taken} bytes");
}
