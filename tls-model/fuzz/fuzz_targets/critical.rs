//! Critical sections: descriptors, their relocations and their code.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_model::elf::Object;
use tls_model::rules;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(object) = Object::open(bytes) {
        rules::check(&rseq_code::read(&object)).for_each(drop);
    }
});
