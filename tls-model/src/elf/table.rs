//! Walking tables of fixed-size records through one small buffer.

use core::ops::ControlFlow;

use super::{Error, Object, Source};

/// Bytes of a long table that are read at a time.
pub(super) const CHUNK: usize = 4096;

/// Bytes of a short table that are read at a time. Short tables are walked
/// while long ones are, and the stack is not ours.
pub(super) const SMALL_CHUNK: usize = 512;

/// No table is walked further than this many bytes: a damaged size in a sparse
/// file must not keep the reader busy. The largest symbol tables known are well
/// below it.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// A table of records in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    /// File offset in bytes.
    pub(super) offset: u64,
    /// Number of records.
    pub(super) count: u64,
    /// Bytes from one record to the next, at least 1.
    stride: u64,
}

impl Table {
    /// Returns a table whose records must have at least `least` bytes each.
    pub(super) fn new(offset: u64, count: u64, stride: u64, least: u64) -> Result<Self, Error> {
        let bytes = count.checked_mul(stride).ok_or(Error::Damaged)?;
        let fits = stride >= least.max(1) && bytes <= MOST_BYTES;
        if count != 0 && (!fits || offset.checked_add(bytes).is_none()) {
            return Err(Error::Damaged);
        }
        Ok(Self {
            offset,
            count,
            stride: stride.max(1),
        })
    }

    /// Reads `size` bytes of records of `stride` bytes; a rest is ignored.
    pub(super) fn from_size(
        offset: u64,
        size: u64,
        stride: u64,
        least: u64,
    ) -> Result<Self, Error> {
        let count = size.checked_div(stride).ok_or(Error::Damaged)?;
        Self::new(offset, count, stride, least)
    }

    /// Returns the file offset of one record, in bytes.
    pub(super) fn offset_of(&self, index: u64) -> Result<u64, Error> {
        index
            .checked_mul(self.stride)
            .and_then(|bytes| bytes.checked_add(self.offset))
            .ok_or(Error::Damaged)
    }
}

impl<S: Source> Object<S> {
    /// Calls `visit` with the index and the bytes of every record until it
    /// breaks, reading up to `SIZE` bytes at a time. Records of a table that
    /// ends too early are visited before the error is returned.
    pub(super) fn records<const SIZE: usize, B>(
        &self,
        table: Table,
        mut visit: impl FnMut(u64, &[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        // new() has seen to it that the stride is not 0; max() tells the compiler
        let stride = usize::try_from(table.stride).unwrap_or(usize::MAX).max(1);
        let per_chunk = (SIZE / stride) as u64;
        if per_chunk == 0 && table.count != 0 {
            return Err(Error::Damaged);
        }
        let mut buf = [0; SIZE];
        self.expect(table.offset, table.count.saturating_mul(table.stride));
        let mut first = 0;
        while first < table.count {
            let wanted = per_chunk.min(table.count.saturating_sub(first)) as usize;
            let bytes = self.bytes_at(
                table.offset_of(first)?,
                wanted.saturating_mul(stride),
                &mut buf,
            )?;
            for (index, record) in bytes.chunks_exact(stride).enumerate() {
                if let ControlFlow::Break(value) = visit(first.saturating_add(index as u64), record)
                {
                    return Ok(Some(value));
                }
            }
            if bytes.len() < wanted.saturating_mul(stride) {
                return Err(Error::Truncated);
            }
            first = first.saturating_add(wanted as u64);
        }
        Ok(None)
    }

    /// Tells the source what will be read, unless the first page has it.
    pub(super) fn expect(&self, offset: u64, len: u64) {
        let in_page = offset
            .checked_add(len)
            .is_some_and(|end| end <= self.page.all().len() as u64);
        if !in_page {
            self.source.expect(offset, len);
        }
    }

    /// Returns up to `len` bytes (at most the buffer's length) at `offset`, from the
    /// first page where it has them; fewer only where the bytes end.
    pub(super) fn bytes_at<'a>(
        &'a self,
        offset: u64,
        len: usize,
        buf: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        let len = len.min(buf.len());
        if let Some(held) = self.page.get(offset, len) {
            return Ok(held);
        }
        let buf = buf.get_mut(..len).ok_or(Error::Damaged)?;
        let count = self.source.read_at(offset, buf)?;
        Ok(buf.get(..count).unwrap_or_default())
    }

    /// Reads into `buf` and says how many bytes there were.
    pub(crate) fn read_some(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        if let Some(held) = self.page.get(offset, buf.len()) {
            // not copy_from_slice, which would bring a panic along
            buf.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
            return Ok(buf.len());
        }
        Ok(self.source.read_at(offset, buf)?.min(buf.len()))
    }

    /// Fills `buf` from `offset`.
    pub(super) fn read_exact(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        if self.read_some(offset, buf)? == buf.len() {
            Ok(())
        } else {
            Err(Error::Truncated)
        }
    }

    /// Returns one unsigned number of `WIDTH` (1, 2, 4 or 8) bytes.
    pub(super) fn read_uint<const WIDTH: usize>(&self, offset: u64) -> Result<u64, Error> {
        let mut buf = [0; WIDTH];
        self.read_exact(offset, &mut buf)?;
        Ok(self.layout.uint(&buf))
    }

    /// Returns one unsigned number as wide as an address.
    pub(super) fn read_word(&self, offset: u64) -> Result<u64, Error> {
        match self.layout.class {
            super::Class::Elf32 => self.read_uint::<4>(offset),
            super::Class::Elf64 => self.read_uint::<8>(offset),
        }
    }
}
