//! Every sequence of choices, one play after the other.

/// The choices of one play.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    /// What was chosen, and from how many.
    taken: Vec<(usize, usize)>,
    /// How many of them have been made in this play.
    made: usize,
}

impl Choices {
    /// Chooses one of `of` (at least one): as in the play before as far as that is to
    /// be repeated, then the first.
    pub(crate) fn choose(&mut self, of: usize) -> usize {
        if of < 2 {
            return 0;
        }
        let made = self.made;
        self.made += 1;
        if let Some((chosen, before)) = self.taken.get(made) {
            assert_eq!(*before, of, "the play is not the same when played again");
            return *chosen;
        }
        self.taken.push((0, of));
        0
    }

    /// Goes on to the next sequence; false after the last one.
    pub(crate) fn advance(&mut self) -> bool {
        self.made = 0;
        while self
            .taken
            .pop_if(|(chosen, of)| *chosen + 1 == *of)
            .is_some()
        {}
        match self.taken.last_mut() {
            Some((chosen, _)) => {
                *chosen += 1;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Choices;

    #[test]
    fn every_sequence_comes_once() {
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.choose(2);
            // what there is to choose from depends on what was chosen
            let second = choices.choose(if first == 0 { 3 } else { 1 });
            seen.push((first, second));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    }
}
