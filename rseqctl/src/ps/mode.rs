//! In which mode the kernel keeps a registered area.

use std::fs;

use tls_model::facts::Evidence;
use tls_model::rseq::{AT_RSEQ_FEATURE_SIZE, ORIGINAL_LENGTH};

/// How the kernel writes the ids of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Whenever the thread was interrupted.
    Legacy,
    /// When they change.
    Optimized,
}

impl Mode {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Optimized => "optimized",
        }
    }
}

/// The mode of a registration of `length` bytes, on a kernel with this
/// `AT_RSEQ_FEATURE_SIZE`, and how sure that is.
///
/// Kernels without one (before 6.3) know legacy mode only. From 33 on (7.0)
/// longer registrations are optimized on every kernel. What is in between is
/// likely: Linux 6.19 to 7.0.9 has no legacy mode, and tells the same sizes as
/// its neighbours.
pub(super) fn of(length: u32, feature_size: Option<u64>) -> (Mode, Evidence) {
    match feature_size {
        None => (Mode::Legacy, Evidence::Proved),
        Some(size) if size > u64::from(ORIGINAL_LENGTH) && length > ORIGINAL_LENGTH => {
            (Mode::Optimized, Evidence::Proved)
        }
        Some(_) => (Mode::Legacy, Evidence::Likely),
    }
}

/// The kernel's `AT_RSEQ_FEATURE_SIZE`, from our own auxiliary vector.
pub(super) fn feature_size() -> Option<u64> {
    let vector = fs::read("/proc/self/auxv").ok()?;
    let words: Vec<usize> = vector
        .chunks_exact(size_of::<usize>())
        .filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?)))
        .collect();
    words
        .chunks_exact(2)
        .find(|pair| pair[0] as u64 == AT_RSEQ_FEATURE_SIZE)
        .map(|pair| pair[1] as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proved_is_called_so() {
        let rows = [
            (32, None, Mode::Legacy, Evidence::Proved),
            (32, Some(28), Mode::Legacy, Evidence::Likely),
            (64, Some(28), Mode::Legacy, Evidence::Likely),
            (32, Some(33), Mode::Legacy, Evidence::Likely),
            (64, Some(33), Mode::Optimized, Evidence::Proved),
        ];
        for (length, size, mode, evidence) in rows {
            assert_eq!(of(length, size), (mode, evidence), "{length} {size:?}");
        }
    }
}
