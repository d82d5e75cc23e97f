//! Which layers an image has, by its manifests.

use std::io;
use std::path::{Component, Path};

use serde::Deserialize;

use super::damaged;

/// How deep an index may point to other indexes.
const INDEX_DEPTH: u32 = 3;

/// Most images, and most layers of one.
const MOST: usize = 1000;

/// One image: a name for it among others, and its layers from the lowest to the
/// highest, by their names in the store.
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

/// Every image.
pub(super) fn pictures(read: &Read<'_>) -> io::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    if let Some(text) = read("index.json")? {
        index(&text, read, INDEX_DEPTH, &mut pictures)?;
        return Ok(pictures);
    }
    let text = read("manifest.json")?.ok_or_else(|| damaged("the image has no manifest"))?;
    let saved: Vec<Saved> = parse(&text)?;
    for image in saved.into_iter().take(MOST) {
        let name = image.config.rsplit('/').next().unwrap_or_default();
        let name = name.strip_suffix(".json").unwrap_or(name);
        if !image.layers.iter().all(|layer| is_plain(layer)) {
            return Err(damaged("bad name of a layer in a manifest"));
        }
        pictures.push(Picture {
            name: short(name),
            layers: image.layers,
        });
    }
    Ok(pictures)
}

fn index(text: &[u8], read: &Read<'_>, depth: u32, pictures: &mut Vec<Picture>) -> io::Result<()> {
    let index_of: Index = parse(text)?;
    for entry in index_of.manifests {
        let Some(text) = read(&blob(&entry.digest)?)? else {
            // a layout may hold some of the platforms only
            continue;
        };
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) {
            let layers: io::Result<Vec<_>> = manifest
                .layers
                .iter()
                .filter(|layer| layer.media_type.contains("tar") || layer.media_type.is_empty())
                .map(|layer| blob(&layer.digest))
                .collect();
            let digest = entry.digest.rsplit(':').next().unwrap_or_default();
            let picture = Picture {
                name: short(digest),
                layers: layers?,
            };
            // an attestation has no layers that could be unpacked
            if !picture.layers.is_empty() && pictures.len() < MOST {
                pictures.push(picture);
            }
        } else if depth > 0 {
            index(&text, read, depth - 1, pictures)?;
        }
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(|error| damaged(&format!("bad manifest: {error}")))
}

/// Where a layout keeps the blob with this digest; digests lead nowhere else.
fn blob(digest: &str) -> io::Result<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    match digest.split_once(':') {
        Some((algorithm, hex)) if is_word(algorithm) && is_word(hex) => {
            Ok(format!("blobs/{algorithm}/{hex}"))
        }
        _ => Err(damaged("bad digest in a manifest")),
    }
}

/// Whether a name leads to something in the image and nowhere else.
fn is_plain(name: &str) -> bool {
    Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
}

fn short(name: &str) -> String {
    name.chars().take(12).collect()
}
