//! What rules go by in code.

use super::list::with_every_rule;

macro_rules! identifiers {
    ($($id:ident => $module:ident::$rule:ident,)*) => {
        /// What a rule goes by in code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RuleId {
            $(#[doc = concat!("[`", stringify!($rule), "`](super::", stringify!($module), "::", stringify!($rule), ")")] $id,)*
        }
    };
}

with_every_rule!(identifiers);
