//! What a reader says about an object, in words that none of them has.

use std::collections::{BTreeMap, BTreeSet};

/// What one reader says. `None`: it cannot say, for want of section headers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Size and alignment of the thread-local storage, in bytes.
    pub tls: Option<(u64, u64)>,
    /// `DF_STATIC_TLS`.
    pub static_tls: bool,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<Vec<u8>>,
    /// The dynamic symbols, in order.
    pub symbols: Option<Vec<Symbol>>,
    /// The dynamic relocations, each once.
    pub relocations: Option<BTreeSet<Relocation>>,
    /// The rseq symbols: role, binding, visibility, table and size by name.
    pub rseq: Option<BTreeMap<&'static str, Rseq>>,
}

/// A dynamic symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: u64,
    pub value: u64,
    pub size: u64,
    pub binding: u8,
    pub kind: u8,
    pub visibility: u8,
    pub section: u16,
}

/// Place, symbol, type and addend (0 where the table has none).
pub type Relocation = (u64, u64, u32, u64);

/// What an object does with an rseq symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rseq {
    pub role: &'static str,
    pub binding: u8,
    pub visibility: u8,
    pub table: &'static str,
    pub size: u64,
}

/// What the rules about tables need to know of an object.
#[derive(Clone, Copy)]
pub struct Frame {
    pub is_relocatable: bool,
    /// Neither an interpreter nor a needed library, and not a library itself.
    pub is_static: bool,
}

impl Frame {
    /// Whether a link-time symbol of this type (`STT_*`) is looked at: linked objects
    /// show theirs in the dynamic table, except for thread-local ones that they hide
    /// and for static programs, which have no other.
    pub fn looks_at(self, name: &str, kind: u8) -> bool {
        const STT_TLS: u8 = 6;
        self.is_relocatable || self.is_static || kind == STT_TLS && name == "__rseq_abi"
    }
}

impl Said {
    /// Where two readers differ, a line each.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, equal: bool, one: String, two: String| {
            if !equal {
                lines.push(format!("{what}: {one} against {two}"));
            }
        };
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        compare(
            "tls",
            self.tls == other.tls,
            text(&self.tls),
            text(&other.tls),
        );
        let (one, two) = (self.static_tls, other.static_tls);
        compare("static tls", one == two, text(&one), text(&two));
        let names = |list: &[Vec<u8>]| {
            let names = list
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            names.collect::<Vec<_>>().join(" ")
        };
        let (one, two) = (&self.needed, &other.needed);
        compare("needed", one == two, names(one), names(two));
        if let (Some(one), Some(two)) = (&self.symbols, &other.symbols) {
            let first = one.iter().zip(two).find(|(one, two)| one != two);
            let (a, b) = (one.len(), two.len());
            compare("symbols", one == two, format!("{a}, {first:?}"), text(&b));
        }
        if let (Some(one), Some(two)) = (&self.relocations, &other.relocations) {
            let (a, b) = (one.difference(two).next(), two.difference(one).next());
            compare("relocations", one == two, text(&a), text(&b));
        }
        if let (Some(one), Some(two)) = (&self.rseq, &other.rseq) {
            compare("rseq", one == two, text(one), text(two));
        }
        lines
    }
}
