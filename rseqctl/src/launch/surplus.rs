//! Static TLS for libraries that come by `dlopen`.
//!
//! glibc keeps some bytes of the static TLS block for them, and
//! `glibc.rtld.optional_static_tls` is the part of it that can be set, before
//! exec only. Which libraries a program will load nobody can see in its files:
//! the user names them (`--may-load`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tls_model::elf::Object;
use tls_model::static_tls;

use super::error::{Error, NoObject};
use crate::program::FileSource;

/// What libraries need together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Bytes of static TLS.
    pub bytes: u64,
    /// The value of the tunable with which glibc grants them.
    pub tunable: u64,
}

impl Need {
    /// Of all these libraries; nothing where what glibc keeps anyway is enough.
    ///
    /// # Errors
    ///
    /// One of them cannot be read or is no ELF object.
    pub fn of(libraries: &[PathBuf]) -> Result<Option<Self>, Error> {
        let mut bytes = 0_u64;
        for library in libraries {
            bytes = bytes.saturating_add(one(library)?);
        }
        let tunable = static_tls::tunable_for(bytes);
        Ok(tunable.map(|tunable| Self { bytes, tunable }))
    }
}

fn one(library: &Path) -> Result<u64, Error> {
    let failed = |source| Error::MayLoad {
        path: library.to_path_buf(),
        source,
    };
    let metadata = fs::metadata(library).map_err(|error| failed(NoObject::Open(error)))?;
    // a FIFO would wait for a writer
    if !metadata.is_file() {
        return Err(failed(NoObject::NotAFile));
    }
    let file = File::open(library).map_err(|error| failed(NoObject::Open(error)))?;
    let object =
        Object::open(FileSource::new(file)).map_err(|error| failed(NoObject::Elf(error)))?;
    let report = rseq_code::read_definitions(&object);
    Ok(static_tls::need_by_dlopen(&report.facts).unwrap_or(0))
}
