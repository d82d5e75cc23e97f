//! Packages, archives and images as a user audits them: made by the system's
//! own tools where it has them, damaged, hostile, and too large.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use rseq_damage::packed::{gzip, tape};
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::Suite;
use serde_json::Value;
use tempfile::TempDir;

const DEFINES: &str = "struct area { unsigned w[8]; } __attribute__((aligned(32)));\n\
    __thread struct area __rseq_abi __attribute__((tls_model(\"initial-exec\"))) = { { 0, -1 } };\n";

const PACKERS: [Need; 4] = [
    Need::new(&Tool("xz")),
    Need::new(&Tool("bzip2")),
    Need::new(&Tool("zstd")),
    Need::new(&Tool("zip")),
];

struct Folder(TempDir);

impl Folder {
    /// With a library in `tree/usr/lib/liba.so`.
    fn new() -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        fs::create_dir_all(folder.path("tree/usr/lib")).expect("a folder");
        let code = folder.path("a.c");
        fs::write(&code, DEFINES).expect("a temporary file");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-nostdlib", "-Wl,-z,nodelete", "-o"])
            .args([&folder.path("tree/usr/lib/liba.so"), &code])
            .status();
        assert!(built.expect("these tests need a C compiler").success());
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn library(&self) -> Vec<u8> {
        fs::read(self.path("tree/usr/lib/liba.so")).expect("just built")
    }

    /// Runs a shell script in the folder.
    fn shell(&self, script: &str) {
        let status = Command::new("sh")
            .args(["-euc", script])
            .current_dir(&self.0)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("sh starts").success(), "{script}");
    }

    fn audit(&self, names: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_rseqctl"))
            .args(["audit", "--format", "ndjson"])
            .args(names)
            .current_dir(&self.0)
            .output()
            .expect("the command starts")
    }

    /// What is found, and what is complained of.
    fn found(&self, name: &str) -> (Vec<String>, String) {
        let output = self.audit(&[name]);
        let rows = String::from_utf8(output.stdout).expect("UTF-8");
        let paths = rows.lines().map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            row["path"].as_str().expect("a path").to_owned()
        });
        let complaints = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(
            matches!(output.status.code(), Some(0..=3)),
            "{name}: {complaints}"
        );
        (paths.collect(), complaints)
    }

    fn finds(&self, name: &str, inner: &[&str]) {
        let expected: Vec<_> = inner.iter().map(|inner| format!("{name}{inner}")).collect();
        assert_eq!(self.found(name), (expected, String::new()), "{name}");
    }
}

/// A container: its name, the tools that make it beside `tar`, the script that
/// calls them, and what is found in it.
const KINDS: [(&str, &[&str], &str, &str); 14] = [
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
        "cc -c -o a.o a.c; mkdir archives; ar rc archives/liba.a a.o; \
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

fn main() -> ExitCode {
    let mut suite = Suite::collected();
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
    suite.run()
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

/// An OCI layout in `folder` of these layers, the lowest first.
fn image(folder: &Folder, name: &str, layers: &[Vec<u8>]) {
    let blobs = folder.path(name).join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    let mut descriptors = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let digest = format!("{index:064x}");
        fs::write(blobs.join(&digest), layer).expect("a temporary file");
        descriptors.push(serde_json::json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": format!("sha256:{digest}"),
            "size": layer.len(),
        }));
    }
    let manifest = serde_json::json!({ "schemaVersion": 2, "layers": descriptors });
    let digest = "f".repeat(64);
    fs::write(blobs.join(&digest), manifest.to_string()).expect("a temporary file");
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{ "digest": format!("sha256:{digest}"), "size": 1 }],
    });
    let at = |file: &str| folder.path(name).join(file);
    fs::write(at("index.json"), index.to_string()).expect("a temporary file");
    fs::write(at("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a temporary file");
}

#[rseq_kit::test(Need::CC)]
fn an_image_is_what_its_layers_add_up_to() {
    let folder = Folder::new();
    let library = folder.library();
    let lower = tape(&[
        (b"usr/", b'5', b""),
        (b"usr/kept.so", b'0', &library),
        (b"usr/gone.so", b'0', &library),
        (b"opt/all.so", b'0', &library),
        (b"tree/a.so", b'0', &library),
    ]);
    let upper = tape(&[
        (b"usr/.wh.gone.so", b'0', b""),
        (b"opt/.wh..wh..opq", b'0', b""),
        (b"opt/new.so", b'0', &library),
        (b"tree", b'2', b""),
    ]);
    image(&folder, "layout", &[lower.clone(), gzip(&upper)]);
    let inner = ["!/opt/new.so", "!/usr/kept.so"];
    folder.finds("layout", &inner);
    folder.shell("tar cf image.tar -C layout blobs index.json oci-layout");
    folder.finds("image.tar", &inner);
    folder.shell("tar czf image.tar.gz -C layout blobs index.json oci-layout");
    folder.finds("image.tar.gz", &inner);

    let saved = serde_json::json!([{
        "Config": format!("{}.json", "c".repeat(64)),
        "RepoTags": ["a:latest"],
        "Layers": ["one/layer.tar", "two/layer.tar"],
    }]);
    let saved = tape(&[
        (b"manifest.json", b'0', saved.to_string().as_bytes()),
        (b"one/layer.tar", b'0', &lower),
        (b"two/layer.tar", b'0', &upper),
    ]);
    fs::write(folder.path("saved.tar"), saved).expect("a temporary file");
    folder.finds("saved.tar", &inner);
}

