//! What the user asked for.

/// What the user asked for (`RSEQ_SHIM_MODE`, `rseqctl run --mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Decide by the table.
    #[default]
    Auto,
    /// Register in every thread wherever the libc has not, even over a hidden
    /// definition, whose own registration is refused then.
    Own,
    /// Never register: the libc or a client does.
    Defer,
    /// Unregister the libc's area and register the shared one, as under
    /// [`Self::Own`].
    Takeover,
    /// Do nothing at all.
    Off,
}

impl Mode {
    /// Every mode, in the order in which help texts list them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Own,
        Self::Defer,
        Self::Takeover,
        Self::Off,
    ];

    /// Returns whether a client that asks for a registration of its own later is to get it:
    /// not where the user said who is to own it.
    #[must_use]
    pub const fn yields_to_clients(self) -> bool {
        !matches!(self, Self::Own | Self::Takeover)
    }

    /// Returns the word that selects the mode.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Defer => "defer",
            Self::Takeover => "takeover",
            Self::Off => "off",
        }
    }

    /// Returns the mode that `word` selects, if any.
    #[must_use]
    pub fn from_name(word: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().as_bytes() == word)
    }
}
