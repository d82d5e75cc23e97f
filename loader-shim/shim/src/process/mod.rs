//! What the kernel and the dynamic linker left in memory: the environment, the
//! auxiliary vector, the loaded objects.
//!
//! | module | concern |
//! |---|---|
//! | [`arguments`] | what the program was started with |
//! | [`program`] | who defines `__rseq_abi` among the objects that it started with |
//! | [`relro`] | writing to what is read-only after relocation |
//! | [`objects`] | the loaded objects, one after another |
//! | [`later`] | whether what came after the start defines a name |
//! | [`walk`] | the dynamic linker's list of them, and the libc's function that shows them |
//! | [`image`] | an object as `tls-model` reads it |
//! | [`tables`] | the tables in which names are looked up |
//! | [`section`] | the dynamic section of an object |
//! | [`loaded`] | one object |

pub mod arguments;
mod image;
mod later;
mod loaded;
mod objects;
mod program;
mod relro;
mod section;
mod tables;
mod walk;

pub use arguments::{Process, has_constructed, is_told};
pub use later::{is_single_threaded, nothing_later_defines};
pub use loaded::Loaded;
pub use objects::{each_next_object, each_object, next_definition};
pub use program::{Program, definitions, is_planned_for};
pub use relro::{rebind_libc, write_protected, write_slots};
pub use section::Section;
pub use tables::{AREA, Name, Tables};
pub use walk::{
    count_at_start, dynamic_section_of, next_at_start, of_dynamic_linker, remember_start,
};
