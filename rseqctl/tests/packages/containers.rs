//! Packages and archives as a user audits them: made by the system's own tools where it
//! has them, damaged, hostile, and too large.

use std::fs;
use std::io::Write;
use std::path::Path;

use rseq_damage::packed::{gzip, tape};
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::Suite;

use crate::packed::{Folder, PACKERS};

/// A container: its name, the tools that make it beside `tar`, the script that
/// calls them, and what is found in it.
const KINDS: [(&str, &[&str], &str, &str); 18] = [
    (
        "old.tar",
        &[],
        "tar cf old.tar --format=v7 -C tree/usr lib",
        "!/lib/liba.so",
    ),
    (
        "blocks.tar.gz",
        &["split"],
        "tar cf a.tar -C tree .; split -b 1024 a.tar part; gzip part*; cat part* > blocks.tar.gz",
        "!/usr/lib/liba.so",
    ),
    (
        "blocks.tar.bz2",
        &["split", "bzip2"],
        "tar cf a.tar -C tree .; split -b 1024 a.tar part; bzip2 part*; cat part* > blocks.tar.bz2",
        "!/usr/lib/liba.so",
    ),
    (
        "a.crx",
        &["zip"],
        "cd tree; zip -qr ../in.zip .; cd ..; \
             printf 'Cr24\\3\\0\\0\\0\\4\\0\\0\\0abcd' | cat - in.zip > a.crx",
        "!/usr/lib/liba.so",
    ),
    ("a.tar", &[], "tar cf a.tar -C tree .", "!/usr/lib/liba.so"),
    (
        "a.tar.gz",
        &[],
        "tar czf a.tar.gz -C tree usr",
        "!/usr/lib/liba.so",
    ),
    (
        "a.tar.xz",
        &["xz"],
        "tar cJf a.tar.xz -C tree .",
        "!/usr/lib/liba.so",
    ),
    (
        "a.tar.bz2",
        &["bzip2"],
        "tar cjf a.tar.bz2 -C tree .",
        "!/usr/lib/liba.so",
    ),
    (
        "a.tar.zst",
        &["zstd"],
        "tar c -C tree . > z.tar; head -c 4000 z.tar | zstd -q > a.tar.zst; \
             tail -c +4001 z.tar | zstd -q >> a.tar.zst",
        "!/usr/lib/liba.so",
    ),
    (
        "a.whl",
        &["zip"],
        "cd tree; zip -qr ../a.whl .",
        "!/usr/lib/liba.so",
    ),
    (
        "stored.zip",
        &["zip"],
        "cd tree; zip -0qr ../stored.zip .",
        "!/usr/lib/liba.so",
    ),
    (
        "a.tar.lzma",
        &["lzma"],
        "tar c -C tree . | lzma -c > a.tar.lzma",
        "!/usr/lib/liba.so",
    ),
    (
        "a.so.lzma",
        &["lzma"],
        "lzma -c tree/usr/lib/liba.so > a.so.lzma",
        "!/a.so",
    ),
    (
        "a.ko.xz",
        &["xz"],
        "xz -c tree/usr/lib/liba.so > a.ko.xz",
        "!/a.ko",
    ),
    (
        "a.deb",
        &["dpkg-deb"],
        "mkdir -p tree/DEBIAN; printf 'Package: a\\nVersion: 1\\nArchitecture: all\\n\
             Maintainer: a <a@example.org>\\nDescription: a\\n' > tree/DEBIAN/control; \
             dpkg-deb --build tree a.deb; rm -r tree/DEBIAN",
        "!/usr/lib/liba.so",
    ),
    (
        "a.rpm",
        &["rpmbuild"],
        "printf 'Name: a\\nVersion: 1\\nRelease: 1\\nSummary: a\\nLicense: MIT\\n\
             %%description\\na\\n%%install\\ncp -r %s/tree/usr %%{buildroot}/\\n\
             %%files\\n/usr/lib/liba.so\\n' \"$PWD\" > a.spec; \
             rpmbuild --define \"_topdir $PWD/rpm\" --define '__strip /bin/true' \
             --define 'debug_package %{nil}' -bb a.spec; cp rpm/RPMS/*/*.rpm a.rpm",
        "!/usr/lib/liba.so",
    ),
    (
        "archives.tar.gz",
        &["ar"],
        "cc -c -o a.o defines.c; mkdir archives; ar rc archives/liba.a a.o; \
             tar czf archives.tar.gz archives",
        "!/archives/liba.a(a.o)",
    ),
    (
        "outer.tar.gz",
        &["zip"],
        "cd tree; zip -qr ../in.whl .; cd ..; tar czf outer.tar.gz in.whl",
        "!/in.whl!/usr/lib/liba.so",
    ),
];