/// A member of a tar archive that is a symbolic link.
fn linked(name: &str, target: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).expect("a short name");
    header.set_link_name(target).expect("a short name");
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[rseq_kit::test(Need::CC)]
fn layers_that_are_symbolic_links() {
    let folder = Folder::new();
    let layer = tape(&[(b"a.so", b'0', &folder.library())]);
    let saved = r#"[{"Config":"c.json","Layers":["one/layer.tar"]}]"#;
    for (name, links, complaint) in [
        ("once", &[("one/layer.tar", "../two/layer.tar")][..], None),
        (
            "twice",
            &[
                ("one/layer.tar", "../mid/layer.tar"),
                ("mid/layer.tar", "./../two/layer.tar"),
            ],
            None,
        ),
        (
            "loop",
            &[("one/layer.tar", "layer.tar")],
            Some("one/layer.tar is a loop of links"),
        ),
        (
            "out",
            &[("one/layer.tar", "../../two/layer.tar")],
            Some("layer one/layer.tar is missing"),
        ),
        (
            "absolute",
            &[("one/layer.tar", "/two/layer.tar")],
            Some("layer one/layer.tar is missing"),
        ),
    ] {
        let mut image = Vec::new();
        for (from, to) in links {
            image.extend(linked(from, to));
        }
        image.extend(tape(&[
            (b"manifest.json", b'0', saved.as_bytes()),
            (b"two/layer.tar", b'0', &layer),
        ]));
        // an image starts with a name that images have
        let image = [&tape(&[(b"index", b'0', b"")])[..512], &image].concat();
        fs::write(folder.path(name), image).expect("a temporary file");
        match complaint {
            None => folder.finds(name, &["!/a.so"]),
            Some(complaint) => {
                let (paths, complaints) = folder.found(name);
                assert!(paths.is_empty(), "{name}: {paths:?}");
                assert!(complaints.contains(complaint), "{name}: {complaints}");
            }
        }
    }

    image_folder(&folder, &layer);
    let (_, complaints) = folder.found("layout");
    let expected = "is a symbolic link, which is followed in archives only";
    assert!(complaints.contains(expected), "{complaints}");
}

/// A layout whose only layer is a symbolic link.
fn image_folder(folder: &Folder, layer: &[u8]) {
    image(folder, "layout", &[layer.to_vec()]);
    let blob = folder.path(&format!("layout/blobs/sha256/{:064x}", 0));
    fs::rename(&blob, folder.path("blob")).expect("it is ours");
    std::os::unix::fs::symlink(folder.path("blob"), blob).expect("a link");
}

#[rseq_kit::test(Need::CC)]
fn images_that_lie() {
    let folder = Folder::new();
    image(&folder, "layout", &[tape(&[])]);
    let index = folder.path("layout/index.json");
    // a manifest of docker save that leads out of the image
    fs::remove_file(&index).expect("it is ours");
    let saved = r#"[{"Config":"c.json","Layers":["../tree/usr/lib/liba.so"]}]"#;
    fs::write(folder.path("layout/manifest.json"), saved).expect("a temporary file");
    let (paths, complaints) = folder.found("layout");
    assert!(
        paths.is_empty() && complaints.contains("bad name of a layer"),
        "{complaints}"
    );
    fs::remove_file(folder.path("layout/manifest.json")).expect("it is ours");
    for (text, message) in [
        (
            r#"{"manifests":[{"digest":"sha256:../../../../etc/passwd"}]}"#,
            "bad digest",
        ),
        (r#"{"manifests":7}"#, "bad manifest"),
        ("[[[[", "bad manifest"),
    ] {
        fs::write(&index, text).expect("a temporary file");
        let (paths, complaints) = folder.found("layout");
        assert!(
            paths.is_empty() && complaints.contains(message),
            "{complaints}"
        );
    }
    fs::write(&index, "[".repeat(100_000)).expect("a temporary file");
    assert!(folder.found("layout").1.contains("bad manifest"));
    fs::remove_file(index).expect("it is ours");
    assert!(folder.found("layout").1.contains("no manifest"));
    let layer = folder.path(&format!("layout/blobs/sha256/{:064x}", 0));
    image(&folder, "layout", &[tape(&[])]);
    fs::remove_file(layer).expect("it is ours");
    assert!(folder.found("layout").1.contains("is missing"));
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
