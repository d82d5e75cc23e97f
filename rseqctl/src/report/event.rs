//! What is reported while a report is made.

/// What there is to report: rows `R`, inputs that could not be used `P`, and what
/// was counted so far `T`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, R, P, T> {
    /// A row of the report.
    Row(&'a R),
    /// An input that could not be used, or not in full.
    Problem(P),
    /// Nothing new; what was counted so far.
    Progress(&'a T),
}
