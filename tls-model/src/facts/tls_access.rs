//! How an object accesses `__rseq_abi`.

use goblin::elf::header as h;
use goblin::elf::reloc as r;

/// How an object accesses a thread-local variable ("ELF Handling For
/// Thread-Local Storage", section 4, and the TLS descriptor papers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsModel {
    /// One load of an offset that is fixed when the program starts. The only
    /// model that is safe in a critical section and in a signal handler, in a
    /// library.
    InitialExec,
    /// A constant offset: a program's own variable.
    LocalExec,
    /// A call of `__tls_get_addr` with module and offset.
    GeneralDynamic,
    /// A call of `__tls_get_addr` for the module, offsets in the code.
    LocalDynamic,
    /// A call through a TLS descriptor.
    Tlsdesc,
    /// It is used, and nothing says how.
    Unknown,
}

impl TlsModel {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitialExec => "initial-exec",
            Self::LocalExec => "local-exec",
            Self::GeneralDynamic => "general-dynamic",
            Self::LocalDynamic => "local-dynamic",
            Self::Tlsdesc => "tlsdesc",
            Self::Unknown => "unknown",
        }
    }
}

/// How the TLS model of an object is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelEvidence {
    /// A relocation says it, or an access that was decoded in a critical
    /// section.
    Proved,
    /// The code was searched: it was found so, or no use was found.
    Likely,
    /// Nothing else is possible if the area is used as usual; the code was not
    /// looked at, or could not be read.
    Assumed,
}

impl ModelEvidence {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Likely => "likely",
            Self::Assumed => "assumed",
        }
    }
}

/// How an object accesses `__rseq_abi`, and how that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsAccess {
    /// The model; none where it does not use it.
    pub model: Option<TlsModel>,
    /// How that is known; none where nothing is: it neither defines nor refers
    /// to `__rseq_abi`, or the model is unknown.
    pub evidence: Option<ModelEvidence>,
    /// Further models, each proved by a relocation.
    pub others: TlsModels,
}

/// What a dynamic relocation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsRequest {
    /// A copy of the variable.
    Copy,
    /// The variable's offset from the thread pointer.
    ThreadOffset,
    /// The module's number; the offset in the module stands beside it.
    Module,
    /// A TLS descriptor.
    Descriptor,
}

/// One machine's dynamic relocations that matter here.
struct Relocations {
    machine: u16,
    copy: &'static [u32],
    thread_offset: &'static [u32],
    module: &'static [u32],
    descriptor: &'static [u32],
}

/// Sources: the processor supplements of the ABI, as goblin lists them. 32-bit
/// and 64-bit ABIs of one machine share a row where their numbers do not clash.
const MACHINES: [Relocations; 9] = [
    Relocations {
        machine: h::EM_X86_64,
        copy: &[r::R_X86_64_COPY],
        thread_offset: &[r::R_X86_64_TPOFF64, r::R_X86_64_TPOFF32],
        module: &[r::R_X86_64_DTPMOD64],
        descriptor: &[r::R_X86_64_TLSDESC],
    },
    Relocations {
        machine: h::EM_386,
        copy: &[r::R_386_COPY],
        thread_offset: &[r::R_386_TLS_TPOFF, r::R_386_TLS_TPOFF32],
        module: &[r::R_386_TLS_DTPMOD32],
        descriptor: &[r::R_386_TLS_DESC],
    },
    Relocations {
        machine: h::EM_AARCH64,
        copy: &[r::R_AARCH64_COPY, r::R_AARCH64_P32_COPY],
        thread_offset: &[r::R_AARCH64_TLS_TPREL, r::R_AARCH64_P32_TLS_TPREL],
        module: &[r::R_AARCH64_TLS_DTPMOD, r::R_AARCH64_P32_TLS_DTPMOD],
        descriptor: &[r::R_AARCH64_TLSDESC, r::R_AARCH64_P32_TLSDESC],
    },
    Relocations {
        machine: h::EM_ARM,
        copy: &[r::R_ARM_COPY],
        thread_offset: &[r::R_ARM_TLS_TPOFF32],
        module: &[r::R_ARM_TLS_DTPMOD32],
        descriptor: &[R_ARM_TLS_DESC],
    },
    Relocations {
        machine: h::EM_RISCV,
        copy: &[r::R_RISCV_COPY],
        thread_offset: &[r::R_RISCV_TLS_TPREL32, r::R_RISCV_TLS_TPREL64],
        module: &[r::R_RISCV_TLS_DTPMOD32, r::R_RISCV_TLS_DTPMOD64],
        descriptor: &[R_RISCV_TLSDESC],
    },
    Relocations {
        machine: h::EM_LOONGARCH,
        copy: &[r::R_LARCH_COPY],
        thread_offset: &[r::R_LARCH_TLS_TPREL32, r::R_LARCH_TLS_TPREL64],
        module: &[r::R_LARCH_TLS_DTPMOD32, r::R_LARCH_TLS_DTPMOD64],
        descriptor: &[R_LARCH_TLS_DESC32, R_LARCH_TLS_DESC64],
    },
    Relocations {
        machine: h::EM_PPC,
        copy: &[r::R_PPC_COPY],
        thread_offset: &[r::R_PPC_TPREL32],
        module: &[r::R_PPC_DTPMOD32],
        descriptor: &[],
    },
    Relocations {
        machine: h::EM_PPC64,
        copy: &[r::R_PPC64_COPY],
        thread_offset: &[r::R_PPC64_TPREL64],
        module: &[r::R_PPC64_DTPMOD64],
        descriptor: &[],
    },
    Relocations {
        machine: h::EM_S390,
        copy: &[R_390_COPY],
        thread_offset: &[R_390_TLS_TPOFF],
        module: &[R_390_TLS_DTPMOD],
        descriptor: &[],
    },
];

