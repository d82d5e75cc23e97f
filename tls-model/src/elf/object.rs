//! One ELF object.

use super::page::Page;
use super::segments::{Landmarks, Segment};
use super::{Dynamic, Error, Header, Layout, Source};

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
    landmarks: Result<Landmarks, Error>,
    dynamic: Result<Option<Dynamic>, Error>,
}

impl<S: Source> Object<S> {
    /// Opens an object file.
    ///
    /// # Errors
    ///
    /// [`Error::NotElf`], [`Error::Truncated`] (the header itself is cut),
    /// [`Error::Class`], [`Error::Encoding`] or [`Error::Read`]. Damage behind
    /// the header is no error here but where the damaged part is asked for.
    pub fn open(source: S) -> Result<Self, Error> {
        Self::open_at(source, None)
    }

    /// Opens an object that a dynamic linker has mapped at `bias` (`l_addr` of
    /// its link map: run-time address minus link-time address).
    ///
    /// The source still presents file offsets, translated through the
    /// `PT_LOAD` headers, as the file header and the loaded segments are in
    /// memory; section headers are not. Most dynamic linkers have relocated the
    /// addresses in the dynamic section in place, others and the vDSO have not:
    /// an address at or above a bias other than 0 has the bias subtracted.
    ///
    /// # Errors
    ///
    /// As [`Object::open`].
    pub fn open_loaded(source: S, bias: u64) -> Result<Self, Error> {
        Self::open_at(source, Some(bias))
    }

    fn open_at(source: S, bias: Option<u64>) -> Result<Self, Error> {
        let mut page = Page::EMPTY;
        page.fill(&source)?;
        let (layout, header) = Header::parse(page.all())?;
        let mut object = Self {
            source,
            page,
            layout,
            header,
            bias,
            landmarks: Ok(Landmarks::default()),
            dynamic: Ok(None),
        };
        object.landmarks = object.landmarks();
        object.dynamic = object.read_dynamic();
        Ok(object)
    }

    /// The ELF header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Class and byte order.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The dynamic section, if the object has one.
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

    /// The thread-local storage segment, if the object has one.
    ///
    /// # Errors
    ///
    /// The program headers cannot be read.
    pub fn tls(&self) -> Result<Option<Segment>, Error> {
        self.marks().map(|marks| marks.tls)
    }

    /// The segment that names the program interpreter, if there is one.
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
