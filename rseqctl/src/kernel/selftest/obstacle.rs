//! What keeps an experiment from being made.

use std::fmt;
use std::io;

use super::seen::ONE_PROCESSOR;
use crate::report::text;
use crate::sys::rseq::Errno;

/// Why an experiment could not be made.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The area could not be registered.
    Registration(Errno),
    /// The kernel does not say on which processor a thread runs.
    NoProcessorNumber,
    /// There is no other processor.
    OneProcessor,
    /// A call failed; what it was for.
    Call(&'static str, io::Error),
    /// A thread could not be moved to this processor.
    Processor(&'static str, usize, io::Error),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registration(errno) => write!(f, "the registration failed: errno {errno}"),
            Self::NoProcessorNumber => f.write_str("getcpu fails"),
            Self::OneProcessor => f.write_str(ONE_PROCESSOR),
            Self::Call(what, error) => write!(f, "{what}: {}", text::cause(error)),
            Self::Processor(what, number, error) => {
                write!(f, "{what} processor {number}: {}", text::cause(error))
            }
        }
    }
}
