//! When the facts about an object break a rule.

use crate::critical::Violation;
use crate::facts::{Evidence, Facts, Kind, TlsModel};
use crate::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH};

use super::{Detail, Message};

/// Bytes of static TLS that glibc keeps free for libraries that `dlopen`
/// brings, all together, at its defaults (four namespaces).
///
/// glibc `elf/dl-tls.c`: (4 - 1) * 192 + 4 * 144 + 512; the same sum before
/// 2.32, then written 64 + 16 * 100.
pub const STATIC_TLS_SURPLUS: u64 = 1664;

/// The share of [`STATIC_TLS_SURPLUS`] that the tunable
/// `glibc.rtld.optional_static_tls` sets, at its default.
pub const OPTIONAL_STATIC_TLS: u64 = 512;

type Check = Option<Message>;

/// The rule is about whole programs.
pub(super) fn of_programs(_: &Facts) -> Check {
    None
}

pub(super) fn unloadable_definer(facts: &Facts) -> Check {
    let breaks = facts.kind == Kind::Shared
        && !facts.flags.nodelete
        // nobody unloads the libc
        && !facts.is_owning_libc()
        && facts.exported_definition().is_some();
    breaks.then(|| {
        "exports __rseq_abi and can be unloaded with the threads' areas in it; \
         link it with -Wl,-z,nodelete"
            .into()
    })
}

pub(super) fn small_definer(facts: &Facts) -> Check {
    if !facts.is_linked() {
        return None;
    }
    let definition = facts.definition()?;
    if definition.size < u64::from(ORIGINAL_LENGTH) {
        return Some(
            "defines __rseq_abi with less than 32 bytes, which no kernel registers; \
             define it as struct rseq"
                .into(),
        );
    }
    let align = u64::from(ORIGINAL_ALIGN);
    let aligned =
        facts.tls.is_some_and(|tls| tls.align >= align) && definition.value.is_multiple_of(align);
    (!aligned).then(|| {
        "defines __rseq_abi without the alignment of 32 bytes that the kernel demands; \
         define it as struct rseq"
            .into()
    })
}

pub(super) fn hidden_definer(facts: &Facts) -> Check {
    if !facts.brings_client() {
        return None;
    }
    Some(match facts.hidden_definition_evidence()? {
        Evidence::Proved => {
            "defines __rseq_abi without exporting it: its own registration fails (EINVAL) where \
             the libc has registered first, and it stays on its slow path; start it with rseqctl \
             run"
            .into()
        }
        Evidence::Likely => {
            "probably defines __rseq_abi without exporting it (it is stripped and has critical \
             sections): its own registration fails (EINVAL) where the libc has registered first, \
             and it stays on its slow path; start it with rseqctl run"
                .into()
        }
    })
}

pub(super) fn not_initial_exec(facts: &Facts) -> Check {
    // of an object file the link editor may still choose a better model
    if facts.kind == Kind::Relocatable {
        return None;
    }
    let breaks = matches!(
        facts.tls_model?,
        TlsModel::GeneralDynamic | TlsModel::LocalDynamic | TlsModel::Tlsdesc
    );
    breaks.then(|| Message {
        text: "gets at __rseq_abi through the dynamic linker, which is not safe in signal handlers \
               and critical sections; declare it with tls_model(\"initial-exec\")",
        detail: facts.tls_evidence.map_or(Detail::None, Detail::Access),
    })
}

/// Bytes of static TLS that a library takes when it is loaded: its size, and
/// what its alignment may cost.
#[must_use]
pub fn static_tls_need(facts: &Facts) -> Option<u64> {
    let tls = facts.tls?;
    tls.memsz
        .checked_next_multiple_of(tls.align.max(1))
        .or(Some(tls.memsz))
}

/// Bytes that a library takes of the [`STATIC_TLS_SURPLUS`] when `dlopen` brings
/// it; nothing where its thread-local storage need not be static.
#[must_use]
pub fn static_tls_by_dlopen(facts: &Facts) -> Option<u64> {
    let is_static = facts.flags.static_tls || facts.tls_model == Some(TlsModel::InitialExec);
    (facts.kind == Kind::Shared && is_static)
        .then(|| static_tls_need(facts))
        .flatten()
}

