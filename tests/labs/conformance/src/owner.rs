//! Who owns the registration in a world, and what makes it so.

use rseq_kit::world::GLIBC_OFF;

/// A world to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Nobody: the libc's registration is switched off and nobody is in its
    /// place. Here the suite shows that it can say no.
    Nobody,
    /// The libc, as it comes (glibc 2.35 and later).
    Libc,
    /// The same with the shim preloaded, which then is passive; below glibc 2.35
    /// the shim registers.
    Passive,
    /// The shim: the libc's registration is switched off or absent.
    Shim,
    /// The shim, which takes over from the libc thread by thread.
    Takeover,
    /// A library that defines `__rseq_abi` and registers itself, as an allocator
    /// does: in each thread when the thread first enters it.
    Adopter,
    /// The same library, with the shim that registers its area.
    Adopted,
    /// Programs that define and export `__rseq_abi` themselves, with the shim that
    /// registers it.
    Exporter,
    /// A libc that has the patches of this project.
    Patched,
    /// The same with the shim preloaded, which then is passive.
    PatchedPassive,
}

impl Owner {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Nobody,
        Self::Libc,
        Self::Passive,
        Self::Shim,
        Self::Takeover,
        Self::Adopter,
        Self::Adopted,
        Self::Exporter,
        Self::Patched,
        Self::PatchedPassive,
    ];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Libc => "libc",
            Self::Passive => "passive",
            Self::Shim => "shim",
            Self::Takeover => "takeover",
            Self::Adopter => "adopter",
            Self::Adopted => "adopted",
            Self::Exporter => "exporter",
            Self::Patched => "patched",
            Self::PatchedPassive => "patched-passive",
        }
    }

    /// The owner that a word names.
    ///
    /// # Errors
    ///
    /// It names none.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|owner| owner.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no owner {name:?}; there are {names}")
        })
    }

    /// Whether this world is another than the others on a libc of this version:
    /// before 2.35 glibc registers nothing. Those of patched libcs are for these
    /// only.
    #[must_use]
    pub fn applies_to(self, glibc: (u32, u32)) -> bool {
        match self {
            Self::Libc | Self::Takeover => glibc >= (2, 35),
            _ if self.is_patched() => false,
            _ => true,
        }
    }

    /// What is set in the environment.
    #[must_use]
    pub fn environment(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Libc | Self::Passive | Self::Patched | Self::PatchedPassive => Vec::new(),
            Self::Takeover => vec![("RSEQ_SHIM_MODE", "takeover")],
            Self::Nobody | Self::Shim | Self::Adopter | Self::Adopted | Self::Exporter => {
                vec![("GLIBC_TUNABLES", GLIBC_OFF)]
            }
        }
    }

    /// Whether it is the world of a patched libc.
    #[must_use]
    pub fn is_patched(self) -> bool {
        matches!(self, Self::Patched | Self::PatchedPassive)
    }

    /// Whether the shim is preloaded.
    #[must_use]
    pub fn has_shim(self) -> bool {
        matches!(
            self,
            Self::Passive
                | Self::Shim
                | Self::Takeover
                | Self::Adopted
                | Self::Exporter
                | Self::PatchedPassive
        )
    }

    /// Whether the adopter (`owners/adopter.c`) is preloaded, before the shim.
    #[must_use]
    pub fn has_adopter(self) -> bool {
        matches!(self, Self::Adopter | Self::Adopted)
    }

    /// Whether the programs are those that export `__rseq_abi`: the same name
    /// with `-exporting` behind it.
    #[must_use]
    pub fn has_exporting_programs(self) -> bool {
        self == Self::Exporter
    }
}
