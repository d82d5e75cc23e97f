//! Nothing: the archive is what the dependency's build script leaves behind.
