//! Critical sections of AArch64, in a small program made by hand: encodings
//! from the "Arm Architecture Reference Manual", C6.2.

use tls_model::critical::{Critical, Violation};
use tls_model::elf::Object;
use tls_model::facts::{Evidence, ModelEvidence, TlsModel};

const BASE: u64 = 0x40_0000;
const CODE: usize = 0x100;
const ABORT: usize = 0x180;
const OUTSIDE: usize = 0x190;
const DESCRIPTOR: usize = 0x200;
const SYMBOLS: usize = 0x220;
const STRINGS: usize = 0x260;
const HEADERS: usize = 0x300;

const NAMES: &[u8] = b"\0__rseq_abi\0__rseq_cs\0.symtab\0.strtab\0";

const NOP: u32 = 0xd503_201f;
const RET: u32 = 0xd65f_03c0;
/// `svc #0`
const SYSTEM_CALL: u32 = 0xd400_0001;
/// `bl` to the instruction 64 further on, outside every section here.
const CALL_OUT: u32 = 0x9400_0040;
/// `blr x3`
const CALL_POINTER: u32 = 0xd63f_0060;
/// `str x1, [x2]`
const STORE: u32 = 0xf900_0041;
/// `mrs x0, tpidr_el0; add x0, x0, #0x20; str w1, [x0]`: the area is behind the
/// thread control block of 16 bytes, at the next multiple of its alignment.
const STORE_TO_AREA: [u32; 3] = [0xd53b_d040, 0x9100_8000, 0xb900_0001];
/// What no version of the architecture gives a meaning to.
const NOTHING: u32 = 0xffff_ffff;

/// A static program that hides an `__rseq_abi`, with one critical section of
/// this code, and more code outside of it.
fn program(section: &[u32], outside: &[u32], signature: u32) -> Vec<u8> {
    let mut bytes = vec![0; HEADERS];
    let put = |bytes: &mut Vec<u8>, at: usize, width: usize, value: u64| {
        bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    };
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, width, value) in [
        (16, 2, 2),
        (18, 2, 183),
        (20, 4, 1),
        (32, 8, 0x40),
        (40, 8, HEADERS as u64),
        (52, 2, 64),
        (54, 2, 56),
        (56, 2, 2),
        (58, 2, 64),
        (60, 2, 4),
        (62, 2, 3),
        // PT_LOAD, readable and executable, all of the file
        (0x40, 4, 1),
        (0x44, 4, 5),
        (0x50, 8, BASE),
        (0x60, 8, HEADERS as u64),
        (0x68, 8, HEADERS as u64),
        // PT_TLS, 32 bytes, nothing of them in the file
        (0x78, 4, 7),
        (0x88, 8, BASE),
        (0xa0, 8, 32),
        (0xa8, 8, 32),
        // start, length, abort handler
        (DESCRIPTOR + 8, 8, BASE + CODE as u64),
        (DESCRIPTOR + 16, 8, section.len() as u64 * 4),
        (DESCRIPTOR + 24, 8, BASE + ABORT as u64),
        (ABORT - 4, 4, signature.into()),
        (ABORT, 4, RET.into()),
        // __rseq_abi, local, TLS, in a section, 32 bytes
        (SYMBOLS + 24, 4, 1),
        (SYMBOLS + 28, 1, 6),
        (SYMBOLS + 30, 2, 1),
        (SYMBOLS + 40, 8, 32),
    ] {
        put(&mut bytes, at, width, value);
    }
    for (words, start) in [(section, CODE), (outside, OUTSIDE)] {
        for (index, word) in words.iter().enumerate() {
            put(&mut bytes, start + index * 4, 4, u64::from(*word));
        }
    }
    bytes[STRINGS..STRINGS + NAMES.len()].copy_from_slice(NAMES);
    // name, type, flags, address, offset, size, link, entry size
    let sections = [
        [0; 8],
        [12, 1, 2, BASE as usize + DESCRIPTOR, DESCRIPTOR, 32, 0, 0],
        [22, 2, 0, 0, SYMBOLS, 48, 3, 24],
        [30, 3, 0, 0, STRINGS, NAMES.len(), 0, 0],
    ];
    for [name, kind, flags, address, offset, size, link, entry] in sections {
        let start = bytes.len();
        bytes.resize(start + 64, 0);
        for (at, width, value) in [
            (0, 4, name),
            (4, 4, kind),
            (8, 8, flags),
            (16, 8, address),
            (24, 8, offset),
            (32, 8, size),
            (40, 4, link),
            (56, 8, entry),
        ] {
            put(&mut bytes, start + at, width, value as u64);
        }
    }
    bytes
}

const SIGNATURE: u32 = 0xd428_bc00;

