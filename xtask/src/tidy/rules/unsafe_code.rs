//! Unsafe code has an address: every root of the product denies it, and only the
//! modules listed here open it again.

use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Meta, Token};

use crate::tidy::offence::Offence;
use crate::tidy::workspace::{Source, Workspace};

const RULE: &str = "unsafe-code";

/// The modules that may open it again, by the beginning of their paths.
const ADDRESSES: &[&str] = &[
    "rseqctl/src/sys/",
    "tests/damage/src/heap.rs",
    "tests/kit/src/sys/",
    "tests/labs/models/",
    "loader-shim/",
];

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut add = |source: &Source, what: &str| {
        offences.push(Offence {
            rule: RULE,
            place: source.path.clone(),
            what: what.to_owned(),
        });
    };
    for source in &workspace.sources {
        let is_denied = opens_or_denies(&source.file.attrs, &["deny", "forbid"]);
        if source.is_root && !source.is_test && !is_denied {
            add(source, "the root does not deny unsafe_code");
        }
        let mut finder = Finder {
            opens: opens_or_denies(&source.file.attrs, &["allow", "expect", "warn"]),
        };
        finder.visit_file(&source.file);
        let has_address = ADDRESSES.iter().any(|it| source.path.starts_with(it));
        let says_what_it_owes = source.text.contains("//! # Safety");
        if finder.opens && has_address && !says_what_it_owes {
            add(source, "it opens unsafe_code and has no Safety section");
        }
        if finder.opens && !has_address {
            add(
                source,
                "it opens unsafe_code and is not in the list of those that may",
            );
        }
    }
    offences
}

/// Whether one of these lint levels is set for `unsafe_code`.
fn opens_or_denies(attributes: &[Attribute], levels: &[&str]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(level) = &attribute.meta else {
            return false;
        };
        let first = level.parse_args_with(|input: syn::parse::ParseStream| {
            let lint: Ident = input.parse()?;
            // the reason
            let _ = input.parse::<Token![,]>();
            let _ = input.parse::<proc_macro2::TokenStream>();
            Ok(lint)
        });
        levels.iter().any(|it| level.path.is_ident(it))
            && first.is_ok_and(|lint| lint == "unsafe_code")
    })
}

struct Finder {
    opens: bool,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let one = std::slice::from_ref(attribute);
        self.opens |= opens_or_denies(one, &["allow", "expect", "warn"]);
        visit::visit_attribute(self, attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_root_that_does_not_deny_it_is_found() {
        let tree = workspace(&[
            ("a/src/lib.rs", ""),
            ("b/src/lib.rs", "#![deny(unsafe_code)]"),
        ]);
        assert_eq!(places(&check(&tree)), ["a/src/lib.rs"]);
    }

    #[test]
    fn a_module_that_is_not_listed_is_found() {
        let opens = "#![expect(unsafe_code, reason = \"it asks the kernel\")]";
        let tree = workspace(&[
            (
                "rseqctl/src/lib.rs",
                "#![deny(unsafe_code)] mod sys; mod ps;",
            ),
            (
                "rseqctl/src/sys/mod.rs",
                "//! # Safety\n//!\n//! Numbers only.\n#![allow(unsafe_code, reason = \"\")]\nmod child;",
            ),
            ("rseqctl/src/sys/child.rs", opens),
            ("rseqctl/src/ps.rs", opens),
        ]);
        let found = check(&tree);
        assert_eq!(
            places(&found),
            ["rseqctl/src/ps.rs", "rseqctl/src/sys/child.rs"]
        );
    }
}
