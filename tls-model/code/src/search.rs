//! Searching the code of a linked object for uses of the area.
//!
//! The whole code of a program may have a hundred megabytes: it goes by in
//! pieces, and only what leads to the area is decoded and followed.

use tls_model::critical::Critical;
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Facts, ObjectKind, TlsModel};

use crate::a64;
use crate::area::{AARCH64, Area, X86_64};
use crate::code::{MOST_SPANS, Reader, Span, spans};
use crate::flow::{Flow, Isa, Piece};
use crate::hits::{Asked, Hits};
use crate::x86;

/// Bytes that are searched at a time.
const CHUNK: usize = 1 << 16;

/// Bytes that a piece shows before and behind its own: the rest of instructions.
const BEFORE: usize = 16;
const BEHIND: usize = 256;

/// Bytes of one object that are searched: the largest programs have some hundred
/// MiB of code, and a hole in a file can be of any size.
const MOST_BYTES: u64 = 4 << 30;

/// What a search came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Searched {
    /// There was code that could be searched.
    pub(crate) done: bool,
    /// All of it was searched, for accesses of every form that is known.
    pub(crate) whole: bool,
    pub(crate) asked: Asked,
}

/// Searches the code of a linked object and notes what uses the area.
pub(crate) fn run<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    critical: &mut Critical,
) -> Result<Searched, Error> {
    let searched = Searched::default();
    let is_64 = facts.layout.class.bits() == 64;
    let is_known = matches!(facts.machine, X86_64 | AARCH64);
    if !area.is_known() || !is_64 || !is_known || facts.kind == ObjectKind::Relocatable {
        return Ok(searched);
    }
    if facts.access.model == Some(TlsModel::GeneralDynamic) && area.slot.is_none() {
        return Ok(searched);
    }
    if facts.machine == X86_64 {
        searched_by::<x86::Follower, S>(object, area, critical)
    } else {
        searched_by::<a64::Follower, S>(object, area, critical)
    }
}

fn searched_by<I: Isa, S: Source>(
    object: &Object<S>,
    area: &Area,
    critical: &mut Critical,
) -> Result<Searched, Error> {
    let spans = spans(object)?;
    let mut hits = Hits::new(critical);
    let mut search = Search {
        object,
        area,
        flow: Flow::<I>::new(area),
        reader: Reader::new(object, &spans),
        left: MOST_BYTES,
    };
    for span in spans.iter().take(MOST_SPANS) {
        search.span(span, &mut hits)?;
    }
    if spans.len() > MOST_SPANS {
        return Err(Error::Damaged);
    }
    let done = !spans.is_empty();
    let searched = Searched {
        done,
        whole: done && !search.flow.gave_up,
        asked: hits.asked,
    };
    critical.followed = searched.whole;
    Ok(searched)
}

struct Search<'a, I: Isa, S> {
    object: &'a Object<S>,
    area: &'a Area,
    flow: Flow<I>,
    reader: Reader<'a, S>,
    /// Bytes that may still be searched.
    left: u64,
}

impl<I: Isa, S: Source> Search<'_, I, S> {
    fn span(&mut self, span: &Span, hits: &mut Hits<'_>) -> Result<(), Error> {
        let mut buf = vec![0; BEFORE + CHUNK + BEHIND];
        let mut done = 0;
        while done < span.len {
            self.left = self.left.checked_sub(CHUNK as u64).ok_or(Error::Damaged)?;
            let before = done.min(BEFORE as u64);
            let wanted = (span.len - done).min((CHUNK + BEHIND) as u64) + before;
            let bytes = buf.get_mut(..wanted as usize).ok_or(Error::Damaged)?;
            let start = done - before;
            let count = self.object.code(span.offset.wrapping_add(start), bytes)?;
            let bytes = bytes.get(..count).unwrap_or_default();
            let address = span.address.wrapping_add(start);
            let piece = Piece {
                bytes,
                address,
                from: before as usize,
                to: count.min(before as usize + CHUNK),
            };
            I::scan(&piece, self.area, |start| {
                self.flow.follow(start, &mut self.reader, hits);
            });
            if count < wanted as usize {
                return Err(Error::Truncated);
            }
            done += CHUNK as u64;
        }
        Ok(())
    }
}
