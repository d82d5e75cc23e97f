//! Empty: what counts is a file beside the source of the dependency.
