//! Whose memory a registered area is.

use std::cell::OnceCell;

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::facts::{Evidence, TlsLayout};
use tls_model::report::ObjectReport;

use super::image::{Image, Instance};
use super::list::List;
use super::memory::Memory;

/// Bytes that a thread control block may have: glibc 2.36 has 2,304, and more with more
/// features.
const CONTROL_BLOCK: i64 = 8192;

/// Whose memory a registered area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum AreaKind {
    /// An object's `__rseq_abi`.
    #[serde(rename = "__rseq_abi")]
    Symbol,
    /// The libc's own.
    Libc,
    /// The area of librseq (its `__rseq_abi`, which it hides).
    Librseq,
    /// In an object's thread-local storage, under a name that is not known.
    Tls,
    /// Anything else.
    Unknown,
}

impl AreaKind {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Symbol => "__rseq_abi",
            Self::Libc => "libc",
            Self::Librseq => "librseq",
            Self::Tls => "tls",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known about an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) kind: AreaKind,
    /// The object that has it, by its place in the image.
    pub(super) object: Option<usize>,
    /// It is the definition of `__rseq_abi` that the libc, which owns the symbol,
    /// says that it has chosen.
    pub(super) is_libcs_choice: bool,
    pub(super) evidence: Evidence,
}

impl Area {
    pub(super) const UNKNOWN: Self = Self {
        kind: AreaKind::Unknown,
        object: None,
        is_libcs_choice: false,
        evidence: Evidence::Likely,
    };
}

/// Finds whose memory an area is, by its distance from the thread pointer: the
/// same in every thread.
pub(super) struct Locator<'a> {
    image: &'a Image,
    memory: Option<&'a Memory>,
    /// The dynamic linker's list of them.
    list: Option<&'a List>,
    /// Distance from the thread pointer to the start of each object's static TLS block.
    blocks: OnceCell<Vec<Option<i64>>>,
    known: Vec<(i64, Area)>,
}

impl<'a> Locator<'a> {
    pub(super) fn new(
        image: &'a Image,
        memory: Option<&'a Memory>,
        list: Option<&'a List>,
    ) -> Self {
        Self {
            image,
            memory,
            list,
            blocks: OnceCell::new(),
            known: Vec::new(),
        }
    }

