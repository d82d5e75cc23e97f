//! How much a container may unpack to.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

/// What every file may unpack to, whatever its size.
const FREE: u64 = 64 << 20;

/// Limits against containers that unpack to more than anybody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many containers may stand one in another.
    pub depth: u32,
    /// How many times its own size in bytes a file may unpack to, all its
    /// members and what is in them together; the first 64 MiB are free.
    pub ratio: u64,
    /// How many bytes a file may unpack to.
    pub size: u64,
}

impl Default for Limits {
    /// Returns depth 5, ratio 200, size 64 GiB: several times more than any package in
    /// use.
    fn default() -> Self {
        Self {
            depth: 5,
            ratio: 200,
            size: 64 << 30,
        }
    }
}

/// A limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// [`Limits::depth`].
    Depth(u32),
    /// [`Limits::ratio`].
    Ratio(u64),
    /// [`Limits::size`] in bytes.
    Size(u64),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth(depth) => write!(f, "containers are nested deeper than {depth}"),
            Self::Ratio(ratio) => write!(f, "unpacks to more than {ratio} times its size"),
            Self::Size(size) => write!(f, "unpacks to more than {} GiB", size >> 30),
        }
    }
}

/// What one file on disk may still unpack to.
pub(super) struct Budget {
    left: Cell<u64>,
    limit: Exceeded,
    exceeded: Cell<bool>,
}

impl Budget {
    /// Returns the budget of a file of `len` bytes.
    pub(super) fn new(limits: &Limits, len: u64) -> Self {
        let by_ratio = len.saturating_mul(limits.ratio).saturating_add(FREE);
        let (left, limit) = if by_ratio < limits.size {
            (by_ratio, Exceeded::Ratio(limits.ratio))
        } else {
            (limits.size, Exceeded::Size(limits.size))
        };
        Self {
            left: Cell::new(left),
            limit,
            exceeded: Cell::new(false),
        }
    }

    /// Returns the limit that was exceeded. It stays exceeded: readers in between may
    /// have changed the error's words.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get().then_some(self.limit)
    }

    /// Returns what is left, for [`Self::restore`].
    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// Forgets what was spent on something that is unpacked once more from its start.
    pub(super) fn restore(&self, left: u64) {
        if !self.exceeded.get() {
            self.left.set(left);
        }
    }

    /// Notes bytes that were unpacked, or that are read as often as a manifest
    /// says.
    pub(super) fn spend(&self, count: u64) -> io::Result<()> {
        match self.left.get().checked_sub(count) {
            Some(left) if !self.exceeded.get() => {
                self.left.set(left);
                Ok(())
            }
            _ => {
                self.exceeded.set(true);
                Err(io::Error::other(self.limit.to_string()))
            }
        }
    }
}

/// What a decompressor gives, counted.
pub(super) struct Metered<'a, R> {
    inner: R,
    budget: &'a Budget,
}

impl<'a, R> Metered<'a, R> {
    pub(super) fn new(inner: R, budget: &'a Budget) -> Self {
        Self { inner, budget }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.budget.spend(count as u64)?;
        Ok(count)
    }
}
