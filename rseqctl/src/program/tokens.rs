//! Dynamic string tokens: `$ORIGIN`, `$LIB`, `$PLATFORM` (ld.so(8)).

/// What the tokens stand for in one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    /// The folder of the object.
    pub(super) origin: &'a [u8],
    pub(super) lib: &'a [u8],
    pub(super) platform: Option<&'a [u8]>,
}

/// Expands the tokens in `text`; a `$` that starts none of them stays. Returns nothing
/// where a token has no value: such a folder is not searched.
pub(super) fn expand(text: &[u8], tokens: &Tokens<'_>) -> Option<Vec<u8>> {
    let names: [(&[u8], Option<&[u8]>); 3] = [
        (b"ORIGIN", Some(tokens.origin)),
        (b"LIB", Some(tokens.lib)),
        (b"PLATFORM", tokens.platform),
    ];
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let found = (*first == b'$')
            .then(|| {
                names
                    .iter()
                    .find_map(|(name, value)| Some((token(after, name)?, value)))
            })
            .flatten();
        if let Some((behind, value)) = found {
            out.extend_from_slice((*value)?);
            rest = behind;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    Some(out)
}

/// Returns what follows `name` or `{name}`, if `text` starts with it.
fn token<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if let Some(inner) = text.strip_prefix(b"{") {
        return inner.strip_prefix(name)?.strip_prefix(b"}");
    }
    let rest = text.strip_prefix(name)?;
    let goes_on = rest
        .first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (!goes_on).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_expanded() {
        let tokens = Tokens {
            origin: b"/o",
            lib: b"lib64",
            platform: Some(b"x86_64"),
        };
        for (text, expected) in [
            ("$ORIGIN/../$LIB", "/o/../lib64"),
            ("${ORIGIN}x/${PLATFORM}", "/ox/x86_64"),
            ("/a/$ORIGINAL/${LIB", "/a/$ORIGINAL/${LIB"),
            ("$", "$"),
        ] {
            let expanded = expand(text.as_bytes(), &tokens).expect("all have a value");
            assert_eq!(expanded, expected.as_bytes());
        }
        let unknown = Tokens {
            platform: None,
            ..tokens
        };
        assert_eq!(expand(b"/lib/$PLATFORM", &unknown), None);
        assert_eq!(expand(b"$LIB", &unknown), Some(b"lib64".to_vec()));
    }
}
