//! What a file is, by its first bytes; names only decide what is worth a look.

use super::codec::Codec;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum FileKind {
    /// An ELF object.
    Elf,
    /// A static library: `ar` with object files, or its thin form.
    Archive,
    /// A Debian package.
    Deb,
    /// An RPM package.
    Rpm,
    /// A zip archive, such as a wheel or a jar.
    Zip,
    /// A tar archive, perhaps of an image.
    Tar,
    /// A compressed stream.
    Packed(Codec),
    /// LLVM's intermediate code.
    Bitcode,
    /// Anything else.
    Other,
}

/// Ends of names of compressed streams that may hold ELF objects. A system has
/// tens of thousands of compressed manuals and logs; they are passed over
/// unless they are named.
const STEMS: [&[u8]; 7] = [b".tar", b".ko", b".so", b".o", b".a", b".debug", b".cpio"];

/// Ends of names that stand for one of [`STEMS`] and a codec.
const SHORT: [&[u8]; 9] = [
    b".tgz", b".txz", b".tlz", b".tzst", b".tbz", b".tbz2", b".apk", b".crate", b".conda",
];

const CODECS: [&[u8]; 5] = [b".gz", b".xz", b".zst", b".bz2", b".lzma"];

const PACKAGES: [&[u8]; 7] = [
    b".deb", b".udeb", b".rpm", b".whl", b".zip", b".jar", b".tar",
];

/// Ends of names of what a compiler writes for a link editor. Bitcode has other uses:
/// what is made for graphics processors is never linked here.
const OBJECTS: [&[u8]; 2] = [b".o", b".lo"];

/// Ends of names of zip archives that something else may stand in front of.
const ZIPS: [&[u8]; 12] = [
    b".zip", b".jar", b".war", b".ear", b".aar", b".whl", b".egg", b".pyz", b".pyzw", b".pex",
    b".shiv", b".par",
];

/// Where tar's magic stands in the first header, in bytes.
const USTAR: usize = 257;

impl FileKind {
    /// Returns the kind of a file with this name that starts with `head`; a file that
    /// the user names is looked into whatever it is called.
    pub(in crate::audit) fn of(head: &[u8], name: &[u8], named: bool) -> Self {
        match head {
            [0x7f, b'E', b'L', b'F', ..] => return Self::Elf,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Self::Zip,
            [0xed, 0xab, 0xee, 0xdb, ..] => return Self::Rpm,
            // bare, and in a wrapper
            [b'B', b'C', 0xc0, 0xde, ..] | [0xde, 0xc0, 0x17, 0x0b, ..]
                if named || ends(name, &OBJECTS) =>
            {
                return Self::Bitcode;
            }
            _ => {}
        }
        if let Some(first) = head.strip_prefix(b"!<arch>\n") {
            return if first.starts_with(b"debian-binary") {
                Self::Deb
            } else {
                Self::Archive
            };
        }
        if head.starts_with(b"!<thin>\n") {
            return Self::Archive;
        }
        if head
            .get(USTAR..)
            .is_some_and(|magic| magic.starts_with(b"ustar"))
            || is_old_tar(head)
        {
            return Self::Tar;
        }
        match Codec::of(head) {
            Some(codec) if named || holds_objects(name) => Self::Packed(codec),
            _ => Self::Other,
        }
    }
}

/// Returns whether this is the header of a tar archive from before there was a magic (V7): its
/// checksum is right, in which the field itself counts as blanks.
fn is_old_tar(head: &[u8]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let (Some(header), Some(field)) = (head.get(..512), head.get(FIELD)) else {
        return false;
    };
    if header.first() == Some(&0) {
        return false;
    }
    let digits = field.trim_ascii_start();
    let digits = digits.split(|byte| !(b'0'..=b'7').contains(byte)).next();
    let digits = digits.filter(|digits| !digits.is_empty());
    let said = digits.and_then(|digits| {
        let digits = std::str::from_utf8(digits).ok()?;
        u64::from_str_radix(digits, 8).ok()
    });
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    said == Some(sum(header) - sum(field) + 8 * u64::from(b' '))
}

/// Returns the name of what a compressed file holds.
pub(super) fn stem(name: &[u8]) -> &[u8] {
    let start = name.iter().rposition(|&byte| byte == b'/');
    let name = name.get(start.map_or(0, |slash| slash + 1)..);
    let name = name.unwrap_or_default();
    without_codec(name).unwrap_or(name)
}

fn without_codec(name: &[u8]) -> Option<&[u8]> {
    CODECS.iter().find_map(|codec| name.strip_suffix(*codec))
}

fn ends(name: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|end| name.ends_with(end))
}

fn holds_objects(name: &[u8]) -> bool {
    without_codec(name)
        .is_some_and(|stem| ends(stem, &STEMS) || stem.windows(4).any(|part| part == b".so."))
        || ends(name, &SHORT)
}

/// Ends of names that no object is loaded by, of which zip archives hold tens of
/// thousands: each would have to be unpacked for a look at its first bytes.
const NO_OBJECTS: [&[u8]; 12] = [
    b".class",
    b".java",
    b".py",
    b".pyc",
    b".pyi",
    b".h",
    b".hpp",
    b".html",
    b".js",
    b".json",
    b".properties",
    b".xml",
];

/// Returns whether a member of a zip archive is passed over for its name.
pub(super) fn is_no_object(name: &[u8]) -> bool {
    ends(name, &NO_OBJECTS)
}

/// Returns whether a file that starts as no container does may end as a zip archive does: a
/// script may stand in front of one.
pub(in crate::audit) fn may_end_as_zip(head: &[u8], name: &[u8]) -> bool {
    head.starts_with(b"#!") || ends(name, &ZIPS)
}

/// Returns whether a file of this name may take long.
pub(in crate::audit) fn looks_packed(name: &[u8]) -> bool {
    ends(name, &PACKAGES) || holds_objects(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_are_chosen_by_name() {
        for (name, expected) in [
            ("/lib/modules/a.ko.xz", true),
            ("/x/a.tar.zst", true),
            ("/x/a.tgz", true),
            ("/x/liba.so.1.gz", true),
            ("/usr/share/man/man1/ls.1.gz", false),
            ("/x.ko/log.gz", false),
        ] {
            let kind = FileKind::of(&[0x1f, 0x8b, 8, 0], name.as_bytes(), false);
            assert_eq!(kind == FileKind::Packed(Codec::Gzip), expected, "{name}");
        }
        assert_eq!(stem(b"/x.d/a.ko.xz"), b"a.ko");
        assert_eq!(stem(b"odd"), b"odd");
    }
}
