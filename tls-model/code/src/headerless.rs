//! Critical sections of an object without section headers: nothing names them,
//! so they are looked for.
//!
//! An abort handler has the signature before it, and a descriptor, 32 bytes at a
//! multiple of 32, says where the handler is. Both together are no accident, but
//! no proof either.

use std::collections::BTreeSet;
use std::mem::offset_of;
use std::ops::ControlFlow;

use tls_model::critical::signature_of;
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Damage, Facts};
use tls_model::rseq::RseqCs;

use crate::code::{Span, loaded, spans};

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 16;

/// Bytes that are searched in one object, for handlers and for descriptors.
const MOST_BYTES: u64 = 1 << 30;

/// Abort handlers, and descriptors, that are kept.
const MOST: usize = 1 << 12;

/// Bytes of a descriptor, where in it the abort handler stands, and how wide
/// that is (`struct rseq_cs`).
const SIZE: u64 = size_of::<RseqCs>() as u64;
const ABORT: usize = offset_of!(RseqCs, abort_ip);
const WIDTH: usize = 8;

/// Returns whether critical sections can be found in no other way.
pub(crate) fn is_needed<S: Source>(object: &Object<S>, facts: &Facts) -> bool {
    facts.is_linked()
        && facts.sections.is_empty()
        && (!object.has_sections() || facts.damage.contains(Damage::SECTIONS))
}

/// Addresses that are likely to be those of descriptors.
pub(crate) fn descriptors<S: Source>(object: &Object<S>, facts: &Facts) -> Result<Vec<u64>, Error> {
    let Some(signature) = signature_of(facts.machine, facts.layout) else {
        return Ok(Vec::new());
    };
    let mut handlers = BTreeSet::new();
    let mut left = MOST_BYTES;
    for span in spans(object)? {
        pieces(object, &span, 4, &mut left, |address, bytes| {
            for (at, four) in bytes.windows(4).enumerate() {
                if facts.layout.uint(four) == u64::from(signature) && handlers.len() < MOST {
                    handlers.insert(address.wrapping_add(at as u64 + 4));
                }
            }
        })?;
    }
    if handlers.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = BTreeSet::new();
    // as the dynamic linker will write them
    object.relocations(|relocation| {
        let descriptor = relocation.offset.wrapping_sub(ABORT as u64);
        let leads = relocation
            .addend
            .is_some_and(|addend| handlers.contains(&addend));
        if leads && descriptor.is_multiple_of(SIZE) && found.len() < MOST {
            found.insert(descriptor);
        }
        ControlFlow::<()>::Continue(())
    })?;
    // as they stand in the file: at fixed addresses, or to be moved in place
    left = MOST_BYTES;
    for span in loaded(object)? {
        pieces(object, &span, SIZE as usize, &mut left, |address, bytes| {
            let first = (address.wrapping_neg() % SIZE) as usize;
            let rest = bytes.get(first..).unwrap_or_default();
            for (number, descriptor) in rest.chunks_exact(SIZE as usize).enumerate() {
                let abort = descriptor.get(ABORT..ABORT + WIDTH).unwrap_or_default();
                if handlers.contains(&facts.layout.uint(abort)) && found.len() < MOST {
                    let inside = first as u64 + number as u64 * SIZE;
                    found.insert(address.wrapping_add(inside));
                }
            }
        })?;
    }
    Ok(found.into_iter().collect())
}

/// Shows a segment piece by piece; each begins with the last `overlap` bytes of
/// the one before. Where the file ends too early, so does that.
fn pieces<S: Source>(
    object: &Object<S>,
    span: &Span,
    overlap: usize,
    left: &mut u64,
    mut see: impl FnMut(u64, &[u8]),
) -> Result<(), Error> {
    let mut buf = vec![0; CHUNK];
    let mut done = 0;
    let len = span.len.min(*left);
    *left -= len;
    while done < len {
        let wanted = (len - done).min(CHUNK as u64) as usize;
        let bytes = buf.get_mut(..wanted).unwrap_or_default();
        let count = object.code(span.offset.wrapping_add(done), bytes)?;
        see(
            span.address.wrapping_add(done),
            bytes.get(..count).unwrap_or_default(),
        );
        if count < wanted || done + wanted as u64 == len {
            break;
        }
        done += (wanted - overlap) as u64;
    }
    Ok(())
}
