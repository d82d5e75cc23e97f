//! Where code finds `__rseq_abi`.

use std::mem::offset_of;

use tls_model::facts::{Facts, ObjectKind};
use tls_model::rseq::{CPU_ID_REGISTRATION_FAILED, CPU_ID_UNINITIALIZED, Rseq, arch};

use crate::state::Value;

/// `e_machine` of x86-64.
pub(crate) const X86_64: u16 = arch::X86_64.machine;
/// `e_machine` of AArch64.
pub(crate) const AARCH64: u16 = arch::AARCH64.machine;

/// What ties an address to `__rseq_abi`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Area {
    /// Its offset in bytes from the thread pointer, where the object is a
    /// program with a definition of its own.
    pub(crate) offset: Option<i64>,
    /// Address of the word that the dynamic linker fills with that offset.
    pub(crate) slot: Option<u64>,
    /// Address of the pair of words with which a library asks `__tls_get_addr`
    /// for its own storage.
    pub(crate) module: Option<u64>,
    /// Address of the pair of words (TLSDESC) that lead to a function which gives the
    /// area's offset back. Followed on AArch64 only, where compilers ask in this way
    /// by default.
    pub(crate) descriptor: Option<u64>,
    /// Where in that storage a library's own definition is.
    pub(crate) in_storage: Option<i64>,
}

/// Bytes before the area at which a store may start that reaches into it.
pub(crate) const BEFORE_AREA: i64 = 16;

impl Area {
    pub(crate) fn of(facts: &Facts) -> Self {
        let offset = if facts.kind == ObjectKind::Executable && !facts.is_copied_area() {
            thread_offset(facts)
        } else {
            None
        };
        let own = facts.definition().filter(|_| facts.module_slot.is_some());
        Self {
            offset,
            slot: facts.area_slot,
            module: facts.module_slot,
            descriptor: facts.descriptor_slot.filter(|_| facts.machine == AARCH64),
            in_storage: own.map(|definition| definition.value as i64),
        }
    }

    /// Returns what a value is, with an address of the object's own area recognised.
    pub(crate) fn settle(&self, value: Value) -> Value {
        let inside = match value {
            Value::Thread(at) => self.offset.map(|offset| at.wrapping_sub(offset)),
            Value::Storage(at) => self.in_storage.map(|start| at.wrapping_sub(start)),
            _ => None,
        };
        match inside {
            Some(inside @ -16..32) => Value::Area(inside),
            _ => value,
        }
    }

    pub(crate) fn is_known(self) -> bool {
        [self.slot, self.descriptor].iter().any(Option::is_some)
            || self.offset.is_some()
            || self.in_storage.is_some()
    }
}

/// Returns the constant of a program's own accesses.
fn thread_offset(facts: &Facts) -> Option<i64> {
    if ![X86_64, AARCH64].contains(&facts.machine) {
        return None;
    }
    let block = facts.tls_layout()?.program_block(&facts.tls?);
    Some(block.wrapping_add(facts.definition()?.value.cast_signed()))
}

/// The fields of the area that belong to the kernel: offsets and ends in bytes
/// (`cpu_id_start` and `cpu_id`; `node_id` and `mm_cid`).
const READ_ONLY: [(i64, i64); 2] = [
    (
        offset_of!(Rseq, cpu_id_start) as i64,
        offset_of!(Rseq, rseq_cs) as i64,
    ),
    (
        offset_of!(Rseq, node_id) as i64,
        offset_of!(Rseq, slice_ctrl) as i64,
    ),
];

/// Returns whether a store of `size` bytes at `offset` of the area touches a field
/// that belongs to the kernel.
pub(crate) fn is_read_only(offset: i64, size: u64) -> bool {
    let end = offset.saturating_add_unsigned(size.max(1));
    READ_ONLY
        .iter()
        .any(|(from, to)| offset < *to && *from < end)
}

/// Returns whether a store is how a thread that is not registered says so: -1 or -2 to
/// `cpu_id`.
pub(crate) fn is_farewell(offset: i64, size: u64, value: Option<i32>) -> bool {
    let says_so = |value: i32| {
        [CPU_ID_UNINITIALIZED, CPU_ID_REGISTRATION_FAILED].contains(&value.cast_unsigned())
    };
    offset == offset_of!(Rseq, cpu_id) as i64 && size == 4 && value.is_some_and(says_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_owns_four_fields() {
        let owned: Vec<_> = (0..32).step_by(4).map(|at| is_read_only(at, 4)).collect();
        let expected = [true, true, false, false, false, true, true, false];
        assert_eq!(owned, expected);
        assert!(is_read_only(-4, 8) && is_read_only(16, 8));
        assert!(!is_read_only(8, 8) && !is_read_only(-4, 4));
        assert!(is_farewell(4, 4, Some(-1)) && !is_farewell(4, 4, Some(0)));
        assert!(!is_farewell(0, 4, Some(-1)));
    }
}
