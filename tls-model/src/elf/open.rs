//! Opening an object.

use super::page::Page;
use super::segment::Landmarks;
use super::{Error, Header, Object, Source};

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
}
