//! Reading ELF objects.
