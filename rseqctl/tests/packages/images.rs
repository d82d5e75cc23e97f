//! Images as a user audits them, in the forms that tools write, and in those that lie.

use std::fs;

use rseq_damage::packed::{gzip, tape};
use rseq_kit::needs::{Need, Tool};

use crate::packed::{Folder, PACKERS};

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

#[rseq_kit::test(Need::CC, PACKERS)]
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

    // as in the folder, whatever comes first and around it
    for (name, script) in [
        ("first.tar", "tar cf first.tar -C layout ."),
        ("first.tar.xz", "xz -k first.tar"),
        ("first.tar.zst", "zstd -q first.tar"),
        (
            "last.tar.gz",
            "tar czf last.tar.gz -C layout blobs oci-layout index.json",
        ),
        ("layout.zip", "cd layout; zip -qr ../layout.zip ."),
    ] {
        folder.shell(script);
        folder.finds(name, &inner);
    }
    for (name, script, around) in [
        ("outer.tar", "tar cf outer.tar layout", "!/layout"),
        ("outer.tar.gz", "gzip -k outer.tar", "!/layout"),
        ("outer.zip", "zip -qr outer.zip layout", "!/layout"),
        ("in.tar.gz", "tar czf in.tar.gz first.tar", "!/first.tar"),
        ("in.zip", "zip -q in.zip first.tar", "!/first.tar"),
        (
            "in.deb",
            "printf '2.0\\n' > debian-binary; tar cJf data.tar.xz first.tar.xz; \
                 ar rc in.deb debian-binary data.tar.xz",
            "!/first.tar.xz",
        ),
        (
            "layout.deb",
            "tar cJf data.tar.xz layout; rm -f layout.deb; ar rc layout.deb debian-binary data.tar.xz",
            "!/layout",
        ),
    ] {
        folder.shell(script);
        let inner = inner.map(|inner| format!("{around}{inner}"));
        folder.finds(name, &inner.each_ref().map(String::as_str));
    }
}

/// Archives in the forms that tools write: their manifests come first or last, and
/// layers have names of all kinds.
#[rseq_kit::test(Need::CC)]
fn an_image_in_the_forms_of_tools() {
    let folder = Folder::new();
    let library = folder.library();
    let lower = tape(&[
        (b"usr/kept.so", b'0', &library),
        (b"usr/gone.so", b'0', &library),
    ]);
    let upper = gzip(&tape(&[
        (b"usr/.wh.gone.so", b'0', b""),
        (b"opt/new.so", b'0', &library),
    ]));
    let inner = ["!/opt/new.so", "!/usr/kept.so"];
    for (tool, one, two, config) in [
        ("docker", "1/layer.tar", "2/layer.tar", "c.json"),
        ("skopeo", "1.tar", "2.tar", "c.json"),
        ("crane", "1.tar.gz", "2.tar.gz", "sha256:c"),
        ("jib", "1.tar.gz", "2.tar.gz", "config.json"),
    ] {
        let manifest = serde_json::json!([{
            "Config": config, "RepoTags": ["a:latest"], "Layers": [one, two],
        }]);
        let manifest = manifest.to_string();
        let manifest: (&[u8], u8, &[u8]) = (b"manifest.json", b'0', manifest.as_bytes());
        let layers: [(&[u8], u8, &[u8]); 3] = [
            (config.as_bytes(), b'0', b"{}"),
            (one.as_bytes(), b'0', &lower),
            (two.as_bytes(), b'0', &upper),
        ];
        let [config, one, two] = layers;
        for (order, members) in [
            ("first", [manifest, config, one, two]),
            ("last", [two, one, config, manifest]),
        ] {
            let name = format!("{tool}-{order}.tar");
            fs::write(folder.path(&name), tape(&members)).expect("a temporary file");
            folder.finds(&name, &inner);
            let name = format!("{name}.gz");
            fs::write(folder.path(&name), gzip(&tape(&members))).expect("a temporary file");
            folder.finds(&name, &inner);
        }
    }
}

