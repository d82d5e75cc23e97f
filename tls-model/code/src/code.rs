//! The bytes of an object's code by their addresses.

use std::ops::ControlFlow;

use tls_model::elf::{Error, Object, Source};

/// Bytes that are read at a time.
const WINDOW: usize = 1 << 12;

/// Code that can be read anywhere.
pub(crate) trait Code {
    /// Returns the bytes from an address on: some, and none where there is no code.
    fn at(&mut self, address: u64) -> &[u8];
}

/// One segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;

/// Returns the executable segments of a linked object.
pub(crate) fn spans<S: Source>(object: &Object<S>) -> Result<Vec<Span>, Error> {
    spans_with(object, PF_X)
}

/// Returns everything of a linked object that is loaded from its file.
pub(crate) fn loaded<S: Source>(object: &Object<S>) -> Result<Vec<Span>, Error> {
    spans_with(object, 0)
}

fn spans_with<S: Source>(object: &Object<S>, flags: u32) -> Result<Vec<Span>, Error> {
    let mut spans = Vec::new();
    object.segments(|segment| {
        if segment.kind == PT_LOAD && segment.flags & flags == flags && segment.filesz != 0 {
            spans.push(Span {
                address: segment.vaddr,
                offset: segment.offset,
                len: segment.filesz,
            });
        }
        // one more, so that who asks can tell that there are too many
        if spans.len() > MOST_SPANS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(spans)
}

/// Segments that are searched: real objects have some five.
pub(crate) const MOST_SPANS: usize = 64;

/// The code of an object, through a small window.
pub(crate) struct Reader<'a, S> {
    object: &'a Object<S>,
    spans: &'a [Span],
    window: Vec<u8>,
    /// Address of its first byte.
    start: u64,
}

impl<'a, S: Source> Reader<'a, S> {
    pub(crate) fn new(object: &'a Object<S>, spans: &'a [Span]) -> Self {
        Self {
            object,
            spans,
            window: Vec::new(),
            start: 0,
        }
    }

    fn inside(&self, address: u64) -> Option<usize> {
        let inside = usize::try_from(address.checked_sub(self.start)?).ok()?;
        (inside < self.window.len()).then_some(inside)
    }

    /// Bytes that are given, where there are that many: more than an instruction
    /// needs.
    const ENOUGH: usize = 64;
}

impl<S: Source> Code for Reader<'_, S> {
    fn at(&mut self, address: u64) -> &[u8] {
        let has_enough = self
            .inside(address)
            .is_some_and(|inside| self.window.len() - inside >= Self::ENOUGH);
        if !has_enough {
            self.window.clear();
            let span = self
                .spans
                .iter()
                .find(|span| address.wrapping_sub(span.address) < span.len);
            if let Some(span) = span {
                let inside = address.wrapping_sub(span.address);
                // some of what stands before it: loops go back
                let back = inside.min(WINDOW as u64 / 4);
                let len = (span.len - inside).saturating_add(back).min(WINDOW as u64);
                self.window.resize(len as usize, 0);
                self.start = address.wrapping_sub(back);
                let offset = span.offset.wrapping_add(inside - back);
                let read = self.object.code(offset, &mut self.window).unwrap_or(0);
                self.window.truncate(read);
            }
        }
        let inside = self.inside(address);
        inside
            .and_then(|inside| self.window.get(inside..))
            .unwrap_or_default()
    }
}
