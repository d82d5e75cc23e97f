//! A test that cannot run says so to its harness; it does not print "skipped" and
//! pass.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ItemFn, ItemMod, Macro};

use crate::tidy::modules::is_for_tests;
use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "skipped";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    for source in &workspace.sources {
        let mut finder = Finder {
            is_test: source.is_test,
            found: 0,
        };
        finder.visit_file(&source.file);
        if finder.found > 0 {
            offences.push(Offence {
                rule: RULE,
                place: source.path.clone(),
                what: format!(
                    "tests print that something is skipped in {} places and pass; use the runner \
                     of the tests' kit, which counts them",
                    finder.found
                ),
            });
        }
    }
    offences
}

struct Finder {
    is_test: bool,
    found: usize,
}

impl Finder {
    fn inside(&mut self, is_test: bool, visit: impl FnOnce(&mut Self)) {
        let before = self.is_test;
        self.is_test |= is_test;
        visit(self);
        self.is_test = before;
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.inside(is_for_tests(&item.attrs), |it| {
            visit::visit_item_mod(it, item);
        });
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.inside(is_for_tests(&item.attrs), |it| {
            visit::visit_item_fn(it, item);
        });
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let prints = ["print", "println", "eprint", "eprintln"];
        let is_print = prints.iter().any(|name| call.path.is_ident(name));
        if self.is_test && is_print && says_skipped(call.tokens.clone()) {
            self.found += 1;
        }
    }
}

/// Whether the first literal has the word in it.
fn says_skipped(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Literal(text) => {
            let text = text.to_string().to_lowercase();
            text.contains("skipped") || text.contains("skipping")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_test_that_prints_and_passes_is_found() {
        let says = "println!(\"skipped: no tool\");";
        let tree = workspace(&[
            ("a/tests/one.rs", &format!("#[test] fn f() {{ {says} }}")),
            (
                "b/src/lib.rs",
                &format!("#[cfg(test)] mod tests {{ fn f() {{ {says} }} }}"),
            ),
            ("c/src/lib.rs", &format!("fn f() {{ {says} }}")),
        ]);
        assert_eq!(places(&check(&tree)), ["a/tests/one.rs", "b/src/lib.rs"]);
    }
}
