//! Which layers an image has, by its manifests.

use std::io;
use std::path::{Component, Path};

use serde::Deserialize;

use super::super::read::damaged;

/// How deep an index may point to other indexes.
const INDEX_DEPTH: u32 = 3;

/// Most images of an archive or layout.
const MOST: usize = 1000;

/// Most layers of one image; overlayfs itself takes 500.
const MOST_LAYERS: usize = 1000;

/// Bytes of manifests that are looked at, each as [`LEAST_TEXT`] or more.
const MOST_TEXT: u64 = 64 << 20;
const LEAST_TEXT: u64 = 1 << 10;

/// One image: a name for it among others, and its layers from the lowest to the
/// highest, by their names in the store.
#[derive(PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) name: String,
    pub(super) layers: Vec<String>,
}

/// An entry of an OCI index, or a layer of an OCI manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
}

/// One image of `docker save`'s own manifest.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// The contents of a file of the image, if it has it.
pub(super) type Read<'a> = dyn Fn(&str) -> io::Result<Option<Vec<u8>>> + 'a;

/// Returns whether this is the manifest that `docker save` writes.
pub(super) fn is_saved(text: &[u8]) -> bool {
    serde_json::from_slice::<Vec<Saved>>(text).is_ok_and(|images| !images.is_empty())
}

/// Returns whether this is the index of an OCI image layout.
pub(super) fn is_index(text: &[u8]) -> bool {
    serde_json::from_slice::<Index>(text).is_ok_and(|index| !index.manifests.is_empty())
}

/// Returns every image, each once. Where there are both manifests, as docker has written
/// them since its version 25, they say the same.
pub(super) fn pictures(read: &Read<'_>) -> io::Result<Vec<Picture>> {
    let indexed = match read("index.json")? {
        Some(text) => indexed(&text, read),
        None => Err(damaged("the image has no manifest")),
    };
    if matches!(&indexed, Ok(pictures) if !pictures.is_empty()) {
        return indexed;
    }
    match read("manifest.json")? {
        Some(text) => match serde_json::from_slice::<Manifest>(&text) {
            Ok(manifest) => beside(&manifest),
            Err(_) => saved(&text),
        },
        None => indexed,
    }
}

fn indexed(text: &[u8], read: &Read<'_>) -> io::Result<Vec<Picture>> {
    let mut gathered = Gathered {
        pictures: Vec::new(),
        left: MOST_TEXT,
    };
    gathered.index(text, read, INDEX_DEPTH)?;
    Ok(gathered.pictures)
}

/// Returns the image of a folder that skopeo has written: its blobs stand beside the manifest,
/// by their digests alone.
fn beside(manifest: &Manifest) -> io::Result<Vec<Picture>> {
    let layers: io::Result<Vec<_>> = manifest
        .layers
        .iter()
        .map(|layer| {
            let name = blob(&layer.digest)?;
            Ok(name.rsplit('/').next().unwrap_or_default().to_owned())
        })
        .collect();
    Ok(vec![Picture::new("image", layers?)?])
}

fn saved(text: &[u8]) -> io::Result<Vec<Picture>> {
    let saved: Vec<Saved> = parse(text)?;
    if saved.len() > MOST {
        return Err(too_many_images());
    }
    let mut pictures = Vec::new();
    for image in saved {
        let name = image.config.rsplit(['/', ':']).next().unwrap_or_default();
        let name = name.strip_suffix(".json").unwrap_or(name);
        if !image.layers.iter().all(|layer| is_plain(layer)) {
            return Err(damaged("bad name of a layer in a manifest"));
        }
        pictures.push(Picture::new(name, image.layers)?);
    }
    Ok(pictures)
}

impl Picture {
    fn new(name: &str, layers: Vec<String>) -> io::Result<Self> {
        if layers.len() > MOST_LAYERS {
            return Err(damaged("an image of more than 1000 layers"));
        }
        Ok(Self {
            name: name.chars().take(12).collect(),
            layers,
        })
    }
}

fn too_many_images() -> io::Error {
    damaged("more than 1000 images")
}

/// What indexes lead to. One that names itself a thousand times would lead to
/// a thousand million otherwise, three levels down.
struct Gathered {
    pictures: Vec<Picture>,
    /// Bytes of manifests that may still be looked at.
    left: u64,
}

impl Gathered {
    fn index(&mut self, text: &[u8], read: &Read<'_>, depth: u32) -> io::Result<()> {
        let index: Index = parse(text)?;
        for entry in index.manifests {
            let text = read(&blob(&entry.digest)?)?;
            let size = text.as_ref().map_or(0, Vec::len) as u64;
            self.left = self
                .left
                .checked_sub(size.max(LEAST_TEXT))
                .ok_or_else(|| damaged("its manifests are endless"))?;
            let Some(text) = text else {
                // a layout may hold some of the platforms only
                continue;
            };
            if let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) {
                self.manifest(&entry, &manifest)?;
            } else if depth > 0 {
                self.index(&text, read, depth - 1)?;
            }
        }
        Ok(())
    }

    fn manifest(&mut self, entry: &Descriptor, manifest: &Manifest) -> io::Result<()> {
        let layers: io::Result<Vec<_>> = manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type.contains("tar") || layer.media_type.is_empty())
            .map(|layer| blob(&layer.digest))
            .collect();
        let digest = entry.digest.rsplit(':').next().unwrap_or_default();
        let picture = Picture::new(digest, layers?)?;
        // an attestation has no layers that could be unpacked
        if picture.layers.is_empty() {
            return Ok(());
        }
        if self.pictures.len() == MOST {
            return Err(too_many_images());
        }
        // an image with two tags is listed twice
        if !self.pictures.contains(&picture) {
            self.pictures.push(picture);
        }
        Ok(())
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(|error| damaged(&format!("bad manifest: {error}")))
}

/// Returns where a layout keeps the blob with this digest; digests lead nowhere else.
fn blob(digest: &str) -> io::Result<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    match digest.split_once(':') {
        Some((algorithm, hex)) if is_word(algorithm) && is_word(hex) => {
            Ok(format!("blobs/{algorithm}/{hex}"))
        }
        _ => Err(damaged("bad digest in a manifest")),
    }
}

/// Returns whether a name leads to something in the image and nowhere else.
fn is_plain(name: &str) -> bool {
    Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
}
