//! Words of reports: values that have a stable name, and whose schema lists the
//! names of all.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use tls_model::facts::{
    Binding, Evidence, ModelEvidence, ObjectKind, Role, SectionName, SymbolName, SymbolTable,
    TlsModel, Visibility,
};
use tls_model::owner::{Mode, Owner};
use tls_model::rules::{self, Level, Rule};

use crate::sys::thread::Registration;

/// A type whose values have stable names.
pub trait Named: Copy + 'static {
    /// Returns every value.
    fn all() -> Vec<Self>;

    /// Returns the value's name in reports.
    fn name(self) -> &'static str;
}

/// A value that is written as its name. It compares and derefs to the value.
///
/// ```
/// use rseqctl::report::Word;
/// use tls_model::rules::Level;
///
/// let level = Word(Level::Error);
/// assert_eq!(level, Level::Error);
/// assert_eq!(level.to_string(), "error");
/// assert_eq!(serde_json::to_string(&level)?, r#""error""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word<T>(pub T);

impl<T> Deref for Word<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: PartialEq> PartialEq<T> for Word<T> {
    fn eq(&self, other: &T) -> bool {
        self.0 == *other
    }
}

impl<T> From<T> for Word<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Named> Word<T> {
    /// Returns the value's name.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.0.name()
    }
}

impl<T: Named> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name())
    }
}

impl<T: Named> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<T: Named> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = T::all().into_iter().map(T::name).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Makes types [`Named`]: the values are listed, and the compiler complains where
/// one is missing. Their names are those of the type itself.
macro_rules! named {
    ($($type:ident { $($value:ident $(($sample:expr))?),* $(,)? })*) => {
        $(impl Named for $type {
            fn all() -> Vec<Self> {
                let values = vec![$($type::$value $(($sample))?),*];
                // every value is in the list
                for value in &values {
                    match value {
                        $(named!(@pattern $type $value $($sample)?) => {})*
                    }
                }
                values
            }

            fn name(self) -> &'static str {
                $type::name(self)
            }
        })*
    };
    (@pattern $type:ident $value:ident) => { $type::$value };
    (@pattern $type:ident $value:ident $sample:expr) => { $type::$value(_) };
}

named! {
    Binding { Local, Global, Weak, Unique, Other(0) }
    Evidence { Proved, Likely }
    Level { Error, Warning, Note }
    Mode { Auto, Own, Defer, Takeover, Off }
    ModelEvidence { Proved, Likely, Assumed }
    ObjectKind { Executable, Shared, Relocatable, Core, Debug, Other }
    Owner { Unavailable, Libc, Adopter, Client, Shim }
    Registration { Nobody, Shared, Libc, Denied }
    Role { Defines, References, Copies }
    SectionName { Descriptors, Pointers, ExitPoints, Failure, Trampoline, Owner }
    SymbolName { Abi, Offset, Size, Flags, Handled, Nobody }
    SymbolTable { Dynsym, Symtab, Lto }
    TlsModel { InitialExec, LocalExec, GeneralDynamic, LocalDynamic, Tlsdesc, Unknown }
    Visibility { Default, Internal, Hidden, Protected }
}

impl Named for &'static Rule {
    fn all() -> Vec<Self> {
        // those of findings; the verdicts about a host have rows of their own
        rules::of_programs().collect()
    }

    fn name(self) -> &'static str {
        self.name
    }
}
