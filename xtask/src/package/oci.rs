//! An OCI image with the command alone, for `COPY --from`: as an archive of an image
//! layout (OCI image specification 1.1), which skopeo and podman read as `oci-archive:`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::tree::Tree;
use crate::architecture::Architecture;
use crate::dist::files::{gzipped, sha256, tar_header};
use crate::dist::layout::VERSION;

/// Where the command is in the image.
const COMMAND: &str = "opt/rseq/rseqctl";

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Makes the archive of an unpacked tarball.
pub(super) fn make(architecture: &Architecture, tree: &Tree, to: &Path) -> Result<PathBuf, String> {
    let path = to.join(format!("rseqctl-{VERSION}-{}.oci.tar", architecture.debian));
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    let command = BTreeMap::from([(COMMAND.to_owned(), tree.read("bin/rseqctl")?)]);
    let layer = packed(&command, 0o755, tree.time()).map_err(say)?;
    let mut blobs = Blobs::default();
    let squeezed = blobs.add(LAYER, gzipped(&layer).map_err(say)?);
    let config = json!({
        "architecture": architecture.debian,
        "os": "linux",
        "config": { "Entrypoint": [format!("/{COMMAND}")] },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let config = blobs.add(CONFIG, config.to_string().into_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [squeezed],
    });
    let mut manifest = blobs.add(MANIFEST, manifest.to_string().into_bytes());
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": VERSION });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    let mut files = blobs.files;
    files.insert("index.json".to_owned(), index.to_string().into_bytes());
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    files.insert("oci-layout".to_owned(), version.to_string().into_bytes());
    let archive = packed(&files, 0o644, tree.time()).map_err(say)?;
    fs::write(&path, archive).map_err(say)?;
    Ok(path)
}

/// What the image refers to by digests.
#[derive(Default)]
struct Blobs {
    files: BTreeMap<String, Vec<u8>>,
}

impl Blobs {
    /// Adds one; returns its descriptor.
    fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = digest(&content);
        let descriptor = json!({
            "mediaType": media_type,
            "digest": digest,
            "size": content.len(),
        });
        let path = format!("blobs/{}", digest.replace(':', "/"));
        self.files.insert(path, content);
        descriptor
    }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", sha256(content))
}

/// A tar archive of the files, all of one mode, with the release's time.
fn packed(
    files: &BTreeMap<String, Vec<u8>>,
    mode: u32,
    time: u64,
) -> Result<Vec<u8>, std::io::Error> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar_header(mode, content.len() as u64, time);
        archive.append_data(&mut header, path, &**content)?;
    }
    archive.into_inner()
}
