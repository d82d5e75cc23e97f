//! No file has more than 400 lines of code outside tables.

use crate::tidy::lines::of_code;
use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "length";

/// Lines of code that a file may have.
const MAX_LINES: usize = 400;

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let counted = workspace
        .sources
        .iter()
        .map(|source| (source, of_code(&source.text, &source.file)));
    counted
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(source, lines)| Offence {
            rule: RULE,
            place: source.path.clone(),
            what: format!("{lines} lines of code, {MAX_LINES} may be; split it by concern"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_long_file_is_found() {
        let long = "fn f() {}\n".repeat(401);
        let commented = "// text\nfn f() {}\n".repeat(400);
        let table = format!("const A: [u8; 500] = [\n{}];\n", "0,\n".repeat(500));
        let tree = workspace(&[
            ("a/src/lib.rs", &long),
            ("b/src/lib.rs", &commented),
            ("c/src/lib.rs", &table),
        ]);
        assert_eq!(places(&check(&tree)), ["a/src/lib.rs"]);
    }
}
