//! What every report needs: text for terminals, the keys of a host, the words of
//! rules.

pub mod choices;
mod complain;
mod event;
pub mod explain;
mod finding;
pub mod fleet;
mod foreseen;
pub mod glossary;
mod output;
mod tally;
pub(crate) mod text;
mod word;
mod wrap;

pub(crate) use complain::complain;
pub use event::Event;
pub use finding::FindingRow;
pub use fleet::{Fleet, Host, Keyed, Reporter};
pub use foreseen::RunRow;
pub use output::{Output, StandardOutput};
pub use tally::{Counted, Tally};
pub use word::{Named, Word};
pub(crate) use wrap::wrapped;