fn critical(bytes: &[u8]) -> Critical {
    let report = rseq_code::read(&Object::open(bytes).expect("an object"));
    assert!(report.damage().is_empty(), "{}", report.damage());
    assert!(report.hidden_definition());
    // where nothing of it is used, that is what was seen
    assert_eq!(report.access().evidence, Some(ModelEvidence::Likely));
    let critical = report.code.critical.expect("critical sections");
    assert_eq!(critical.read, 1);
    critical
}

/// What was found, how sure, and where behind [`BASE`].
type Found = (Violation, Evidence, u64);

/// The offences, in a fixed order.
fn offences(critical: &Critical) -> Vec<Found> {
    use Violation as V;
    [
        V::Signature,
        V::SystemCall,
        V::Call,
        V::ReadOnlyStore,
        V::SecondStore,
        V::StrayStore,
        V::Undecoded,
    ]
    .into_iter()
    .filter_map(|kind| {
        let offence = critical.offence(kind)?;
        let at = offence.first.address - BASE;
        Some((kind, offence.evidence, at))
    })
    .collect()
}

#[test]
fn what_sections_do_is_decoded() {
    use Evidence::{Likely, Proved};
    use Violation as V;
    let at = |index: u64| CODE as u64 + index * 4;
    let own: Vec<u32> = STORE_TO_AREA.into_iter().chain([STORE]).collect();
    let expected: [(&[u32], &[Found]); 7] = [
        (&[NOP, NOP, STORE], &[]),
        (
            &[NOP, SYSTEM_CALL, STORE],
            &[(V::SystemCall, Proved, at(1))],
        ),
        (&[NOP, CALL_OUT, STORE], &[(V::Call, Proved, at(1))]),
        (&[CALL_POINTER, STORE], &[(V::Call, Likely, at(0))]),
        (&[STORE, NOP, NOP], &[(V::SecondStore, Likely, at(0))]),
        (&[NOP, NOTHING, STORE], &[(V::Undecoded, Proved, at(1))]),
        (&own, &[(V::ReadOnlyStore, Likely, at(2))]),
    ];
    for (section, expected) in expected {
        let found = offences(&critical(&program(section, &[RET], SIGNATURE)));
        // a store to the area is one that others can see as well
        let found: Vec<_> = found
            .into_iter()
            .filter(|(kind, ..)| *kind != V::SecondStore || section != own)
            .filter(|(kind, ..)| *kind != V::StrayStore)
            .collect();
        assert_eq!(found, expected, "{section:x?}");
    }
}

#[test]
fn a_program_that_uses_nothing_has_no_model() {
    let program = program(&[NOP, STORE], &[RET], SIGNATURE);
    let report = rseq_code::read(&Object::open(&*program).expect("an object"));
    assert_eq!(report.access().model, None);
}

#[test]
fn the_signature_is_that_of_the_machine() {
    let wrong = critical(&program(&[NOP, STORE], &[RET], 0x5305_3053));
    assert!(wrong.offence(Violation::Signature).is_some());
}

#[test]
fn a_store_outside_sections_is_found() {
    let outside: Vec<u32> = STORE_TO_AREA.into_iter().chain([RET]).collect();
    let program = program(&[NOP, STORE], &outside, SIGNATURE);
    let report = rseq_code::read(&Object::open(&*program).expect("an object"));
    assert_eq!(report.access().model, Some(TlsModel::LocalExec));
    let critical = critical(&program);
    let stray = critical.offence(Violation::StrayStore).expect("found");
    assert_eq!(stray.first.address - BASE, OUTSIDE as u64 + 8);
    assert_eq!(stray.evidence, Evidence::Likely);
}

/// A loop over other variables of the thread, in which the area would come next but for the
/// loop's end: as in the libc that a static program brings.
#[test]
fn a_loop_over_what_is_before_the_area_does_not_store_to_it() {
    let outside = [
        0xd53b_d044, // mrs x4, tpidr_el0
        0xd100_a083, // sub x3, x4, #0x28
        0x9100_8084, // add x4, x4, #0x20
        0xf900_007f, // str xzr, [x3]
        0x9100_2063, // add x3, x3, #0x8
        0xeb04_007f, // cmp x3, x4
        0x54ff_ffa1, // b.ne to the store
        RET,
    ];
    let critical = critical(&program(&[NOP, STORE], &outside, SIGNATURE));
    assert!(critical.offence(Violation::StrayStore).is_none());
}

#[test]
fn the_fuzz_target_knows_this_machine() {
    let section = [NOP, CALL_POINTER, STORE];
    let outside: Vec<u32> = STORE_TO_AREA.into_iter().chain([RET]).collect();
    let program = program(&section, &outside, SIGNATURE);
    rseq_damage::seeds::has("critical", "aarch64", &program);
}

/// Whatever the words are: no panic, and no endless search.
#[test]
fn any_word_may_stand_in_a_section() {
    let mut state = 0x9e37_79b9_u32;
    for _ in 0..20_000 {
        let words = [(); 8].map(|()| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        });
        critical(&program(&words, &words, SIGNATURE));
    }
}
