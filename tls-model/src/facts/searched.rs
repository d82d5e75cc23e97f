//! Names that are searched for in string tables.

/// The function that looks a name up, and its form with a version.
pub(super) const LOOKUPS: [&[u8]; 2] = [b"dlsym", b"dlvsym"];

/// Returns names as bytes.
pub(super) const fn as_bytes<const N: usize>(names: [&'static str; N]) -> [&'static [u8]; N] {
    let mut bytes: [&[u8]; N] = [&[]; N];
    let mut index = 0;
    while index < N {
        bytes[index] = names[index].as_bytes();
        index += 1;
    }
    bytes
}
