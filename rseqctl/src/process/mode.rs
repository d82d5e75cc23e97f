//! In which mode the kernel keeps a registered area.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::facts::Evidence;
use tls_model::rseq::ORIGINAL_LENGTH;

use crate::kernel::{self, Field, Keep};
use crate::sys::machine;

/// How the kernel keeps the ids of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum KernelMode {
    /// It writes them whenever the thread was interrupted.
    Legacy,
    /// It writes them when they change.
    Optimized,
}

impl KernelMode {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Optimized => "optimized",
        }
    }
}

/// What is known about the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kernel {
    /// `AT_RSEQ_FEATURE_SIZE`.
    feature_size: Option<u32>,
    /// What becomes of a changed `cpu_id_start` under a registration of 32
    /// bytes, where that was seen.
    seen: Option<Field>,
}

impl Kernel {
    /// Returns what is known about this kernel: as the doctor remembers it, else tried now.
    pub(super) fn here() -> Self {
        Self {
            feature_size: machine::rseq_feature_size(),
            seen: kernel::probe_kernel(Keep::Kept, kernel::QUICK)
                .ok()
                .map(|(seen, _)| seen.cpu_id_start),
        }
    }

    /// Returns the mode of a registration of `length` bytes, and how sure that is.
    ///
    /// From a feature size of 33 on (Linux 7.0) longer registrations are
    /// optimized on every kernel; below it, the length does not matter. Kernels
    /// without one (before 6.3) know legacy mode only. Where nothing was seen,
    /// the rest is likely: Linux 6.19 to 7.0.9 has no legacy mode, and tells the
    /// same sizes as its neighbours.
    pub(super) fn mode(self, length: u32) -> (KernelMode, Evidence) {
        let has_longer = self.feature_size.is_some_and(|size| size > ORIGINAL_LENGTH);
        if has_longer && length > ORIGINAL_LENGTH {
            return (KernelMode::Optimized, Evidence::Proved);
        }
        match (self.seen, self.feature_size) {
            (Some(Field::Rewritten), _) | (_, None) => (KernelMode::Legacy, Evidence::Proved),
            (Some(Field::Kept | Field::Killed), _) => (KernelMode::Optimized, Evidence::Proved),
            (Some(Field::Unknown) | None, Some(_)) => (KernelMode::Legacy, Evidence::Likely),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proved_is_called_so() {
        let rows = [
            (32, None, None, KernelMode::Legacy, Evidence::Proved),
            (32, Some(28), None, KernelMode::Legacy, Evidence::Likely),
            (64, Some(28), None, KernelMode::Legacy, Evidence::Likely),
            (
                64,
                Some(28),
                Some(Field::Rewritten),
                KernelMode::Legacy,
                Evidence::Proved,
            ),
            (
                32,
                Some(28),
                Some(Field::Kept),
                KernelMode::Optimized,
                Evidence::Proved,
            ),
            (32, Some(33), None, KernelMode::Legacy, Evidence::Likely),
            (
                32,
                Some(33),
                Some(Field::Kept),
                KernelMode::Optimized,
                Evidence::Proved,
            ),
            (
                32,
                Some(33),
                Some(Field::Rewritten),
                KernelMode::Legacy,
                Evidence::Proved,
            ),
            (
                64,
                Some(33),
                Some(Field::Rewritten),
                KernelMode::Optimized,
                Evidence::Proved,
            ),
        ];
        for (length, feature_size, seen, mode, evidence) in rows {
            let kernel = Kernel { feature_size, seen };
            assert_eq!(kernel.mode(length), (mode, evidence), "{length} {kernel:?}");
        }
    }
}
