//! What a program answered.

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// As the contract has it.
    Yes,
    /// Not so.
    No,
    /// It could not be asked here.
    Skip,
}

impl Said {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Skip => "skip",
        }
    }

    /// The answer that a word is.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::Skip]
            .into_iter()
            .find(|said| said.word() == word)
    }
}

/// One line of a program's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Name of the question.
    pub question: String,
    /// The answer.
    pub said: Said,
    /// Figures that go with it.
    pub detail: String,
}

/// Reads a program's standard output (or a stretch of a console, where lines may
/// end in CR LF): `question<TAB>yes|no|skip<TAB>detail`.
///
/// # Errors
///
/// A line is none of that.
pub fn parse(text: &str) -> Result<Vec<Answer>, String> {
    let wrong = |line: &str| format!("not an answer: {line:?}");
    text.lines()
        .map(|line| {
            let mut fields = line.trim_end().splitn(3, '\t');
            let (Some(question), Some(word)) = (fields.next(), fields.next()) else {
                return Err(wrong(line));
            };
            Ok(Answer {
                question: question.to_owned(),
                said: Said::from_word(word).ok_or_else(|| wrong(line))?,
                detail: fields.next().unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines() {
        let answers = parse("a-b\tyes\t1 of 1\r\nc\tskip\t\nd\tno\n").unwrap();
        let found: Vec<_> = answers
            .iter()
            .map(|answer| (&*answer.question, answer.said, &*answer.detail))
            .collect();
        assert_eq!(
            found,
            [
                ("a-b", Said::Yes, "1 of 1"),
                ("c", Said::Skip, ""),
                ("d", Said::No, "")
            ]
        );
        assert!(parse("a\tperhaps\t").is_err());
        assert!(parse("Segmentation fault").is_err());
    }
}
