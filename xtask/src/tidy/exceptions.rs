//! What breaks a rule for the time being, and why.

use super::offence::Offence;

/// An exception from a rule.
pub struct Exception {
    /// The rule.
    pub rule: &'static str,
    /// Where it is broken: the place of the offence.
    pub place: &'static str,
    /// Why it may be.
    pub reason: &'static str,
}

/// The exceptions.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "skipped",
        place: "tests/labs/conformance/tests/conformance.rs",
        reason: "one question of a program that answers many; the table counts it",
    },
    Exception {
        rule: "text-as-error",
        place: "rseqctl/build/floor.rs",
        reason: "a build script, whose errors cargo prints",
    },
    Exception {
        rule: "text-as-error",
        place: "rseqctl/build/libraries.rs",
        reason: "a build script, whose errors cargo prints",
    },
];

/// Takes the exceptions out of the offences; an exception that excuses nothing is
/// an offence.
pub fn apply(offences: Vec<Offence>, exceptions: &[Exception]) -> Vec<Offence> {
    let excuses = |exception: &Exception, offence: &Offence| {
        exception.rule == offence.rule && exception.place == offence.place
    };
    let mut left: Vec<_> = exceptions
        .iter()
        .filter(|exception| !offences.iter().any(|it| excuses(exception, it)))
        .map(|exception| Offence {
            rule: exception.rule,
            place: exception.place.to_owned(),
            what: format!(
                "the exception is not needed any more ({}); remove it",
                exception.reason
            ),
        })
        .collect();
    left.extend(
        offences
            .into_iter()
            .filter(|offence| !exceptions.iter().any(|it| excuses(it, offence))),
    );
    left.sort();
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_and_has_to() {
        let offence = |place: &str| Offence {
            rule: "length",
            place: place.to_owned(),
            what: "too long".to_owned(),
        };
        let exceptions = [Exception {
            rule: "length",
            place: "a.rs",
            reason: "a table",
        }];
        assert!(apply(vec![offence("a.rs")], &exceptions).is_empty());
        let left = apply(vec![offence("b.rs")], &exceptions);
        let places: Vec<_> = left.iter().map(|it| it.place.as_str()).collect();
        assert_eq!(places, ["a.rs", "b.rs"]);
    }
}
