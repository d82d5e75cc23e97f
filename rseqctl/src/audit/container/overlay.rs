//! Which files of an image's layers are seen: upper layers cover lower ones.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::member_path::plain;
use super::tape::MemberKind;

/// A name that starts with this hides the name behind it in the layers below.
const WHITEOUT: &[u8] = b".wh.";

/// In a folder: hides all that the layers below have in it.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What the layers above hide. Names are kept as hashes with a random key: an
/// image has hundreds of thousands of them.
#[derive(Default)]
pub(super) struct Overlay {
    hasher: RandomState,
    above: Layer,
    /// What the layer that is being read will hide from those below it.
    current: Layer,
}

#[derive(Default)]
struct Layer {
    /// The name and everything below it is hidden.
    gone: HashSet<u64>,
    /// Everything below the name is hidden.
    opaque: HashSet<u64>,
    /// The name is a folder: anything else of that name is hidden.
    folders: HashSet<u64>,
}

impl Overlay {
    /// Notes a member of the current layer; returns whether it is a file, by whatever
    /// of its names, that is seen.
    pub(super) fn sees(&mut self, name: &[u8], kind: MemberKind) -> bool {
        let name = plain(name);
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let slash = name.iter().rposition(|&byte| byte == b'/');
        let (folder, last) = match slash {
            Some(slash) => (&name[..slash], &name[slash + 1..]),
            None => (&[][..], name),
        };
        if last == OPAQUE {
            self.current.opaque.insert(self.hash(folder));
            return false;
        }
        if let Some(hidden) = last.strip_prefix(WHITEOUT) {
            let hidden = if folder.is_empty() {
                hidden.to_vec()
            } else {
                [folder, b"/", hidden].concat()
            };
            self.current.gone.insert(self.hash(&hidden));
            return false;
        }
        let key = self.hash(name);
        let is_folder = kind == MemberKind::Folder;
        let mut hidden = self.above.gone.contains(&key)
            || (!is_folder && self.above.folders.contains(&key))
            || (!name.is_empty() && self.above.opaque.contains(&self.hash(b"")));
        for (at, _) in name.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let parent = self.hash(&name[..at]);
            hidden |= self.above.gone.contains(&parent) || self.above.opaque.contains(&parent);
            self.current.folders.insert(parent);
        }
        if is_folder {
            self.current.folders.insert(key);
        } else {
            self.current.gone.insert(key);
        }
        matches!(kind, MemberKind::File | MemberKind::Link) && !hidden
    }

    /// Goes on with the next layer below.
    pub(super) fn descend(&mut self) {
        let current = std::mem::take(&mut self.current);
        self.above.gone.extend(current.gone);
        self.above.opaque.extend(current.opaque);
        self.above.folders.extend(current.folders);
    }

    fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MemberKind::{File, Folder, Link, Other};

    #[test]
    fn upper_layers_cover_lower_ones() {
        let mut overlay = Overlay::default();
        for (name, kind, seen) in [
            ("./usr/", Folder, false),
            ("usr/new", File, true),
            ("usr/.wh.gone", File, false),
            ("opt/.wh..wh..opq", File, false),
            ("opt/kept", File, true),
            ("link", Other, false),
            ("hard", Link, true),
            ("deep/er/file", File, true),
        ] {
            assert_eq!(overlay.sees(name.as_bytes(), kind), seen, "{name}");
        }
        overlay.descend();
        for (name, seen) in [
            ("usr/new", false),
            ("usr/old", true),
            ("/usr/gone", false),
            ("usr/gone/below", false),
            ("usr/gone2", true),
            ("opt/kept", false),
            ("opt/a/b", false),
            ("optimal", true),
            ("link/inside", false),
            ("hard", false),
            ("deep", false),
            ("deep/er/other", true),
        ] {
            assert_eq!(overlay.sees(name.as_bytes(), File), seen, "{name}");
        }
    }
}
