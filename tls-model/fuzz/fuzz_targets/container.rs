//! Containers: packages, archives and images, nested one in another.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rseqctl::audit::{Options, audit_bytes};

fuzz_target!(|bytes: &[u8]| {
    let mut options = Options::default();
    options.all = true;
    // small, so that the fuzzer does not spend its time on zeros
    options.limits.size = 8 << 20;
    audit_bytes(Path::new("x.tar.gz"), bytes, &options, &mut |_| {});
});
