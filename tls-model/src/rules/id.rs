//! The ids of rules in code.

use super::list::with_every_rule;

macro_rules! identifiers {
    ($($id:ident $name:literal => $module:ident::$rule:ident,)*) => {
        /// The id of a rule in code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RuleId {
            $(#[doc = concat!("`", $name, "`")] $id,)*
        }

        impl RuleId {
            /// Returns the rule's stable name, by which reports and `explain` refer to it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$id => $name,)*
                }
            }
        }
    };
}

with_every_rule!(identifiers);
