//! Lines of code: those that hold a token of it. Comments, blank lines and tables
//! do not count.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ItemConst, ItemMacro, ItemStatic};

/// Returns the number of lines of code outside tables.
pub fn of_code(text: &str, file: &syn::File) -> usize {
    let mut lines = BTreeSet::new();
    if let Ok(tokens) = text.parse() {
        add(tokens, &mut lines);
    }
    let mut tables = Tables(BTreeSet::new());
    tables.visit_file(file);
    lines.difference(&tables.0).count()
}

fn add(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let TokenTree::Punct(sign) = &token
            && sign.as_char() == '#'
        {
            if let Some(TokenTree::Punct(sign)) = tokens.peek()
                && sign.as_char() == '!'
            {
                tokens.next();
            }
            if let Some(TokenTree::Group(group)) = tokens.peek()
                && is_doc(group.delimiter(), group.stream())
            {
                tokens.next();
                continue;
            }
        }
        match token {
            TokenTree::Group(group) => {
                lines.insert(group.span_open().start().line);
                lines.insert(group.span_close().end().line);
                add(group.stream(), lines);
            }
            other => range(other.span(), lines),
        }
    }
}

/// Whether this is what a documentation comment becomes.
fn is_doc(delimiter: Delimiter, tokens: TokenStream) -> bool {
    let first = tokens.into_iter().next();
    delimiter == Delimiter::Bracket
        && first.is_some_and(|it| matches!(it, TokenTree::Ident(word) if word == "doc"))
}

fn range(span: Span, lines: &mut BTreeSet<usize>) {
    lines.extend(span.start().line..=span.end().line);
}

/// The lines of tables: arrays in constants and statics, and what a macro at the
/// top of a module is given.
struct Tables(BTreeSet<usize>);

impl<'ast> Visit<'ast> for Tables {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        if is_array(&item.expr) {
            range(item.span(), &mut self.0);
        }
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        if is_array(&item.expr) {
            range(item.span(), &mut self.0);
        }
    }

    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        // the definition of a macro is code, and so is assembly
        if item.ident.is_none() && !item.mac.path.is_ident("global_asm") {
            range(item.span(), &mut self.0);
        }
        visit::visit_item_macro(self, item);
    }
}

fn is_array(value: &Expr) -> bool {
    match value {
        Expr::Array(_) => true,
        Expr::Reference(reference) => is_array(&reference.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::of_code;

    fn count(text: &str) -> usize {
        of_code(text, &syn::parse_file(text).expect("Rust"))
    }

    #[test]
    fn comments_and_tables_do_not_count() {
        assert_eq!(count("//! Text.\n\n/// More.\n// and more\nfn f() {}\n"), 1);
        assert_eq!(count("#[inline]\nfn f() {\n    g();\n}\n"), 4);
        assert_eq!(count("const A: [u8; 2] = [\n    1,\n    2,\n];\n"), 0);
        assert_eq!(count("static A: &[u8] = &[\n    1,\n];\nfn f() {}\n"), 1);
        assert_eq!(count("words! {\n    A = 1;\n}\n"), 0);
        assert_eq!(count("const A: &str = \"one\n    two\";\n"), 2);
    }
}
