//! What every report needs: text for terminals, the keys of a host, the words of
//! rules.

mod baseline;
pub mod choices;
mod complain;
mod event;
pub mod explain;
mod filter;
mod finding;
pub mod fleet;
mod foreseen;
pub mod glossary;
pub mod lookup;
mod output;
mod screen;
pub(crate) mod source;
pub(crate) mod style;
mod tally;
pub(crate) mod text;
mod word;

pub use baseline::Baseline;
pub(crate) use complain::complain;
pub use event::Event;
pub use filter::Filter;
pub use finding::FindingRow;
pub use fleet::{Fleet, Host, Keyed, Reporter};
pub use foreseen::RunRow;
pub use output::{Output, StandardOutput};
pub(crate) use screen::Column;
pub use screen::Screen;
pub use tally::{Counted, Tally};
pub use word::{Named, Word};
