//! The dynamic section and the strings it names.

use core::ops::ControlFlow;

use goblin::elf::dynamic::{self as dt, dyn32, dyn64};

use super::dynamic::Dynamic;
use super::strings::Strings;
use super::table::{SMALL_CHUNK, Table};
use super::{Error, Object, Source};

/// Entries that a dynamic section may have before it counts as endless. Real
/// ones have tens; each needed library takes one.
const MOST_ENTRIES: u64 = 1 << 16;

impl<S: Source> Object<S> {
    pub(super) fn read_dynamic(&self) -> Result<Option<Dynamic>, Error> {
        let Some(segment) = self.marks()?.dynamic else {
            return Ok(None);
        };
        let mut found = Dynamic {
            offset: segment.offset,
            ..Dynamic::default()
        };
        let bias = self.bias.unwrap_or(0);
        // A section without DT_NULL ends with its segment, as for ld.so.
        let count = segment.filesz / self.dynamic_entry_size() as u64;
        self.entries(segment.offset, count.min(MOST_ENTRIES), |tag, value| {
            if tag == dt::DT_NULL {
                return ControlFlow::Break(());
            }
            found.entries = found.entries.saturating_add(1);
            found.note(tag, value, bias);
            ControlFlow::Continue(())
        })?;
        Ok(Some(found))
    }

    fn dynamic_entry_size(&self) -> usize {
        self.layout.pick(dyn32::SIZEOF_DYN, dyn64::SIZEOF_DYN)
    }

    fn entries<B>(
        &self,
        offset: u64,
        count: u64,
        mut visit: impl FnMut(u64, u64) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let layout = self.layout;
        let size = self.dynamic_entry_size();
        // tag and value are one word each, in both classes
        let table = Table::new(offset, count, size as u64, size as u64)?;
        self.records::<SMALL_CHUNK, _>(table, |_, record| {
            let (tag, value) = record.split_at_checked(size / 2).unwrap_or_default();
            visit(layout.uint(tag), layout.uint(value))
        })
    }

    /// Calls `visit` with every `DT_NEEDED` name, in order, without its NUL,
    /// until it breaks. `buf` holds one name at a time.
    ///
    /// # Errors
    ///
    /// The names before the damage, or before the first that does not fit
    /// `buf`, have been visited.
    pub fn needed<B>(
        &self,
        buf: &mut [u8],
        mut visit: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let Some(dynamic) = self.dynamic()? else {
            return Ok(None);
        };
        let step = |tag, value| {
            if tag != dt::DT_NEEDED {
                return ControlFlow::Continue(());
            }
            match self.dynamic_string(value, buf) {
                Ok(name) => match visit(name) {
                    ControlFlow::Continue(()) => ControlFlow::Continue(()),
                    ControlFlow::Break(value) => ControlFlow::Break(Ok(value)),
                },
                Err(error) => ControlFlow::Break(Err(error)),
            }
        };
        self.entries(dynamic.offset, dynamic.entries, step)?
            .transpose()
    }

    /// Returns `DT_SONAME`, copied to `buf`.
    ///
    /// # Errors
    ///
    /// It cannot be read or does not fit.
    pub fn soname<'b>(&self, buf: &'b mut [u8]) -> Result<Option<&'b [u8]>, Error> {
        self.optional_string(self.dynamic()?.and_then(|dynamic| dynamic.soname), buf)
    }

    /// Returns `DT_RUNPATH`, copied to `buf`.
    ///
    /// # Errors
    ///
    /// It cannot be read or does not fit.
    pub fn runpath<'b>(&self, buf: &'b mut [u8]) -> Result<Option<&'b [u8]>, Error> {
        self.optional_string(self.dynamic()?.and_then(|dynamic| dynamic.runpath), buf)
    }

    /// Returns `DT_RPATH`, copied to `buf`.
    ///
    /// # Errors
    ///
    /// It cannot be read or does not fit.
    pub fn rpath<'b>(&self, buf: &'b mut [u8]) -> Result<Option<&'b [u8]>, Error> {
        self.optional_string(self.dynamic()?.and_then(|dynamic| dynamic.rpath), buf)
    }

    fn optional_string<'b>(
        &self,
        offset: Option<u64>,
        buf: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, Error> {
        offset
            .map(|offset| self.dynamic_string(offset, buf))
            .transpose()
    }

    /// Returns the program interpreter's path, copied to `buf`.
    ///
    /// # Errors
    ///
    /// It cannot be read or does not fit.
    pub fn interpreter<'b>(&self, buf: &'b mut [u8]) -> Result<Option<&'b [u8]>, Error> {
        self.interpreter_segment()?
            .map(|segment| self.string(segment.offset, segment.filesz, buf))
            .transpose()
    }

    fn dynamic_string<'b>(&self, offset: u64, buf: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let strings = self.dynamic_strings()?;
        let rest = strings.size.checked_sub(offset).ok_or(Error::Damaged)?;
        let start = strings.offset.checked_add(offset).ok_or(Error::Damaged)?;
        self.string(start, rest, buf)
    }

    /// Returns the dynamic string table, in the file.
    pub(crate) fn dynamic_strings(&self) -> Result<Strings, Error> {
        let dynamic = self.dynamic()?.ok_or(Error::Damaged)?;
        let (offset, rest) = self.offset_of(dynamic.strtab.ok_or(Error::Damaged)?)?;
        Ok(Strings {
            offset,
            size: dynamic.strsz.min(rest),
        })
    }

    /// Returns the string at file offset `start` that ends within `rest` bytes.
    fn string<'b>(&self, start: u64, rest: u64, buf: &'b mut [u8]) -> Result<&'b [u8], Error> {
        let most = usize::try_from(rest).unwrap_or(usize::MAX);
        let want = buf.len().min(most);
        let target = buf.get_mut(..want).ok_or(Error::Damaged)?;
        let got = self.read_some(start, target)?;
        let held = target.get(..got).unwrap_or_default();
        match held.iter().position(|&byte| byte == 0) {
            Some(end) => Ok(held.get(..end).unwrap_or_default()),
            None if got < want => Err(Error::Truncated),
            None if want < most => Err(Error::TooLong),
            None => Err(Error::Damaged),
        }
    }
}