// Numbers that goblin lacks, from the same supplements.
const R_ARM_TLS_DESC: u32 = 13;
const R_RISCV_TLSDESC: u32 = 12;
const R_LARCH_TLS_DESC32: u32 = 13;
const R_LARCH_TLS_DESC64: u32 = 14;
const R_390_COPY: u32 = 9;
const R_390_TLS_DTPMOD: u32 = 54;
const R_390_TLS_TPOFF: u32 = 56;

fn of_machine(machine: u16) -> Option<&'static Relocations> {
    MACHINES.iter().find(|row| row.machine == machine)
}

/// Returns whether the machine's relocations are known here.
pub(super) fn is_known(machine: u16) -> bool {
    of_machine(machine).is_some()
}

/// Returns what a relocation of a machine asks for, if it is one that matters here.
pub(super) fn request(machine: u16, kind: u32) -> Option<TlsRequest> {
    let row = of_machine(machine)?;
    [
        (row.copy, TlsRequest::Copy),
        (row.thread_offset, TlsRequest::ThreadOffset),
        (row.module, TlsRequest::Module),
        (row.descriptor, TlsRequest::Descriptor),
    ]
    .into_iter()
    .find(|(kinds, _)| kinds.contains(&kind))
    .map(|(_, request)| request)
}

/// TLS access models, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsModels(u8);

impl TlsModels {
    /// From the one furthest from initial-exec on, and then the one that no
    /// library can use.
    const ORDER: [TlsModel; 5] = [
        TlsModel::GeneralDynamic,
        TlsModel::Tlsdesc,
        TlsModel::InitialExec,
        TlsModel::LocalDynamic,
        TlsModel::LocalExec,
    ];

    const fn bit(model: TlsModel) -> u8 {
        1 << model as u8
    }

    pub(super) fn insert(&mut self, model: TlsModel) {
        self.0 |= Self::bit(model);
    }

    pub(super) fn remove(&mut self, model: TlsModel) {
        self.0 &= !Self::bit(model);
    }

    /// Returns the models, in the order in which they count.
    pub fn iter(self) -> impl Iterator<Item = TlsModel> {
        let is_in = move |model: &TlsModel| self.0 & Self::bit(*model) != 0;
        Self::ORDER.into_iter().filter(is_in)
    }
}

/// What relocations show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The models of accesses to `__rseq_abi`.
    pub(super) models: TlsModels,
    /// The object asks for its own module number for some variable or other.
    pub(super) own_module: bool,
}

impl Seen {
    /// Returns the model to report: of several, the first that counts.
    ///
    /// A request for the module alone may be meant for any variable of the
    /// object, so it counts only where nothing else explains the use of a
    /// library.
    pub(super) fn model(self) -> Option<(TlsModel, ModelEvidence)> {
        use ModelEvidence::{Assumed, Proved};
        let first = self.models.iter().next();
        match first {
            None | Some(TlsModel::LocalExec) if self.own_module => {
                Some((TlsModel::LocalDynamic, Assumed))
            }
            _ => first.map(|model| (model, Proved)),
        }
    }

    /// Returns the models that show besides the one that is reported.
    pub(super) fn others(self, reported: TlsModel) -> TlsModels {
        let mut others = self.models;
        others.remove(reported);
        others
    }
}

