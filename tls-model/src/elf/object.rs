//! One ELF object.

use super::dynamic::Dynamic;
use super::page::Page;
use super::segment::{Landmarks, Segment};
use super::{Error, Header, Layout, Source};

/// One ELF object, read through a [`Source`].
///
/// Opening reads the first 4 KiB and the dynamic section; everything else is
/// read when it is asked for.
#[derive(Clone, Debug)]
pub struct Object<S> {
    pub(super) source: S,
    pub(super) page: Page,
    pub(super) layout: Layout,
    pub(super) header: Header,
    /// Load bias, where the object is mapped by a dynamic linker.
    pub(super) bias: Option<u64>,
    pub(super) landmarks: Result<Landmarks, Error>,
    pub(super) dynamic: Result<Option<Dynamic>, Error>,
}

impl<S: Source> Object<S> {
    /// Returns the ELF header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns class and byte order.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the dynamic section, if the object has one.
    ///
    /// # Errors
    ///
    /// It cannot be read or does not end.
    pub fn dynamic(&self) -> Result<Option<&Dynamic>, Error> {
        match &self.dynamic {
            Ok(dynamic) => Ok(dynamic.as_ref()),
            Err(error) => Err(*error),
        }
    }

    /// Returns where its headers say that it ends in the file, in bytes. Something else
    /// may stand behind it.
    #[must_use]
    pub fn end(&self) -> u64 {
        let header = &self.header;
        let sections = header.shnum.saturating_mul(header.shentsize);
        let mut end = header.shoff.saturating_add(sections);
        let walked = self.segments(|segment| {
            end = end.max(segment.offset.saturating_add(segment.filesz));
            core::ops::ControlFlow::<()>::Continue(())
        });
        // without them nobody knows
        walked.map_or(u64::MAX, |_| end)
    }

    /// Returns the thread-local storage segment, if the object has one.
    ///
    /// # Errors
    ///
    /// The program headers cannot be read.
    pub fn tls(&self) -> Result<Option<Segment>, Error> {
        self.marks().map(|marks| marks.tls)
    }

    /// Returns the segment that names the program interpreter, if there is one.
    ///
    /// # Errors
    ///
    /// The program headers cannot be read.
    pub fn interpreter_segment(&self) -> Result<Option<Segment>, Error> {
        self.marks().map(|marks| marks.interp)
    }

    pub(super) fn marks(&self) -> Result<&Landmarks, Error> {
        self.landmarks.as_ref().map_err(|error| *error)
    }
}
