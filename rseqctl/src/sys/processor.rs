//! The processor that we run on, as far as glibc's dynamic linkers choose folders
//! by it.
//!
//! # Safety
//!
//! The instruction is one that every x86-64 has, and writes to registers only.
#![allow(unsafe_code, reason = "see Safety above")]

/// What is asked of the processor; nothing of all that on other machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// The level of x86-64 (System V ABI, AMD64 supplement): 1 to 4, or 0 elsewhere.
    pub level: u8,
    /// Intel's, with what the first Haswell brought.
    pub haswell: bool,
    /// Intel's Xeon Phi.
    pub xeon_phi: bool,
    /// Intel's, with the AVX-512 of the first Xeon that had it.
    pub avx512_1: bool,
    /// AArch64 with LSE: `HWCAP_ATOMICS`.
    pub atomics: bool,
}

impl Processor {
    /// Returns the one that we run on.
    #[cfg(target_arch = "x86_64")]
    #[must_use]
    pub fn here() -> Self {
        use std::arch::is_x86_feature_detected as has;

        const LAHF: u32 = 1;
        const PREFETCH: u32 = 1 << 26;
        const EXPONENTIAL: u32 = 1 << 27;
        let intel = vendor() == *b"GenuineIntel";
        let v2 = has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2");
        let v2 = v2 && has!("popcnt") && has!("cmpxchg16b");
        let v2 = v2 && cpuid(0x8000_0001).ecx & LAHF != 0;
        let v3 = v2 && has!("avx") && has!("avx2") && has!("bmi1") && has!("bmi2");
        let v3 = v3 && has!("f16c") && has!("fma") && has!("lzcnt") && has!("movbe");
        let v4 = v3 && has!("avx512f") && has!("avx512bw") && has!("avx512cd");
        let v4 = v4 && has!("avx512dq") && has!("avx512vl");
        let haswell = has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2");
        let haswell = haswell && has!("lzcnt") && has!("movbe") && has!("popcnt");
        let avx512 = has!("avx512f") && has!("avx512cd");
        let more = if avx512 { cpuid(7).ebx } else { 0 };
        let xeon = has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
        let xeon_phi = intel && more & EXPONENTIAL != 0 && more & PREFETCH != 0;
        Self {
            level: 1 + u8::from(v2) + u8::from(v3) + u8::from(v4),
            haswell: intel && haswell && !xeon_phi,
            xeon_phi,
            avx512_1: intel && avx512 && xeon && more & EXPONENTIAL == 0,
            atomics: false,
        }
    }

    /// Returns the one that we run on.
    #[cfg(target_arch = "aarch64")]
    #[must_use]
    pub fn here() -> Self {
        Self {
            atomics: std::arch::is_aarch64_feature_detected!("lse"),
            ..Self::default()
        }
    }

    /// Returns the one that we run on: nothing is known about it.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[must_use]
    pub fn here() -> Self {
        Self::default()
    }
}

#[cfg(target_arch = "x86_64")]
fn cpuid(leaf: u32) -> std::arch::x86_64::CpuidResult {
    #[allow(unused_unsafe, reason = "newer compilers have it as a safe function")]
    // SAFETY: every x86-64 processor has the instruction; a leaf that it does not
    // have gives another leaf's answer or zeroes, and writes nothing.
    unsafe {
        std::arch::x86_64::__cpuid_count(leaf, 0)
    }
}

#[cfg(target_arch = "x86_64")]
fn vendor() -> [u8; 12] {
    let answer = cpuid(0);
    let mut name = [0; 12];
    for (place, part) in name
        .chunks_exact_mut(4)
        .zip([answer.ebx, answer.edx, answer.ecx])
    {
        place.copy_from_slice(&part.to_le_bytes());
    }
    name
}