    /// Returns the objects that it searches.
    pub(super) fn image(&self) -> &'a Image {
        self.image
    }

    /// Finds whose area begins at `distance` bytes from the thread pointer.
    pub(super) fn locate(&mut self, distance: i64) -> Area {
        if let Some((_, area)) = self.known.iter().find(|(known, _)| *known == distance) {
            return *area;
        }
        let area = self.find(distance);
        self.known.push((distance, area));
        area
    }

    /// Returns the distance of an object's own `__rseq_abi`, where a symbol shows it.
    pub(super) fn distance_of_own(&self, index: usize) -> Option<i64> {
        let value = self.image.objects[index]
            .file
            .report
            .facts
            .definition()?
            .value;
        self.distance(index, value)
    }

    fn find(&self, distance: i64) -> Area {
        // a guest's thread pointer is another
        let objects = || {
            let all = self.image.objects.iter().enumerate();
            all.filter(|(index, _)| !self.image.is_guest(*index))
        };
        let libcs = objects()
            .map(|(index, _)| index)
            .find(|index| self.libc_distance(*index) == Some(distance));
        for (index, object) in objects() {
            if object.file.report.facts.definition().is_some()
                && self.distance_of_own(index) == Some(distance)
            {
                return Area {
                    kind: kind_of(object),
                    object: Some(index),
                    is_libcs_choice: libcs.is_some(),
                    evidence: Evidence::Proved,
                };
            }
        }
        if let Some(index) = libcs {
            // the dynamic linker says where, and the libc has it
            return Area {
                kind: AreaKind::Libc,
                object: self.image.named("libc.so").or(Some(index)),
                is_libcs_choice: false,
                evidence: Evidence::Proved,
            };
        }
        for (index, object) in objects() {
            let Some(tls) = object.file.report.facts.tls else {
                continue;
            };
            let within = self
                .distance(index, 0)
                .and_then(|start| distance.checked_sub(start))
                .is_some_and(|place| u64::try_from(place).is_ok_and(|place| place < tls.memsz));
            if within {
                return in_block_of(index, object);
            }
        }
        let is_in_control_block =
            |layout: TlsLayout| layout.is_in_control_block(distance, CONTROL_BLOCK);
        if self.layout().is_some_and(is_in_control_block) {
            return Area {
                kind: AreaKind::Libc,
                object: self.image.named("libc.so").or(self.image.main),
                is_libcs_choice: false,
                evidence: Evidence::Likely,
            };
        }
        Area::UNKNOWN
    }

    /// Returns where the libc says that its own area is, if this is the object that
    /// says so: the process's own dynamic linker, or a static program.
    fn libc_distance(&self, index: usize) -> Option<i64> {
        let object = &self.image.objects[index];
        let is_main = Some(index) == self.image.main;
        let says = match self.image.linker {
            Some(linker) => index == linker,
            None => object.file.is_named("ld-") || is_main && object.file.report.facts.is_static,
        };
        let variable = object.file.marks.rseq_offset.filter(|_| says)?;
        let address = object.bias.wrapping_add(variable);
        self.memory?.signed(address, object.file.is_narrow())
    }

    /// Returns where the process's machine puts static TLS blocks.
    fn layout(&self) -> Option<TlsLayout> {
        self.image.program()?.file.report.facts.tls_layout()
    }

    /// Returns the distance from the thread pointer to a byte of an object's block.
    fn distance(&self, index: usize, place: u64) -> Option<i64> {
        let blocks = self.blocks.get_or_init(|| self.blocks());
        let block = (*blocks.get(index)?)?;
        Some(block.wrapping_add(place.cast_signed()))
    }

    fn blocks(&self) -> Vec<Option<i64>> {
        let mut blocks = vec![None; self.image.objects.len()];
        let Some(layout) = self.layout() else {
            return blocks;
        };
        if let (Some(list), Some(memory)) = (self.list, self.memory) {
            for (bias, offset) in list.tls_offsets(self.image, memory) {
                for (object, known) in self.image.objects.iter().zip(&mut blocks) {
                    if object.bias == bias && object.file.report.facts.tls.is_some() {
                        *known = Some(layout.block(offset));
                    }
                }
            }
        }
        for (index, object) in self.image.objects.iter().enumerate() {
            let report = &object.file.report;
            let computed = if Some(index) == self.image.main {
                let tls = report.facts.tls.as_ref();
                tls.map(|tls| layout.program_block(tls))
            } else {
                None
            };
            blocks[index] = computed
                .or(blocks[index])
                .or_else(|| self.block_by_slot(object, report));
        }
        blocks
    }

    /// Finds the block by the word that the dynamic linker has filled in for the object's
    /// own accesses.
    fn block_by_slot(&self, object: &Instance, report: &ObjectReport) -> Option<i64> {
        // others' accesses lead to whichever definition won
        if !report.hidden_definition() {
            return None;
        }
        let facts = &report.facts;
        let value = facts.definition()?.value;
        let slot = object.bias.wrapping_add(facts.area_slot?);
        let distance = self.memory?.signed(slot, object.file.is_narrow())?;
        Some(distance.wrapping_sub(value.cast_signed()))
    }
}

/// Returns the area in an object's block of which no symbol says what it is.
fn in_block_of(index: usize, object: &Instance) -> Area {
    let report = &object.file.report;
    let kind = match kind_of(object) {
        AreaKind::Symbol if !report.hidden_definition() => AreaKind::Tls,
        kind => kind,
    };
    Area {
        kind,
        object: Some(index),
        is_libcs_choice: false,
        evidence: Evidence::Likely,
    }
}

fn kind_of(object: &Instance) -> AreaKind {
    if object.file.is_named("libc.so") {
        AreaKind::Libc
    } else if object.file.is_named("librseq.so") {
        AreaKind::Librseq
    } else {
        AreaKind::Symbol
    }
}
