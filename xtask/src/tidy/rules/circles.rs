//! No circle of imports inside a target, neither of modules nor of folders.

use crate::tidy::arrows::arrows;
use crate::tidy::circles::{of_folders, of_modules, without_roots};
use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "circle";

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    for target in &workspace.targets {
        let arrows = without_roots(target, arrows(target));
        for (kind, circles) in [
            ("modules", of_modules(target, &arrows)),
            ("folders", of_folders(target, &arrows)),
        ] {
            offences.extend(circles.into_iter().map(|circle| Offence {
                rule: RULE,
                place: target.name.clone(),
                what: format!(
                    "these {kind} use each other in a circle: {}; move what they share below them",
                    circle.join(" ")
                ),
            }));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn a_circle_of_two_modules_is_found() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one; mod two;"),
            ("a/src/one.rs", "use crate::two::Two; pub struct One(Two);"),
            (
                "a/src/two.rs",
                "pub struct Two; fn f(_: super::one::One) {}",
            ),
        ]);
        let found = check(&tree);
        assert_eq!(places(&found), ["a", "a"]);
        assert!(found[0].what.contains(": one two;"), "{}", found[0].what);
    }

    #[test]
    fn a_circle_through_a_child_is_found() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one;"),
            (
                "a/src/one/mod.rs",
                "mod two; pub struct One; fn f() { two::g() }",
            ),
            ("a/src/one/two.rs", "use super::One; pub fn g() {}"),
        ]);
        let found = check(&tree);
        assert!(
            found[0].what.contains(": one one::two;"),
            "{}",
            found[0].what
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_circle_of_folders_is_found() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one; mod two;"),
            ("a/src/one/mod.rs", "pub mod low; mod high;"),
            ("a/src/one/low.rs", "pub struct Low;"),
            ("a/src/one/high.rs", "use crate::two::Two;"),
            (
                "a/src/two.rs",
                "use crate::one::low::Low; pub struct Two(Low);",
            ),
        ]);
        let found = check(&tree);
        assert!(found[0].what.contains("folders"), "{}", found[0].what);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn re_exports_and_tests_are_no_arrows() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one;"),
            (
                "a/src/one/mod.rs",
                "mod row; mod use_it; pub use row::Row; pub use use_it::f;",
            ),
            ("a/src/one/row.rs", "pub struct Row;"),
            (
                "a/src/one/use_it.rs",
                "use super::Row; pub fn f(_: Row) {} #[cfg(test)] mod tests { use super::super::f; }",
            ),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn a_visibility_is_no_arrow() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one;"),
            ("a/src/one/mod.rs", "mod two; fn f() { two::g() }"),
            ("a/src/one/two.rs", "pub(in crate::one) fn g() {}"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn the_arrows_of_a_circle_are_named() {
        use crate::tidy::arrows::arrows;
        use crate::tidy::circles::{of_modules, within_modules};

        let tree = workspace(&[
            ("a/src/lib.rs", "mod one; mod two;"),
            ("a/src/one.rs", "use crate::two::Two; pub struct One(Two);"),
            ("a/src/two.rs", "pub struct Two; type T = crate::one::One;"),
        ]);
        let target = &tree.targets[0];
        let arrows = arrows(target);
        let circles = of_modules(target, &arrows);
        assert_eq!(
            within_modules(target, &arrows, &circles[0]),
            [
                "one -> two: Two crate::two::Two",
                "two -> one: crate::one::One"
            ]
        );
    }

    #[test]
    fn names_in_macros_are_arrows() {
        let tree = workspace(&[
            ("a/src/lib.rs", "mod one; mod two;"),
            (
                "a/src/one.rs",
                "pub fn f() { println!(\"{}\", crate::two::g()); }",
            ),
            (
                "a/src/two.rs",
                "pub fn g() { assert!(super::one::f() == ()); }",
            ),
        ]);
        assert_eq!(check(&tree).len(), 2);
    }
}
