//! Reading ELF objects: any class, byte order and machine, in files or in
//! memory, by reads of the tables that are needed and nothing else.
//!
//! Every read is bounded, and nothing here panics on any input: a damaged table
//! is an [`Error`] after its usable part has been used.
//!
//! An [`Object`] takes 4.5 KiB; opening it and reading its facts takes up to
//! about 24 KiB of stack (measured, `x86_64`, optimised).

mod bounded;
mod cursor;
mod dynamic;
mod dynamic_section;
mod error;
mod hash;
mod header;
mod layout;
mod names;
mod notes;
mod object;
mod open;
mod packed;
mod page;
mod relocations;
mod sections;
mod segment;
mod segments;
mod source;
mod strings;
mod symbols;
mod table;
mod windows;

pub use bounded::Bounded;
pub(crate) use cursor::Cursor;
pub use dynamic::{Dynamic, binds_to_itself, is_symbolic};
pub use error::Error;
pub use header::Header;
pub use layout::{Class, Endian, Layout};
pub(crate) use names::Names;
pub use notes::BuildId;
pub use object::Object;
pub use relocations::Relocation;
pub use sections::Section;
pub use segment::Segment;
pub use source::{ReadError, Source};
pub(crate) use strings::Strings;
pub use symbols::Symbol;
pub(crate) use symbols::SymbolTable;
pub(crate) use windows::{MOST_WINDOWS, Window};