/// Adds one test for each of [`KINDS`].
pub fn add_kinds(suite: &mut Suite) {
    for (name, tools, script, inner) in KINDS {
        let mut needs = vec![Need::CC];
        needs.extend(tools.iter().map(|tool| Need::of(Tool(tool))));
        suite.add(format!("kind::{name}"), &needs, move || {
            let folder = Folder::new();
            folder.shell(script);
            folder.finds(name, &[inner]);
            Ok(())
        });
    }
}

/// The same below a folder that is walked.
#[rseq_kit::test(Need::CC)]
fn a_container_in_a_tree() {
    let folder = Folder::new();
    folder.shell("tar czf a.tar.gz -C tree usr");
    let (paths, complaints) = folder.found(".");
    assert_eq!(complaints, "");
    assert!(paths.contains(&"./a.tar.gz!/usr/lib/liba.so".to_owned()));
}

#[rseq_kit::test(Need::CC, Need::new(&Tool("zip")))]
fn zip_members_are_passed_over_by_names_that_no_object_has() {
    let folder = Folder::new();
    folder.shell(
        "cd tree; cp usr/lib/liba.so a.class; cp usr/lib/liba.so script; zip -qr ../a.jar .",
    );
    folder.finds("a.jar", &["!/script", "!/usr/lib/liba.so"]);
}

/// A zip archive is found by its end: what stands in front may be a program that opens
/// itself.
#[rseq_kit::test(Need::CC, Need::new(&Tool("zip")), Need::new(&Tool("python3")))]
fn a_zip_archive_behind_something_else() {
    let folder = Folder::new();
    folder.shell(
        "cd tree; zip -qr ../in.zip .; cd ..; \
         printf '#!/bin/sh\\nexec java -jar \"$0\" \"$@\"\\n' > front; head -c 600 /dev/zero >> front; \
         cat front in.zip > script; cp script moved.sh; zip -qA moved.sh; cp script app.jar; \
         cat moved.sh > said.sh; printf 'and a comment\\n' | zip -qz said.sh; \
         printf 'def main(): pass' > tree/code.py; python3 -m zipapp tree -m code:main \
             -p '/usr/bin/env python3' -o app.pyz; rm tree/code.py; \
         cp /bin/true launcher; cat in.zip >> launcher; cp launcher plain.run; zip -qA plain.run; \
         tar czf outer.tar.gz script launcher; printf 'no zip' >> launcher; \
         cat front > script-alone; printf 'PK\\005\\006' >> script-alone; \
         head -c 18 /dev/zero >> script-alone",
    );
    for name in [
        "script",
        "moved.sh",
        "app.jar",
        "said.sh",
        "app.pyz",
        "plain.run",
    ] {
        folder.finds(name, &["!/usr/lib/liba.so"]);
    }
    let (paths, complaints) = folder.found("launcher");
    assert!(
        paths.is_empty() && complaints.is_empty(),
        "{paths:?} {complaints}"
    );
    let inner = ["!/launcher!/usr/lib/liba.so", "!/script!/usr/lib/liba.so"];
    folder.finds("outer.tar.gz", &inner);
    let (paths, complaints) = folder.found("script-alone");
    assert!(
        paths.is_empty() && complaints.contains("not an ELF object"),
        "{complaints}"
    );
    // and where it is met in a tree
    folder.shell("mkdir met; mv script app.jar app.pyz plain.run script-alone met");
    let (paths, complaints) = folder.found("met");
    let inner = ["app.jar", "app.pyz", "plain.run", "script"];
    let expected = inner.map(|name| format!("met/{name}!/usr/lib/liba.so"));
    assert_eq!((&paths[..], &complaints[..]), (&expected[..], ""));
}

/// A program with a squashfs behind it, as AppImages are.
#[rseq_kit::test(Need::CC)]
fn a_file_system_behind_a_program_is_told() {
    let folder = Folder::new();
    folder.shell("cp tree/usr/lib/liba.so app; printf hsqs >> app; head -c 99 /dev/zero >> app");
    let (paths, complaints) = folder.found("app");
    assert_eq!(paths, ["app"]);
    assert!(complaints.contains("squashfs"), "{complaints}");
}

/// Some archivers write it for every member.
#[rseq_kit::test(Need::CC)]
fn a_size_in_an_extended_header() {
    let folder = Folder::new();
    let library = folder.library();
    for (name, size, is_read) in [
        ("same.tar", library.len(), true),
        ("other.tar", library.len() + 1, false),
    ] {
        let record = format!("{:02} size={size}\n", 9 + size.to_string().len());
        let members = tape(&[(b"pax", b'x', record.as_bytes()), (b"a.so", b'0', &library)]);
        fs::write(folder.path(name), members).expect("a temporary file");
        let (paths, complaints) = folder.found(name);
        assert_eq!(paths.len(), usize::from(is_read), "{complaints}");
        assert_eq!(complaints.contains("above 8 GiB"), !is_read, "{complaints}");
    }
}

