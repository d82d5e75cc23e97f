//! One place of the command handles a reader that has left.

use syn::Ident;
use syn::visit::Visit;

use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "broken-pipe";

/// Where it may be the only one.
const ROOM: &str = "rseqctl/";

/// The place.
const PLACE: &str = "rseqctl/src/report/output.rs";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    for source in workspace
        .sources
        .iter()
        .filter(|it| it.path.starts_with(ROOM))
    {
        if source.is_test || source.path == PLACE {
            continue;
        }
        let mut finder = Finder(false);
        finder.visit_file(&source.file);
        if finder.0 {
            offences.push(Offence {
                rule: RULE,
                place: source.path.clone(),
                what: format!("a broken pipe is for {PLACE} to handle"),
            });
        }
    }
    offences
}

struct Finder(bool);

impl<'ast> Visit<'ast> for Finder {
    fn visit_ident(&mut self, word: &'ast Ident) {
        self.0 |= word == "BrokenPipe" || word == "EPIPE";
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_second_place_is_found() {
        let text = "fn f(kind: ErrorKind) -> bool { kind == ErrorKind::BrokenPipe }";
        let tree = workspace(&[
            ("rseqctl/src/lib.rs", "mod report; mod ps;"),
            ("rseqctl/src/ps.rs", text),
            ("rseqctl/src/report/mod.rs", "mod output;"),
            ("rseqctl/src/report/output.rs", text),
        ]);
        assert_eq!(places(&check(&tree)), ["rseqctl/src/ps.rs"]);
    }
}
