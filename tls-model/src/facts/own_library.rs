//! The libraries of this project, whose `__rseq_abi` is no program's own definition.

/// A library of this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLibrary {
    /// `librseq_abi.so`: the `__rseq_abi` of last resort.
    Abi,
    /// `librseq_shim.so`: the preload.
    Shim,
}

impl OwnLibrary {
    /// Returns the library with this `DT_SONAME` or file name, whatever number is behind
    /// it.
    ///
    /// ```
    /// use tls_model::facts::OwnLibrary;
    ///
    /// let abi = Some(OwnLibrary::Abi);
    /// assert_eq!(OwnLibrary::from_name(b"librseq_abi.so.1"), abi);
    /// assert_eq!(OwnLibrary::from_name(b"librseq_abi.so"), abi);
    /// assert_eq!(OwnLibrary::from_name(b"librseq_abi.so.old"), None);
    /// assert_eq!(OwnLibrary::from_name(b"librseq.so.1"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let names = [
            (&b"librseq_abi.so"[..], Self::Abi),
            (b"librseq_shim.so", Self::Shim),
        ];
        names.into_iter().find_map(|(start, library)| {
            let rest = name.strip_prefix(start)?;
            let is_number = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
            match rest.split_first() {
                None => Some(library),
                Some((b'.', number)) if !number.is_empty() && is_number(number) => Some(library),
                Some(_) => None,
            }
        })
    }
}
