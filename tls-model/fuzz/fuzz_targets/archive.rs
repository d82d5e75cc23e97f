//! Archives: every member, and what it says where it is an object.

#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use tls_model::archive::{Part, members};
use tls_model::elf::Object;
use tls_model::facts::Facts;

fuzz_target!(|bytes: &[u8]| {
    let _ = members(bytes, |member| {
        if let Some(offset) = member.offset
            && let Ok(object) = Object::open(Part::new(bytes, offset, member.size))
        {
            let _ = Facts::read(&object);
        }
        ControlFlow::<()>::Continue(())
    });
});
