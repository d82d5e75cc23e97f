//! What one object says about rseq and thread-local storage: plain data, no
//! judgement (that is [`crate::rules`]).

mod by_name;
mod damage;
mod hint;
mod machine;
mod object;
mod own_library;
mod read;
mod searched;
mod section;
mod storage;
mod symbol;
mod tls_access;

pub use damage::Damage;
pub use hint::may_bring_an_area;
pub use machine::machine_name;
pub use object::{DynamicFlags, Evidence, Facts, ObjectKind};
pub use own_library::OwnLibrary;
pub use section::{SectionName, Sections};
pub use storage::{Tls, TlsLayout};
pub use symbol::{
    Binding, MOST_SYMBOLS, NameSet, Role, SymbolFact, SymbolKind, SymbolName, SymbolTable, Symbols,
    Visibility,
};
pub use tls_access::{ModelEvidence, TlsAccess, TlsModel, TlsModels};
