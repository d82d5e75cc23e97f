//! What every report needs: text for terminals, the keys of a host, the words of
//! verdicts.

pub mod choices;
mod complain;
pub mod explain;
pub mod fleet;
mod foreseen;
mod output;
pub(crate) mod text;
pub mod verdict;
mod wrap;

pub(crate) use complain::complain;
pub use fleet::{Fleet, Host, Keyed, Reporter};
pub use foreseen::RunRow;
pub use output::{Output, StandardOutput};
pub(crate) use wrap::wrapped;
