//! A row in words.

use crate::need::Need;

/// What a lab says of a row without running it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it asks.
    pub asks: &'a str,
    /// What it needs.
    pub needs: &'a [Need],
}