/// Layers as umoci writes them (the last member has no padding), and archives as
/// skopeo does.
#[rseq_kit::test(Need::CC, Need::new(&Tool("umoci")), Need::new(&Tool("skopeo")))]
fn an_image_of_other_peoples_tools() {
    let folder = Folder::new();
    folder.shell(
        "umoci init --layout layout; umoci new --image layout:a; \
         insert() { umoci insert --rootless --image layout:a \"$@\"; }; \
         insert tree/usr/lib/liba.so /usr/kept.so; insert tree/usr/lib/liba.so /usr/gone.so; \
         insert --whiteout /usr/gone.so; insert tree/usr/lib/liba.so /opt/new.so; \
         umoci gc --layout layout",
    );
    let inner = ["!/opt/new.so", "!/usr/kept.so"];
    folder.finds("layout", &inner);
    folder.shell(
        "tar cf layout.tar -C layout .; \
         skopeo --insecure-policy copy oci:layout:a oci-archive:b.tar",
    );
    folder.finds("layout.tar", &inner);
    folder.finds("b.tar", &inner);
    folder.shell(
        "skopeo --insecure-policy copy oci:layout:a docker-archive:c.tar:a:b; gzip -k c.tar",
    );
    folder.finds("c.tar", &inner);
    folder.finds("c.tar.gz", &inner);
    folder.shell("skopeo --insecure-policy copy oci:layout:a dir:folder");
    folder.finds("folder", &inner);
}

/// Files that are called as those of images are, and say something else.
#[rseq_kit::test(Need::CC)]
fn an_archive_that_is_no_image() {
    let folder = Folder::new();
    let library = folder.library();
    let members = tape(&[
        (b"manifest.json", b'0', br#"{"manifest_version":3}"#),
        (b"index.json", b'0', b"[]"),
        (b"oci-layout", b'0', b"how we lay things out"),
        (b"a.so", b'0', &library),
    ]);
    fs::write(folder.path("a.tar"), &members).expect("a temporary file");
    folder.finds("a.tar", &["!/a.so"]);
    fs::write(folder.path("a.tar.gz"), gzip(&members)).expect("a temporary file");
    folder.finds("a.tar.gz", &["!/a.so"]);
    // cut behind its manifest: what there is of it, and that there is no more
    let image = tape(&[
        (
            b"manifest.json",
            b'0',
            br#"[{"Config":"c","Layers":["1.tar"]}]"#,
        ),
        (b"1.tar", b'0', &tape(&[(b"a.so", b'0', &library)])),
        (b"2.tar", b'0', &[0; 4096]),
    ]);
    fs::write(folder.path("cut.tar"), &image[..image.len() - 4096]).expect("a temporary file");
    let (paths, complaints) = folder.found("cut.tar");
    assert_eq!(paths, ["cut.tar!/a.so"]);
    assert!(complaints.contains("truncated"), "{complaints}");
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

/// What layers may say of the layers below, in the ways that tools have come upon.
#[rseq_kit::test(Need::CC)]
fn whiteouts_as_tools_write_them() {
    let folder = Folder::new();
    let library = folder.library();
    let lower = tape(&[
        (b"usr/one.so", b'0', &library),
        (b"usr/two.so", b'0', &library),
        (b"target/kept.so", b'0', &library),
        (b"opt/old.so", b'0', &library),
    ]);
    let link = [linked("link", "target"), tape(&[])].concat();
    // a whiteout that is a hard link of another, and one that comes behind what it spares
    let mut hard = tar::Header::new_ustar();
    hard.set_path("usr/.wh.two.so").expect("a short name");
    hard.set_link_name("usr/.wh.one.so").expect("a short name");
    hard.set_entry_type(tar::EntryType::Link);
    hard.set_size(0);
    hard.set_cksum();
    let mut upper = tape(&[
        (b"opt/.new/a.so", b'0', &library),
        (b"opt/.wh..wh..opq", b'0', b""),
        (b"usr/.wh.one.so", b'0', b""),
        // the folder takes the place of a link, whose target it leaves alone
        (b"link/", b'5', b""),
        (b"link/.wh..wh..opq", b'0', b""),
        (b"link/new.so", b'0', &library),
    ]);
    upper.truncate(upper.len() - 1024);
    upper.extend(hard.as_bytes());
    upper.extend([0; 1024]);
    image(&folder, "layout", &[lower.clone(), link, gzip(&upper)]);
    folder.finds(
        "layout",
        &["!/link/new.so", "!/opt/.new/a.so", "!/target/kept.so"],
    );
    // nothing of what is below is left
    let all = tape(&[(b".wh..wh..opq", b'0', b""), (b"a.so", b'0', &library)]);
    image(&folder, "linked", &[lower, all]);
    folder.finds("linked", &["!/a.so"]);
}
