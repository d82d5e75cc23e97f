//! No cut and no changed byte of any container, and no fuzzer's find, makes
//! the audit panic, read without end, or take more memory than it says.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rseq_damage::packed::{
    Method, archive, cpio, deb, deflate, gzip, image, object, rpm, saved, stored, tape, tape_of,
    zip,
};
use rseq_damage::{Counted, Heap, craft, cuts_and_changes, many_changes, seeds, step};
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::Suite;
use rseqctl::audit::{Event, Options, UnusedInput, audit_bytes, audit_source};
use tls_model::elf::{Class, Endian};

#[global_allocator]
static HEAP: Heap = Heap;

/// Bytes that an audit may have at a time, whatever one file says: the largest
/// window that a compressor may ask for (zstd, 128 MiB, which is put together
/// from two halves), and 16 MiB for everything else. A container in another
/// may have as much again.
const MOST_MEMORY: u64 = (2 * 128 + 16) << 20;

/// Reads of a container of some KiB: tar and zip are read in pieces of 512
/// bytes and more, and what is in them is looked at up to three times.
const MOST_READS: u64 = 4096;

/// Places of a container that are damaged. With `RSEQ_DAMAGE=all` every byte
/// is.
const PLACES: usize = 400;

/// What packs the containers.
const PACKERS: [Need; 4] = [
    Need::new(&Tool("xz")),
    Need::new(&Tool("zstd")),
    Need::new(&Tool("bzip2")),
    Need::new(&Tool("lzma")),
];

fn main() -> ExitCode {
    Suite::collected().run()
}

fn options() -> Options {
    Options {
        all: true,
        ..Options::default()
    }
}

/// Audits bytes; how many objects were found, and how many complaints made.
fn ask(bytes: &[u8]) -> (u64, u64) {
    let source = Counted::new(bytes, MOST_READS);
    let mut complaints = 0;
    let (tally, taken) = Heap::peak(|| {
        let len = bytes.len() as u64;
        let sink = &mut |event: Event<'_>| {
            if let Event::Problem(UnusedInput { problem, .. }) = event {
                assert!(!problem.to_string().is_empty());
                complaints += 1;
            }
        };
        audit_source(Path::new("x.tar.gz"), &source, len, &options(), sink)
    });
    assert!(taken <= MOST_MEMORY, "{taken} bytes of memory");
    (tally.objects, complaints)
}

/// What a tool makes of the bytes.
fn by_tool(tool: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(tool)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{tool}: {error}"));
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(bytes).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{tool}: {}", output.status);
    output.stdout
}

/// An image of two layers, one of them packed, with whiteouts.
fn layered() -> Vec<u8> {
    let object = object();
    let lower = tape(&[
        (b"usr/", b'5', b""),
        (b"usr/gone.so", b'0', &object),
        (b"opt/all.so", b'0', &object),
    ]);
    let upper = tape(&[
        (b"usr/.wh.gone.so", b'0', b""),
        (b"opt/.wh..wh..opq", b'0', b""),
        (b"opt/new.so", b'0', &object),
    ]);
    saved(&[&lower, &gzip(&upper)])
}

/// A tar archive whose member has a name of GNU's long kind, and one of pax's.
fn long_names(object: &[u8]) -> Vec<u8> {
    let long = [&b"long/".repeat(40)[..], b"a.so\0"].concat();
    tape(&[
        (b"././@LongLink", b'L', &long),
        (b"cut", b'0', object),
        (b"pax", b'x', b"17 path=pax/b.so\n"),
    ])
}

