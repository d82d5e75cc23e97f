//! The static TLS that glibc keeps for libraries that `dlopen` brings.

use crate::facts::{Facts, ObjectKind, TlsModel};

/// Bytes that glibc keeps for them, all together, at its defaults.
pub const SURPLUS: u64 = surplus(NAMESPACES, OPTIONAL);

/// The share of it that the tunable `glibc.rtld.optional_static_tls` sets, at
/// its default.
pub const OPTIONAL: u64 = 512;

/// `glibc.rtld.nns`, at its default.
pub const NAMESPACES: u64 = 4;

/// Returns the bytes that glibc keeps under two of its tunables:
/// `glibc.rtld.nns` and `glibc.rtld.optional_static_tls`.
///
/// glibc `elf/dl-tls.c`, `init_static_tls`. At the defaults it is the sum of
/// glibc before 2.32, too, then written 64 + 16 * 100.
#[must_use]
pub const fn surplus(namespaces: u64, optional: u64) -> u64 {
    /// For the libc of each further namespace.
    const LIBC: u64 = 192;
    /// For the libraries that the libc itself loads, in each namespace.
    const INTERNAL: u64 = 144;

    let of_libcs = namespaces.saturating_sub(1).saturating_mul(LIBC);
    of_libcs
        .saturating_add(namespaces.saturating_mul(INTERNAL))
        .saturating_add(optional)
}

/// Returns the value of `glibc.rtld.optional_static_tls` with which glibc grants
/// that many bytes to libraries that `dlopen` brings; `None` where it does so by
/// default.
#[must_use]
pub const fn tunable_for(bytes: u64) -> Option<u64> {
    match bytes.checked_sub(SURPLUS) {
        None | Some(0) => None,
        Some(more) => Some(more.saturating_add(OPTIONAL)),
    }
}

/// Returns the bytes of static TLS that a library takes when it is loaded: its
/// size, and what its alignment may cost.
#[must_use]
pub fn need(facts: &Facts) -> Option<u64> {
    let tls = facts.tls?;
    tls.memsz
        .checked_next_multiple_of(tls.align.max(1))
        .or(Some(tls.memsz))
}

/// Returns the bytes that a library takes of the [`SURPLUS`] when `dlopen` brings
/// it; `None` where its thread-local storage need not be static.
#[must_use]
pub fn need_by_dlopen(facts: &Facts) -> Option<u64> {
    let is_static = facts.flags.static_tls || facts.access.model == Some(TlsModel::InitialExec);
    (facts.kind == ObjectKind::Shared && is_static)
        .then(|| need(facts))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_glibc() {
        assert_eq!(SURPLUS, 1664);
        assert_eq!(SURPLUS, 64 + 16 * 100);
        assert_eq!(tunable_for(SURPLUS), None);
        assert_eq!(tunable_for(SURPLUS + 1), Some(513));
    }
}
