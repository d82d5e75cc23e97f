//! Packages, archives and images, nested one in another.
//!
//! Containers are streamed; what has to be read at any offset (an ELF object, a
//! zip archive) is kept in memory while it is small and in a temporary file
//! without a name otherwise. Nothing is ever unpacked under a name that a
//! container gives.

mod archive;
mod behind;
mod bytes;
mod codec;
mod cpio;
mod deb;
mod file_kind;
mod image;
mod inflate;
mod member_path;
mod members;
mod names;
mod overlay;
mod read;
mod rpm;
mod tape;
mod unpack;
mod zip;

pub(super) use behind::{Behind, ends_as_zip};
pub(super) use bytes::Bytes;
pub(super) use file_kind::{FileKind, looks_packed, may_end_as_zip};
pub(super) use member_path::MemberPath;
pub(super) use unpack::Unpacker;
