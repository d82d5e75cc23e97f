//! The conformance suite: plain C programs that know nothing of any owner ask
//! what every user of rseq may ask; here they are built, run for one owner after
//! the other, and judged.
//!
//! A cell is one program in the world of one [`Owner`] at one [`Place`]: plain
//! data, so that a guest without any of this can run it as well. What comes out
//! is text; [`answers::parse`] reads it and [`known::Known::judge`] compares it
//! with what must be. See `docs/conformance.md`.

#![forbid(unsafe_code)]

pub mod answers;
pub mod build;
pub mod cell;
pub mod known;
pub mod owner;
pub mod root;
pub mod source;
pub mod table;

pub use answers::{Answer, Said};
pub use build::Programs;
pub use cell::{Cell, Loader, Place};
pub use known::{Conditions, Known, Verdict};
pub use owner::Owner;
pub use root::Root;
pub use source::Source;

use rseq_kit::needs::{Need, Prerequisite};

/// The C library of the Debian release `name`, with the conformance suite.
#[must_use]
pub fn need(name: &'static str) -> Need {
    Need::of(Release(name))
}

#[derive(Debug)]
struct Release(&'static str);

impl Prerequisite for Release {
    fn check(&self) -> Result<(), String> {
        Root::open(self.0).and(Programs::for_all()).map(drop)
    }
}
