//! What a test of a patched glibc needs.

use super::build::is_kept;
use super::recipe::TOOLS;
use super::series::Series;
use rseq_kit::machine::Machine;
use rseq_kit::needs::{Need, Prerequisite, program};

/// The source that the patch series `base` is for.
#[must_use]
pub fn source(base: &'static str) -> Need {
    Need::of(Source(base))
}

/// The same, patched, and what it takes to build it. That it does not build is no
/// reason to skip.
#[must_use]
pub fn need(base: &'static str) -> Need {
    Need::of(Buildable(base))
}

/// The same for AArch64, built before: it is not built for a test.
#[must_use]
pub fn built_for_aarch64(base: &'static str) -> Need {
    Need::of(Built(base))
}

#[derive(Debug)]
struct Built(&'static str);

impl Prerequisite for Built {
    fn check(&self) -> Result<(), String> {
        if is_kept(&Series::read(self.0)?, Machine::Aarch64)? {
            return Ok(());
        }
        let brings = format!("cargo xtask patches --target aarch64 {}", self.0);
        Err(format!("needs the patched glibc for AArch64 ({brings})"))
    }
}

#[derive(Debug)]
struct Source(&'static str);

impl Prerequisite for Source {
    fn check(&self) -> Result<(), String> {
        program("patch")
            .and(program("dpkg-source"))
            .and_then(|_| Series::read(self.0)?.source())
            .map(drop)
    }
}

#[derive(Debug)]
struct Buildable(&'static str);

impl Prerequisite for Buildable {
    fn check(&self) -> Result<(), String> {
        TOOLS
            .into_iter()
            .try_for_each(|tool| program(tool).map(drop))
            .and_then(|()| Source(self.0).check())
    }
}