#[rseq_kit::test(Need::CC)]
fn a_bomb_is_a_message() {
    let folder = Folder::new();
    let zeros = vec![0; 1 << 20];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").expect("a name");
    header.set_size(200 << 20);
    header.set_cksum();
    packer.write_all(header.as_bytes()).expect("memory");
    for _ in 0..200 {
        packer.write_all(&zeros).expect("memory");
    }
    let bomb = packer.finish().expect("memory");
    fs::write(folder.path("bomb.tar.gz"), &bomb).expect("a temporary file");
    // twice packed, inside another container, behind something good
    let outer = tape(&[
        (b"a.so", b'0', &folder.library()),
        (b"bomb.tar.gz", b'0', &bomb),
        (b"z.so", b'0', &folder.library()),
    ]);
    fs::write(folder.path("outer.tar"), outer).expect("a temporary file");
    // a long name without end
    let name = tape(&[(b"././@LongLink", b'L', &vec![b'a'; 70 << 10])]);
    fs::write(folder.path("name.tar"), name).expect("a temporary file");
    let limit = "unpacks to more than 200 times its size";
    let (paths, complaints) = folder.found("bomb.tar.gz");
    assert!(
        paths.is_empty() && complaints.contains(limit),
        "{complaints}"
    );
    let (paths, complaints) = folder.found("outer.tar");
    assert_eq!(paths, ["outer.tar!/a.so"]);
    assert!(complaints.contains(limit), "{complaints}");
    let (_, complaints) = folder.found("name.tar");
    assert!(complaints.contains("longer than 64 KiB"), "{complaints}");
    assert_eq!(folder.audit(&["bomb.tar.gz"]).status.code(), Some(3));
}

#[rseq_kit::test(Need::CC)]
fn nesting_has_an_end() {
    let folder = Folder::new();
    let mut inner = tape(&[(b"liba.so", b'0', &folder.library())]);
    for depth in 1..8 {
        let name = format!("{depth}.tar");
        fs::write(folder.path(&name), &inner).expect("a temporary file");
        let (paths, complaints) = folder.found(&name);
        // one container is depth 0
        let is_read = depth <= 6;
        assert_eq!(paths.len(), usize::from(is_read), "{depth} {complaints}");
        assert_eq!(complaints.contains("nested deeper than 5"), !is_read);
        inner = tape(&[(b"in.tar", b'0', &inner)]);
    }
}

#[rseq_kit::test(Need::CC)]
fn hostile_names_are_names_and_nothing_else() {
    let folder = Folder::new();
    let library = folder.library();
    let members: [(&[u8], u8, &[u8]); 5] = [
        (b"../../../escaped.so", b'0', &library),
        (b"/absolute.so", b'0', &library),
        (b"not\xffutf8\n.so", b'0', &library),
        (b"link.so", b'2', b""),
        (b"twice.so", b'0', b"an older one"),
    ];
    let mut all = tape(&members);
    all.truncate(all.len() - 1024);
    all.extend(tape(&[(b"twice.so", b'0', &library)]));
    fs::write(folder.path("names.tar"), &all).expect("a temporary file");
    let before = fs::read_dir(&folder.0).expect("a folder").count();
    let expected = [
        "!/../../../escaped.so",
        "!/absolute.so",
        "!/not\\xffutf8\n.so",
        "!/twice.so",
    ];
    folder.finds("names.tar", &expected);
    assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), before);
    assert!(!folder.path("../escaped.so").exists());
}

/// No cut and no changed byte of any container makes the command panic or hang.
#[rseq_kit::test(Need::CC, PACKERS)]
fn damage_is_told() {
    let folder = Folder::new();
    folder.shell(
        "tar cf a.tar -C tree .; tar czf a.tar.gz -C tree .; tar cJf a.tar.xz -C tree .; \
         tar cjf a.tar.bz2 -C tree .; tar c -C tree . | zstd -q > a.tar.zst; \
         cd tree; zip -qr ../a.whl .",
    );
    for name in [
        "a.tar",
        "a.tar.gz",
        "a.tar.xz",
        "a.tar.bz2",
        "a.tar.zst",
        "a.whl",
    ] {
        let whole = fs::read(folder.path(name)).expect("just made");
        let damaged = format!("damaged-{name}");
        for step in 1..12 {
            let at = whole.len() * step / 12;
            fs::write(folder.path(&damaged), &whole[..at]).expect("a temporary file");
            let (paths, complaints) = folder.found(&damaged);
            let told = !complaints.is_empty() || !paths.is_empty();
            assert!(told, "{damaged} cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            fs::write(folder.path(&damaged), changed).expect("a temporary file");
            folder.found(&damaged);
        }
    }
}

#[rseq_kit::test(Need::CC)]
fn a_large_member_is_not_kept_in_memory() {
    let folder = Folder::new();
    let mut large = folder.library();
    large.resize(3 << 20, 7);
    let packed = gzip(&tape(&[(b"large.so", b'0', &large)]));
    fs::write(folder.path("large.tgz"), packed).expect("a temporary file");
    folder.finds("large.tgz", &["!/large.so"]);
    assert!(!Path::new("large.so").exists());
}
