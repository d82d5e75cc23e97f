//! Differences that are not ours, each with its reason.

/// Why a reader says something else than tls-model; none: nobody knows.
pub fn reason(who: &str, difference: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str, &str); 1] = [(
        "goblin",
        "symbols: 1, None against 0",
        "goblin leaves out the null symbol where there is no other",
    )];
    KNOWN
        .iter()
        .find(|(reader, what, _)| *reader == who && *what == difference)
        .map(|(_, _, reason)| *reason)
}
