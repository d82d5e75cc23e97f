//! Which module uses which: an arrow leads from a module to the one that defines
//! what it names. A re-export alone is no use.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Path, Visibility};

use super::modules::{Target, is_for_tests};
use super::names::{Meaning, Names, imports};

/// The arrows of a target: from a module, to a module, and the names used.
pub type Arrows = BTreeMap<(usize, usize), BTreeSet<String>>;

/// Returns the arrows between the modules of a target.
pub fn arrows(target: &Target) -> Arrows {
    let names = Names::of(target);
    let mut arrows = Arrows::new();
    for (index, module) in target.modules.iter().enumerate() {
        let mut finder = Finder {
            names: &names,
            from: index,
            arrows: &mut arrows,
        };
        for item in &module.items {
            finder.visit_item(item);
        }
    }
    arrows
}

struct Finder<'a, 'b> {
    names: &'a Names<'b>,
    from: usize,
    arrows: &'a mut Arrows,
}

impl Finder<'_, '_> {
    fn note(&mut self, path: &[String]) {
        let Some(meaning) = self.names.resolve(self.from, path) else {
            return;
        };
        // a single word is a value or a type, and a module is neither
        if path.len() == 1 && matches!(meaning, Meaning::Module(_)) {
            return;
        }
        let to = meaning.module();
        if to != self.from {
            let words = self.arrows.entry((self.from, to)).or_default();
            words.insert(path.join("::"));
        }
    }

    /// Finds the paths in what a macro is given.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        // the name behind a dot is a field or a method
        let mut is_behind_dot = false;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.end_path(&mut path);
                    }
                    if !is_behind_dot {
                        path.push(word.to_string());
                    }
                    (colons, is_behind_dot) = (0, false);
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                TokenTree::Punct(sign) => {
                    self.end_path(&mut path);
                    (colons, is_behind_dot) = (0, sign.as_char() == '.');
                }
                TokenTree::Group(group) => {
                    self.end_path(&mut path);
                    (colons, is_behind_dot) = (0, false);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(_) => {
                    self.end_path(&mut path);
                    (colons, is_behind_dot) = (0, false);
                }
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.note(path);
            path.clear();
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_, '_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(super::modules::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if let ImplItem::Fn(function) = item
            && is_for_tests(&function.attrs)
        {
            return;
        }
        visit::visit_impl_item(self, item);
    }

    // modules of their own
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    // who may see a thing is not what it uses
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    // derives and lints are no modules
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            for import in imports(&item.tree) {
                if let Some(meaning) = self.names.resolve(self.from, &import.path)
                    && meaning.module() != self.from
                {
                    let words = self.arrows.entry((self.from, meaning.module()));
                    words.or_default().insert(import.path.join("::"));
                }
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let words: Vec<_> = path
                .segments
                .iter()
                .map(|it| it.ident.to_string())
                .collect();
            self.note(&words);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, macro_call: &'ast syn::Macro) {
        self.tokens(macro_call.tokens.clone());
    }
}