/// What a relocation of an object file asks the link editor for, by machine,
/// first and last number of a range. Sources: as for [`MACHINES`].
const LINK_ACCESSES: [(u16, u32, u32, TlsModel); 51] = [
    (h::EM_X86_64, 19, 19, TlsModel::GeneralDynamic),
    (h::EM_X86_64, 20, 21, TlsModel::LocalDynamic),
    (h::EM_X86_64, 22, 22, TlsModel::InitialExec),
    (h::EM_X86_64, 23, 23, TlsModel::LocalExec),
    (h::EM_X86_64, 34, 35, TlsModel::Tlsdesc),
    (h::EM_X86_64, 17, 17, TlsModel::LocalDynamic),
    (h::EM_X86_64, 18, 18, TlsModel::LocalExec),
    (h::EM_X86_64, 44, 44, TlsModel::InitialExec),
    (h::EM_X86_64, 45, 45, TlsModel::Tlsdesc),
    (h::EM_386, 15, 16, TlsModel::InitialExec),
    (h::EM_386, 17, 17, TlsModel::LocalExec),
    (h::EM_386, 18, 18, TlsModel::GeneralDynamic),
    (h::EM_386, 19, 19, TlsModel::LocalDynamic),
    (h::EM_386, 24, 27, TlsModel::GeneralDynamic),
    (h::EM_386, 28, 32, TlsModel::LocalDynamic),
    (h::EM_386, 33, 33, TlsModel::InitialExec),
    (h::EM_386, 34, 34, TlsModel::LocalExec),
    (h::EM_386, 39, 40, TlsModel::Tlsdesc),
    (h::EM_AARCH64, 512, 516, TlsModel::GeneralDynamic),
    (h::EM_AARCH64, 517, 538, TlsModel::LocalDynamic),
    (h::EM_AARCH64, 539, 543, TlsModel::InitialExec),
    (h::EM_AARCH64, 544, 559, TlsModel::LocalExec),
    (h::EM_AARCH64, 560, 569, TlsModel::Tlsdesc),
    (h::EM_AARCH64, 570, 571, TlsModel::LocalExec),
    (h::EM_AARCH64, 572, 573, TlsModel::LocalDynamic),
    (h::EM_ARM, 104, 104, TlsModel::GeneralDynamic),
    (h::EM_ARM, 105, 106, TlsModel::LocalDynamic),
    (h::EM_ARM, 107, 107, TlsModel::InitialExec),
    (h::EM_ARM, 108, 108, TlsModel::LocalExec),
    (h::EM_ARM, 90, 92, TlsModel::Tlsdesc),
    (h::EM_RISCV, 21, 21, TlsModel::InitialExec),
    (h::EM_RISCV, 22, 22, TlsModel::GeneralDynamic),
    (h::EM_RISCV, 29, 32, TlsModel::LocalExec),
    (h::EM_RISCV, 62, 65, TlsModel::Tlsdesc),
    (h::EM_LOONGARCH, 83, 86, TlsModel::LocalExec),
    (h::EM_LOONGARCH, 87, 94, TlsModel::InitialExec),
    (h::EM_LOONGARCH, 95, 96, TlsModel::LocalDynamic),
    (h::EM_LOONGARCH, 97, 98, TlsModel::GeneralDynamic),
    (h::EM_LOONGARCH, 111, 120, TlsModel::Tlsdesc),
    (h::EM_PPC64, 69, 72, TlsModel::LocalExec),
    (h::EM_PPC64, 79, 82, TlsModel::GeneralDynamic),
    (h::EM_PPC64, 83, 86, TlsModel::LocalDynamic),
    (h::EM_PPC64, 87, 90, TlsModel::InitialExec),
    (h::EM_S390, 37, 37, TlsModel::InitialExec),
    (h::EM_S390, 38, 38, TlsModel::GeneralDynamic),
    (h::EM_S390, 39, 39, TlsModel::LocalDynamic),
    (h::EM_S390, 40, 41, TlsModel::GeneralDynamic),
    (h::EM_S390, 42, 44, TlsModel::InitialExec),
    (h::EM_S390, 45, 46, TlsModel::LocalDynamic),
    (h::EM_S390, 47, 49, TlsModel::InitialExec),
    (h::EM_S390, 50, 51, TlsModel::LocalExec),
];

/// Returns whether the machine's link-time relocations are known here.
pub(super) fn has_link_access(machine: u16) -> bool {
    LINK_ACCESSES.iter().any(|(known, ..)| *known == machine)
}

/// Returns the model that a relocation of an object file belongs to.
pub(super) fn link_access(machine: u16, kind: u32) -> Option<TlsModel> {
    LINK_ACCESSES
        .iter()
        .find(|(known, first, last, _)| *known == machine && (*first..=*last).contains(&kind))
        .map(|(.., model)| *model)
}
