//! What a word means that somebody asks for, as it was typed or copied.

use tls_model::rules::{self, RULES, Rule};

use super::glossary::{self, Term};

/// What is known of a word.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// It names a rule or a verdict.
    Rule(&'static Rule),
    /// It is a word of reports: what it means in each place.
    Word(Vec<&'static Term>),
}

/// Returns what a word means: as it stands in a report, or with the brackets, quotes,
/// colons, capitals, spaces and underscores that people add.
#[must_use]
pub fn find(asked: &str) -> Option<Meaning> {
    let bare = bare(asked);
    exact(&bare).or_else(|| {
        let folded = folded(&bare);
        let name = all_names().find(|name| self::folded(name) == folded)?;
        exact(name)
    })
}

/// Returns the names that a misspelt word may stand for, the best first.
#[must_use]
pub fn near(asked: &str) -> Vec<&'static str> {
    near_among(asked, all_names())
}

/// Returns the rules that a misspelt name may stand for, the best first.
#[must_use]
pub fn near_rules(asked: &str) -> Vec<&'static str> {
    near_among(asked, RULES.iter().map(|rule| rule.name))
}

fn near_among(asked: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    /// Below it a name resembles the word by chance.
    const ALIKE: f64 = 0.8;

    let folded = folded(&bare(asked));
    let mut rated: Vec<_> = names
        .map(|name| {
            let contains = !folded.is_empty() && self::folded(name).contains(&folded);
            let rate = strsim::jaro_winkler(&self::folded(name), &folded);
            (if contains { rate + 1.0 } else { rate }, name)
        })
        .filter(|(rate, _)| *rate >= ALIKE)
        .collect();
    rated.sort_by(|one, other| other.0.total_cmp(&one.0));
    rated.into_iter().map(|(_, name)| name).take(5).collect()
}

fn exact(word: &str) -> Option<Meaning> {
    if let Some(rule) = rules::find(word) {
        return Some(Meaning::Rule(rule));
    }
    let terms: Vec<_> = glossary::meanings(word).collect();
    (!terms.is_empty()).then_some(Meaning::Word(terms))
}

fn all_names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name).chain(glossary::words())
}

/// Returns the word without what stands around it in a report.
fn bare(asked: &str) -> String {
    let is_around = |letter: char| letter.is_whitespace() || "[](){}<>\"'`,:;.".contains(letter);
    asked.trim_matches(is_around).to_owned()
}

/// Returns the word without what people write in several ways.
fn folded(word: &str) -> String {
    let letters = word.chars().flat_map(char::to_lowercase);
    let letters = letters.filter(|letter| letter.is_alphanumeric());
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_people_type_them() {
        for typed in [
            "hidden-definer",
            "[hidden-definer]",
            "Hidden-Definer",
            "hidden_definer:",
            " hidden definer ",
            "HIDDENDEFINER",
        ] {
            let found = find(typed);
            assert!(
                matches!(found, Some(Meaning::Rule(rule)) if rule.name == "hidden-definer"),
                "{typed}: {found:?}"
            );
        }
        assert!(matches!(find("Initial-Exec"), Some(Meaning::Word(_))));
        assert!(find("").is_none() && find("[]").is_none() && find("hidden-defn").is_none());
    }

    #[test]
    fn names_near_a_misspelt_one() {
        assert_eq!(near("hiden-definer").first(), Some(&"hidden-definer"));
        assert!(near("refused").contains(&"refused-client"));
        assert!(near("takeovr").contains(&"takeover"));
        assert!(!near_rules("takeovr").contains(&"takeover"));
        assert!(near("xyzzy").is_empty() && near("").is_empty());
    }
}
