//! When the facts about an object break a rule.

use crate::critical::Violation;
use crate::facts::{Binding, Evidence, ObjectKind, Role, SymbolName, TlsModel};
use crate::report::ObjectReport;
use crate::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH};
use crate::static_tls;

use super::message::{Detail, Message};

type Check = Option<Message>;

pub(super) fn unloadable_definer(report: &ObjectReport) -> Check {
    let breaks = report.facts.kind == ObjectKind::Shared
        && !report.facts.flags.nodelete
        // nobody unloads the libc
        && !report.facts.is_owning_libc()
        && report.exported_definition().is_some();
    breaks.then(|| {
        "exports __rseq_abi and can be unloaded with the threads' areas in it; \
         link it with -Wl,-z,nodelete"
            .into()
    })
}

pub(super) fn unloadable_client(report: &ObjectReport) -> Check {
    let breaks = report.facts.kind == ObjectKind::Shared
        && !report.facts.flags.nodelete
        && report.brings_client();
    breaks.then(|| {
        "registers its __rseq_abi itself, if anybody does, and can be unloaded with the threads' \
         areas in it; link it with -Wl,-z,nodelete"
            .into()
    })
}

pub(super) fn small_definer(report: &ObjectReport) -> Check {
    if !report.facts.is_linked() {
        return None;
    }
    let definition = report.facts.definition()?;
    if definition.size < u64::from(ORIGINAL_LENGTH) {
        return Some(
            "defines __rseq_abi with less than 32 bytes, which no kernel registers; \
             define it as struct rseq"
                .into(),
        );
    }
    let align = u64::from(ORIGINAL_ALIGN);
    let aligned = report.facts.tls.is_some_and(|tls| tls.align >= align)
        && definition.value.is_multiple_of(align);
    (!aligned).then(|| {
        "defines __rseq_abi without the alignment of 32 bytes that the kernel demands; \
         define it as struct rseq"
            .into()
    })
}

pub(super) fn hidden_definer(report: &ObjectReport) -> Check {
    if !report.brings_client() || report.owns_itself() {
        return None;
    }
    Some(match report.hidden_definition_evidence()? {
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

pub(super) fn definer_binds_to_itself(report: &ObjectReport) -> Check {
    let breaks = report.facts.kind == ObjectKind::Shared && report.facts.binds_to_itself();
    breaks.then(|| {
        "exports __rseq_abi and binds to its own definition (-Bsymbolic or protected): where \
         another comes first, nobody else registers the area that it uses; link it without"
            .into()
    })
}

pub(super) fn not_initial_exec(report: &ObjectReport) -> Check {
    // of an object file the link editor may still choose a better model
    if report.facts.kind == ObjectKind::Relocatable {
        return None;
    }
    let access = report.access();
    let breaks = matches!(
        access.model?,
        TlsModel::GeneralDynamic | TlsModel::LocalDynamic | TlsModel::Tlsdesc
    );
    breaks.then(|| Message {
        text: "gets at __rseq_abi through the dynamic linker, which is not safe in signal handlers \
               and critical sections; declare it with tls_model(\"initial-exec\")",
        detail: access.evidence.map_or(Detail::None, Detail::Access),
    })
}

pub(super) fn static_tls_surplus(report: &ObjectReport) -> Check {
    let needs = static_tls::need_by_dlopen(&report.facts)?;
    let tunable = static_tls::tunable_for(needs)?;
    Some(Message {
        text: "needs more static TLS than the 1664 bytes that glibc keeps for libraries loaded \
               by dlopen, which fails for it; link programs with it",
        detail: Detail::StaticTls { needs, tunable },
    })
}

pub(super) fn weak_reference(report: &ObjectReport) -> Check {
    let refers = |name| {
        let mut symbols = report.facts.symbols.iter();
        symbols.any(|fact| {
            fact.name == name && fact.role == Role::References && fact.binding == Binding::Weak
        })
    };
    let breaks = refers(SymbolName::Abi)
        && !refers(SymbolName::Nobody)
        && report.facts.definition().is_none()
        && report.facts.library.is_none();
    breaks.then(|| {
        "refers to __rseq_abi weakly: where nobody defines it, its address is not null and reads \
         garbage; ask rseq_abi_symbol() of rseq_abi.h, or link with a definition"
            .into()
    })
}

pub(super) fn owns_itself(report: &ObjectReport) -> Check {
    report.owns_itself().then(|| {
        "registers its threads itself (librseq_owner.a), and steps aside where the libc has \
         registered first; start it with rseqctl run"
            .into()
    })
}

pub(super) fn exported_definer(report: &ObjectReport) -> Check {
    let exports = report.facts.is_linked() && report.exported_definition().is_some();
    exports.then(|| {
        if report.facts.is_owning_libc() {
            "is a libc that owns __rseq_abi: it registers the first definition in the program, or \
             else its own, in every thread"
                .into()
        } else {
            "exports __rseq_abi: where it comes first, it is the area of the process".into()
        }
    })
}

pub(super) fn asked_by_name(report: &ObjectReport) -> Check {
    report.code.asked_by_name.iter().next().map(|_| {
        "holds the name of an rseq symbol as a string and can call dlsym: it may look the symbol \
         up at run time (likely, not proved)"
            .into()
    })
}

/// Returns the first of the offences that the object has.
fn offence<const N: usize>(report: &ObjectReport, rows: [(Violation, &'static str); N]) -> Check {
    let critical = report.code.critical?;
    rows.into_iter().find_map(|(violation, text)| {
        Some(Message {
            text,
            detail: Detail::Offence(critical.offence(violation)?),
        })
    })
}

pub(super) fn descriptor(report: &ObjectReport) -> Check {
    offence(
        report,
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

pub(super) fn range(report: &ObjectReport) -> Check {
    offence(
        report,
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

pub(super) fn abort_inside(report: &ObjectReport) -> Check {
    offence(
        report,
        [(
            Violation::AbortInside,
            "has an abort handler inside its own critical section: kernels that check it kill the \
             process, on others the section goes on without protection; move it out",
        )],
    )
}

pub(super) fn signature(report: &ObjectReport) -> Check {
    offence(
        report,
        [(
            Violation::Signature,
            "has an abort handler without the signature that libc and librseq register: an abort \
             kills the thread",
        )],
    )
}

pub(super) fn system_call(report: &ObjectReport) -> Check {
    offence(
        report,
        [(
            Violation::SystemCall,
            "makes a system call in a critical section: kernels that check kill the process",
        )],
    )
}

pub(super) fn call(report: &ObjectReport) -> Check {
    offence(
        report,
        [(
            Violation::Call,
            "calls out of a critical section: a thread that is interrupted there comes back \
             without protection",
        )],
    )
}

pub(super) fn read_only_store(report: &ObjectReport) -> Check {
    offence(
        report,
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

pub(super) fn second_store(report: &ObjectReport) -> Check {
    offence(
        report,
        [(
            Violation::SecondStore,
            "has a critical section that does not end with its committing store: an abort behind \
             it commits twice",
        )],
    )
}

pub(super) fn undecoded(report: &ObjectReport) -> Check {
    offence(
        report,
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
