//! An error of the product is a type: no `Result` with a text.

use syn::visit::{self, Visit};
use syn::{GenericArgument, Path, PathArguments, Type};

use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "text-as-error";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    for source in workspace.sources.iter().filter(|it| it.is_product()) {
        if source.is_test {
            continue;
        }
        let mut finder = Finder(0);
        finder.visit_file(&source.file);
        if finder.0 > 0 {
            offences.push(Offence {
                rule: RULE,
                place: source.path.clone(),
                what: format!(
                    "{} results have a text as their error; give it a type",
                    finder.0
                ),
            });
        }
    }
    offences
}

struct Finder(usize);

impl<'ast> Visit<'ast> for Finder {
    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(last) = path.segments.last()
            && last.ident == "Result"
            && let PathArguments::AngleBracketed(arguments) = &last.arguments
            && let Some(GenericArgument::Type(Type::Path(error))) = arguments.args.iter().nth(1)
            && error
                .path
                .segments
                .last()
                .is_some_and(|it| it.ident == "String")
        {
            self.0 += 1;
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_text_as_error_is_found_in_the_product() {
        let text = "pub fn f() -> Result<Vec<u8>, String> { Ok(Vec::new()) }";
        let tree = workspace(&[("rseqctl/src/lib.rs", text), ("xtask/src/lib.rs", text)]);
        assert_eq!(places(&check(&tree)), ["rseqctl/src/lib.rs"]);
        let tree = workspace(&[(
            "rseqctl/src/lib.rs",
            "pub fn f() -> Result<String, std::io::Error> { Ok(String::new()) }",
        )]);
        assert_eq!(check(&tree), []);
    }
}
