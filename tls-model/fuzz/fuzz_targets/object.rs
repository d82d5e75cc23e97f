//! Everything that an object can be asked, the shim's questions included.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use tls_model::elf::Object;
use tls_model::facts::{self, Facts};
use tls_model::report::ObjectReport;
use tls_model::rules;

fuzz_target!(|bytes: &[u8]| {
    for object in [Object::open(bytes), Object::open_loaded(bytes, 0x1_0000)] {
        let Ok(object) = object else {
            continue;
        };
        let facts = Facts::read(&object);
        let _ = facts.names_among_constants(&object);
        rules::check(&ObjectReport::of_tables(facts)).for_each(drop);
        let mut buf = [0; 64];
        // any answer will do; that there is one is the point
        let _ = facts::may_bring_an_area(&object);
        let _ = object.dynamic_symbol(b"__rseq_abi");
        let _ = object.needed(&mut buf, |_| ControlFlow::<()>::Continue(()));
        let _ = object.soname(&mut buf);
        let _ = object.runpath(&mut buf);
        let _ = object.rpath(&mut buf);
        let _ = object.interpreter(&mut buf);
    }
});