pub(super) fn static_tls_surplus(facts: &Facts) -> Check {
    let needs = static_tls_by_dlopen(facts).filter(|&needs| needs > STATIC_TLS_SURPLUS)?;
    Some(Message {
        text: "needs more static TLS than the 1664 bytes that glibc keeps for libraries loaded \
               by dlopen, which fails for it; link programs with it",
        detail: Detail::StaticTls {
            needs,
            tunable: needs
                .saturating_sub(STATIC_TLS_SURPLUS)
                .saturating_add(OPTIONAL_STATIC_TLS),
        },
    })
}

pub(super) fn exported_definer(facts: &Facts) -> Check {
    let exports = facts.is_linked() && facts.exported_definition().is_some();
    exports.then(|| {
        if facts.is_owning_libc() {
            "is a libc that owns __rseq_abi: it registers the first definition in the program, or \
             else its own, in every thread"
                .into()
        } else {
            "exports __rseq_abi: where it comes first, it is the area of the process".into()
        }
    })
}

pub(super) fn asked_by_name(facts: &Facts) -> Check {
    facts.asked_by_name.iter().next().map(|_| {
        "holds the name of an rseq symbol as a string and can call dlsym: it may look the symbol \
         up at run time (likely, not proved)"
            .into()
    })
}

/// The first of the offences that the object has.
fn offence<const N: usize>(facts: &Facts, rows: [(Violation, &'static str); N]) -> Check {
    let critical = facts.critical?;
    rows.into_iter().find_map(|(violation, text)| {
        Some(Message {
            text,
            detail: Detail::Offence(critical.offence(violation)?),
        })
    })
}

pub(super) fn descriptor(facts: &Facts) -> Check {
    offence(
        facts,
        [
            (
                Violation::Version,
                "has a critical section of a version other than 0: kernels that check it kill the \
                 process; leave it 0",
            ),
            (
                Violation::Flags,
                "has a critical section with flags: kernels that check them (Linux 6.1 to 6.18 always) \
                 kill the process; leave them 0",
            ),
        ],
    )
}

pub(super) fn range(facts: &Facts) -> Check {
    offence(
        facts,
        [
            (
                Violation::Range,
                "has a critical section that is not a range of its code: it protects nothing",
            ),
            (
                Violation::Pointer,
                "has a pointer in __rseq_cs_ptr_array that leads to no critical section",
            ),
        ],
    )
}

pub(super) fn abort_inside(facts: &Facts) -> Check {
    offence(
        facts,
        [(
            Violation::AbortInside,
            "has an abort handler inside its own critical section: kernels that check it kill the \
             process, on others the section goes on without protection; move it out",
        )],
    )
}

pub(super) fn signature(facts: &Facts) -> Check {
    offence(
        facts,
        [(
            Violation::Signature,
            "has an abort handler without the signature that libc and librseq register: an abort \
             kills the thread",
        )],
    )
}

pub(super) fn system_call(facts: &Facts) -> Check {
    offence(
        facts,
        [(
            Violation::SystemCall,
            "makes a system call in a critical section: kernels that check kill the process",
        )],
    )
}

pub(super) fn call(facts: &Facts) -> Check {
    offence(
        facts,
        [(
            Violation::Call,
            "calls out of a critical section: a thread that is interrupted there comes back \
             without protection",
        )],
    )
}

pub(super) fn read_only_store(facts: &Facts) -> Check {
    offence(
        facts,
        [
            (
                Violation::ReadOnlyStore,
                "stores in a critical section to a field of __rseq_abi that belongs to the kernel: \
                 SIGSEGV under a registration longer than 32 bytes; register exactly 32",
            ),
            (
                Violation::StrayStore,
                "stores to a field of __rseq_abi that belongs to the kernel: SIGSEGV under a \
                 registration longer than 32 bytes; register exactly 32",
            ),
        ],
    )
}

pub(super) fn second_store(facts: &Facts) -> Check {
    offence(
        facts,
        [(
            Violation::SecondStore,
            "has a critical section that does not end with its committing store: an abort behind \
             it commits twice",
        )],
    )
}

pub(super) fn undecoded(facts: &Facts) -> Check {
    offence(
        facts,
        [
            (
                Violation::Undecoded,
                "has a critical section with bytes that are no instructions; the rest of it was \
                 not looked at",
            ),
            (
                Violation::NoDecoder,
                "has a critical section for a machine whose instructions are not decoded here; \
                 its code was not looked at",
            ),
        ],
    )
}
