//! Libraries that come by `dlopen`, and the static TLS that they need.
//!
//! glibc keeps some bytes of the static TLS block for them, and
//! `glibc.rtld.optional_static_tls` is the part of it that can be set, before
//! exec only. Which libraries a program will load cannot be seen in its files:
//! the user names them (`--may-load`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tls_model::elf::Object;
use tls_model::report::ObjectReport;
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

/// What libraries that come by `dlopen` need, and what is to be said about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MayLoad {
    /// Static TLS; none where what glibc keeps anyway is enough.
    pub need: Option<Need>,
    /// Those that use an `__rseq_abi` of their own whatever else is there.
    pub bound: Vec<PathBuf>,
}

impl MayLoad {
    /// Reads the libraries.
    ///
    /// # Errors
    ///
    /// One of them cannot be read or is no ELF object.
    pub fn read(libraries: &[PathBuf]) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut bytes = 0_u64;
        for library in libraries {
            let report = one(library)?;
            bytes = bytes.saturating_add(static_tls::need_by_dlopen(&report.facts).unwrap_or(0));
            if report.facts.binds_to_itself() {
                found.bound.push(library.clone());
            }
        }
        let tunable = static_tls::tunable_for(bytes);
        found.need = tunable.map(|tunable| Need { bytes, tunable });
        Ok(found)
    }
}

fn one(library: &Path) -> Result<ObjectReport, Error> {
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
    Ok(rseq_code::read_definitions(&object))
}
