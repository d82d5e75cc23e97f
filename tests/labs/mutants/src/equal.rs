//! Changes that no test can notice, because the code does the same with them.

/// One of them.
pub struct Equal {
    /// The end of the file's name.
    file: &'static str,
    /// What is changed, in the words of cargo-mutants, without the place.
    change: &'static str,
    /// Why it does the same.
    pub reason: &'static str,
}

/// All that are known. `docs/labs.md` lists them.
pub const EQUAL: [Equal; 7] = [
    Equal {
        file: "kept.rs",
        change: "replace << with >>",
        reason: "the model's first table has one place, and 1 << 0 is 1 >> 0",
    },
    Equal {
        file: "kept.rs",
        change: "replace | with ^ in Key::of",
        reason: "the two halves of a key have no bit in common",
    },
    Equal {
        file: "slab.rs",
        change: "replace | with ^ in retagged",
        reason: "a tag and a number have no bit in common",
    },
    Equal {
        file: "slab.rs",
        change: "replace < with <= in fresh",
        reason: "behind the last chunk there is no place for another, so there is no slot either way",
    },
    Equal {
        file: "nesting.rs",
        change: "replace | with ^",
        reason: "a flag and a count of one have no bit in common",
    },
    Equal {
        file: "nesting.rs",
        change: "replace | with ^ in hold_first",
        reason: "two flags and a count of one have no bit in common",
    },
    Equal {
        file: "nesting.rs",
        change: "replace | with ^ in is_first_start",
        reason: "the flag is added where it is not set",
    },
];

/// Returns the one that is meant by a name of cargo-mutants, as `FILE:LINE:COLUMN: CHANGE`.
pub fn known(name: &str) -> Option<&'static Equal> {
    let (place, change) = name.split_once(": ")?;
    let file = place.split(':').next()?;
    EQUAL
        .iter()
        .find(|equal| file.ends_with(equal.file) && change == equal.change)
}

#[cfg(test)]
mod tests {
    use rseq_kit::artifacts::workspace;

    use super::{EQUAL, Equal, known};

    #[test]
    fn a_change_is_known_by_its_file_and_words() {
        let kept = "loader-shim/shim/src/kept.rs:76:48: replace | with ^ in Key::of";
        assert!(known(kept).is_some());
        assert!(known(&kept.replace("kept", "slab")).is_none());
        assert!(known(&kept.replace('^', "&")).is_none());
    }

    #[test]
    fn the_page_lists_them_with_their_reasons() {
        let page = std::fs::read_to_string(workspace().join("docs/labs.md")).unwrap();
        for Equal {
            file,
            change,
            reason,
        } in EQUAL
        {
            let row = format!("| `{file}`: {} | {reason} |", change.replace('|', "\\|"));
            assert!(page.contains(&row), "{row}");
        }
    }
}
