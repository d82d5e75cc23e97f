//! A wheel for pip: the command, and a typed Python module around it.
//!
//! The format is that of the packaging specifications ("Binary distribution format"); the
//! platform's tag follows PEP 600: the command runs with glibc 2.17 and newer.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use sha2::{Digest as _, Sha256};

use super::tree::Tree;
use crate::architecture::Architecture;
use crate::dist::files::{files_of, read};
use crate::dist::layout::VERSION;
use crate::step::OLDEST_GLIBC;

/// What pip knows the distribution by, and what Python imports.
const NAME: &str = "rseqctl";

/// A file of the wheel.
struct Member {
    path: String,
    content: Vec<u8>,
    mode: u32,
}

/// Makes the wheel of an unpacked tarball; `module` is the folder of the Python module.
pub(super) fn make(
    architecture: &Architecture,
    tree: &Tree,
    module: &Path,
    to: &Path,
) -> Result<PathBuf, String> {
    let tag = tag_of(architecture);
    let info = format!("{NAME}-{VERSION}.dist-info");
    let mut members = Vec::new();
    let mut add = |path: String, content: Vec<u8>, mode| {
        members.push(Member {
            path,
            content,
            mode,
        });
    };
    for path in files_of(module)? {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        add(format!("{NAME}/{file}"), read(&path)?, 0o644);
    }
    let command = format!("{NAME}-{VERSION}.data/scripts/rseqctl");
    add(command, tree.read("bin/rseqctl")?, 0o755);
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let path = format!("{info}/licenses/{licence}");
        add(path, tree.read(licence)?, 0o644);
    }
    let materials = tree.read("share/rseq-owner/sbom.cdx.json")?;
    add(format!("{info}/sboms/rseqctl.cdx.json"), materials, 0o644);
    let mut metadata = metadata().into_bytes();
    metadata.extend(tree.read("README.md")?);
    add(format!("{info}/METADATA"), metadata, 0o644);
    add(format!("{info}/WHEEL"), wheel(&tag).into_bytes(), 0o644);
    let record = record(&members, &format!("{info}/RECORD"));
    members.push(record);
    let path = to.join(format!("{NAME}-{VERSION}-{tag}.whl"));
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let zip = zipped(&members, tree.time()).map_err(|error| say(&error))?;
    fs::write(&path, zip).map_err(|error| say(&error))?;
    Ok(path)
}

/// Any Python 3, no interface of Python's, and the oldest glibc.
fn tag_of(architecture: &Architecture) -> String {
    let oldest = OLDEST_GLIBC.replace('.', "_");
    format!("py3-none-manylinux_{oldest}_{}", architecture.name)
}

/// What pip knows about it; the description follows.
fn metadata() -> String {
    format!(
        "Metadata-Version: 2.4\nName: {NAME}\nVersion: {VERSION}\n\
         Summary: Who owns restartable sequences (rseq): audit files, run programs, look at hosts\n\
         License-Expression: MIT OR Apache-2.0\n\
         License-File: LICENSE-MIT\nLicense-File: LICENSE-APACHE\n\
         Requires-Python: >=3.9\nProvides-Extra: arrow\n\
         Requires-Dist: pyarrow; extra == \"arrow\"\n\
         Classifier: Operating System :: POSIX :: Linux\nClassifier: Typing :: Typed\n\
         Description-Content-Type: text/markdown\n\n"
    )
}

fn wheel(tag: &str) -> String {
    format!(
        "Wheel-Version: 1.0\nGenerator: rseq-owner {VERSION}\nRoot-Is-Purelib: false\nTag: {tag}\n"
    )
}

/// The list of all members with their digests, itself without one.
fn record(members: &[Member], path: &str) -> Member {
    let mut lines = String::new();
    for member in members {
        let digest = BASE64URL_NOPAD.encode(&Sha256::digest(&member.content));
        let length = member.content.len();
        let _ = writeln!(lines, "{},sha256={digest},{length}", member.path);
    }
    let _ = writeln!(lines, "{path},,");
    Member {
        path: path.to_owned(),
        content: lines.into_bytes(),
        mode: 0o644,
    }
}

/// Packs the members; each has the release's time.
fn zipped(members: &[Member], time: u64) -> Result<Vec<u8>, rawzip::Error> {
    let time = UtcDateTime::from_unix(i64::try_from(time).unwrap_or(i64::MAX));
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for member in members {
        let (mut entry, config) = archive
            .new_file(&*member.path)
            .compression_method(CompressionMethod::DEFLATE)
            .last_modified(time)
            .unix_permissions(0o100_000 | member.mode)
            .start()?;
        let encoder = DeflateEncoder::new(&mut entry, Compression::best());
        let mut writer = config.wrap(encoder);
        writer.write_all(&member.content)?;
        let (encoder, descriptor) = writer.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()
}