/// Containers with one object in each, in some of them one that defines the
/// area.
fn containers() -> Vec<(&'static str, Vec<u8>)> {
    let object = object();
    let definer = craft::library(Class::Elf64, Endian::Little, 0);
    let tar = tape_of("a.so", &object);
    let library = archive("a.o", &definer);
    let files = cpio("./a.so", &object);
    let mut all = vec![
        ("tar", tar.clone()),
        ("tar.gz", gzip(&tape_of("a.so", &definer))),
        ("tar.long-names", long_names(&object)),
        ("deb", deb("data.tar.gz", &gzip(&tar))),
        ("deb.plain", deb("data.tar", &tar)),
        ("rpm", rpm(&gzip(&files))),
        ("rpm.plain", rpm(&files)),
        ("zip", stored("a.so", &object)),
        (
            "zip.deflate",
            zip("a.so", &definer, Method::Deflate, &deflate(&definer)),
        ),
        ("image", image(&tar)),
        ("image.gz", gzip(&image(&gzip(&tar)))),
        ("saved", layered()),
        ("a.in.tar", tape_of("lib.a", &library)),
        (
            "a.in.tar.gz.in.zip",
            stored("x.tar.gz", &gzip(&tape_of("lib.a", &library))),
        ),
        (
            "a.in.deb",
            deb("data.tar.gz", &gzip(&tape_of("lib.a", &library))),
        ),
        (
            "zip.in.deb.in.tar",
            tape_of(
                "x.deb",
                &deb("data.tar", &tape_of("x.whl", &stored("a.so", &object))),
            ),
        ),
    ];
    for (tool, tar_name, deb_name, rpm_name, zip_as) in [
        (
            "xz",
            "tar.xz",
            Some(("deb.xz", "data.tar.xz")),
            Some("rpm.xz"),
            Some(("zip.xz", Method::Xz)),
        ),
        (
            "zstd",
            "tar.zst",
            Some(("deb.zst", "data.tar.zst")),
            Some("rpm.zst"),
            Some(("zip.zst", Method::Zstd)),
        ),
        (
            "bzip2",
            "tar.bz2",
            None,
            None,
            Some(("zip.bz2", Method::Bzip2)),
        ),
        (
            "lzma",
            "tar.lzma",
            Some(("deb.lzma", "data.tar.lzma")),
            Some("rpm.lzma"),
            None,
        ),
    ] {
        let packed = by_tool(tool, &tar);
        if let Some((name, member)) = deb_name {
            all.push((name, deb(member, &packed)));
        }
        all.push((tar_name, packed));
        if let Some(name) = rpm_name {
            all.push((name, rpm(&by_tool(tool, &files))));
        }
        if let Some((name, method)) = zip_as {
            let packed = by_tool(tool, &object);
            all.push((name, zip("a.so", &object, method, &packed)));
        }
    }
    all
}

#[rseq_kit::test(PACKERS)]
fn cuts_and_changed_bytes() {
    for (name, whole) in containers() {
        assert_eq!(ask(&whole), (1, 0), "{name}");
        cuts_and_changes(&whole, step(whole.len(), PLACES), |bytes| {
            ask(bytes);
        });
    }
}

#[rseq_kit::test(PACKERS)]
fn many_changes_at_once() {
    for (_, whole) in containers() {
        many_changes(&whole, 300, |bytes| {
            ask(bytes);
        });
    }
}

/// The seeds of the fuzz target, and what the fuzzer has found worth keeping.
/// With `UPDATE_GOLDEN` the seeds are written anew.
#[rseq_kit::test(PACKERS)]
fn the_corpus_of_the_fuzz_target() {
    let folder = seeds::corpus("container");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, bytes) in containers() {
            fs::write(folder.join(name), bytes).expect("a file");
        }
    }
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the corpus") {
        ask(&fs::read(file.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count > 0);
}

/// What is said of bytes.
fn complaint(bytes: &[u8]) -> String {
    let mut said = Vec::new();
    audit_bytes(Path::new("x.tar"), bytes, &options(), &mut |event| {
        if let Event::Problem(UnusedInput { problem, .. }) = event {
            said.push(problem.to_string());
        }
    });
    said.join("\n")
}

/// An image archive of these blobs, of which the first is the index.
fn blobs(index: &str, others: &[(&str, &str)]) -> Vec<u8> {
    let mut members: Vec<(&[u8], u8, &[u8])> = vec![(b"index.json", b'0', index.as_bytes())];
    for (name, text) in others {
        members.push((name.as_bytes(), b'0', text.as_bytes()));
    }
    tape(&members)
}

#[rseq_kit::test]
fn manifests_that_lead_to_themselves_have_an_end() {
    // three levels of a thousand entries each
    let entries = r#"{"digest":"sha256:aa"},"#.repeat(1000);
    let index = format!(r#"{{"manifests":[{}]}}"#, entries.trim_end_matches(','));
    let said = complaint(&blobs(&index, &[("blobs/sha256/aa", &index)]));
    assert!(said.contains("its manifests are endless"), "{said}");

    // a thousand times the same image, which has the same layer a thousand times
    let layers = r#"{"digest":"sha256:bb"},"#.repeat(1000);
    let manifest = format!(r#"{{"layers":[{}]}}"#, layers.trim_end_matches(','));
    let tar = tape_of("a.so", &[object(), vec![0; 1 << 20]].concat());
    let mut bytes = blobs(&index, &[("blobs/sha256/aa", &manifest)]);
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(tape(&[(b"blobs/sha256/bb", b'0', &tar)]));
    let said = complaint(&bytes);
    assert!(said.contains("times its size"), "{said}");

    let layers = r#""a","#.repeat(1001);
    let saved = format!(
        r#"[{{"Config":"c","Layers":[{}]}}]"#,
        layers.trim_end_matches(',')
    );
    let said = complaint(&tape(&[(b"manifest.json", b'0', saved.as_bytes())]));
    assert!(said.contains("more than 1000 layers"), "{said}");
}
