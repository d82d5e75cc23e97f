//! The calling thread's registration.
//!
//! | module | concern |
//! |---|---|
//! | [`area`] | registers the area, or says in it that it could not be |
//! | [`nesting`] | registrations nest per thread, also in signal handlers |
//! | [`birth`] | those that last as long as the thread |

pub mod area;
pub mod birth;
pub mod nesting;
