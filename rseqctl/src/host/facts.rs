//! What this host and this process are, as far as rseq is concerned.

use std::env;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::facts::OwnLibrary;
use tls_model::protocol::variable;
use tls_model::static_tls;

use crate::report::Word;
use crate::sys::dynamic;
use crate::sys::thread::{self, Registration};
use crate::sys::{child, machine};
use crate::tunables::{self, RseqTunable, rseq_tunable};

/// The kernel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Kernel {
    /// As `uname -r`.
    pub release: String,
    /// As `uname -m`.
    pub architecture: String,
}

/// The auxiliary vector of this process.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Auxv {
    /// `AT_RSEQ_FEATURE_SIZE`: bytes of the area that the kernel fills; null
    /// before Linux 6.3.
    pub rseq_feature_size: Option<u32>,
    /// `AT_RSEQ_ALIGN`: alignment in bytes that it demands of areas longer than
    /// 32; null before Linux 6.3.
    pub rseq_align: Option<u32>,
    /// `AT_SECURE`: the dynamic linker ignores the caller's settings.
    pub secure: bool,
}

/// The libc that rseqctl runs on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Libc {
    /// Version of glibc; null for another libc.
    pub glibc: Option<String>,
    /// It has `__rseq_offset` (glibc 2.35 and later).
    pub knows_rseq: bool,
    /// `__rseq_offset`, in bytes from the thread pointer; null without it.
    pub rseq_offset: Option<i64>,
    /// `__rseq_size`, in bytes; 0 where the libc has registered nothing.
    pub rseq_size: Option<u32>,
    /// It owns `__rseq_abi`: what it registers is the definition that the program
    /// shares.
    pub owns_symbol: bool,
    /// Who has registered the thread that asks, by the kernel's word; null where it could
    /// not be asked in time.
    pub registered_by: Option<Word<Registration>>,
    /// `GLIBC_TUNABLES`; null where it is not set.
    pub tunables: Option<String>,
    /// What it says about `glibc.pthread.rseq`.
    pub rseq_tunable: RseqTunable,
    /// Bytes of static TLS kept for libraries that `dlopen` brings, all
    /// together; null where the dynamic linker does not list its tunables
    /// (before glibc 2.33).
    pub static_tls_surplus: Option<u64>,
    /// `glibc.rtld.optional_static_tls`, the part of it that can be set.
    pub optional_static_tls: Option<u64>,
}

/// Seccomp.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Seccomp {
    /// The mode of this process; null where the kernel has no seccomp.
    pub mode: Option<SeccompMode>,
    /// Number of filters (Linux 5.9, with /proc).
    pub filters: Option<u32>,
}

/// The mode of seccomp in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum SeccompMode {
    /// It is off.
    None,
    /// Four system calls are allowed.
    Strict,
    /// Filters decide.
    Filter,
}

impl SeccompMode {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Strict => "strict",
            Self::Filter => "filter",
        }
    }
}

/// One library in /etc/ld.so.preload.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Preloaded {
    /// As it stands there.
    pub library: String,
    /// The file is there; null for a name without a slash, which the dynamic
    /// linker looks for in its folders.
    pub found: Option<bool>,
    /// It is the shim, by its name.
    pub shim: bool,
}

/// Everything but the self-test.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Facts {
    /// The kernel.
    pub kernel: Kernel,
    /// The auxiliary vector.
    pub auxv: Auxv,
    /// The libc.
    pub libc: Libc,
    /// Seccomp.
    pub seccomp: Seccomp,
    /// What /etc/ld.so.preload lists; null where there is no such file.
    pub preload_file: Option<Vec<Preloaded>>,
}

/// The dynamic linker's own list of preloads.
pub const PRELOAD_FILE: &str = "/etc/ld.so.preload";

impl Facts {
    /// Returns the facts of this host and this process.
    #[must_use]
    pub fn here() -> Self {
        let (release, architecture) = machine::kernel();
        Self {
            kernel: Kernel {
                release,
                architecture,
            },
            auxv: Auxv {
                rseq_feature_size: machine::rseq_feature_size(),
                rseq_align: machine::rseq_align(),
                secure: machine::is_secure(),
            },
            libc: libc_here(),
            seccomp: Seccomp {
                mode: machine::seccomp_mode().map(|mode| match mode {
                    0 => SeccompMode::None,
                    1 => SeccompMode::Strict,
                    _ => SeccompMode::Filter,
                }),
                filters: status_of("Seccomp_filters:"),
            },
            preload_file: fs::read(PRELOAD_FILE).ok().map(|text| preloaded(&text)),
        }
    }
}

fn libc_here() -> Libc {
    let area = dynamic::libc_area();
    let tunables = env::var_os(variable::TUNABLES);
    let listed = tunables::listed();
    let tunable = |name: &str| {
        listed
            .as_deref()
            .and_then(|text| tunables::listed_value(text, name))
    };
    let optional = tunable(variable::STATIC_TLS_TUNABLE);
    let namespaces = tunable("glibc.rtld.nns").unwrap_or(static_tls::NAMESPACES);
    let surplus = optional.map(|optional| static_tls::surplus(namespaces, optional));
    Libc {
        glibc: dynamic::glibc_version(),
        knows_rseq: area.is_some(),
        rseq_offset: area.map(|area| area.offset),
        rseq_size: area.map(|area| area.size),
        owns_symbol: dynamic::libc_owns_symbol(),
        registered_by: registered_by().map(Word),
        rseq_tunable: rseq_tunable(tunables.as_deref(), |_| tunable("glibc.pthread.rseq")),
        tunables: tunables.map(|value| value.to_string_lossy().into_owned()),
        static_tls_surplus: surplus,
        optional_static_tls: optional,
    }
}

/// Returns who has registered the calling thread; none where that was not told in time. A
/// child inherits the registration; it is asked because a filter may kill who asks.
fn registered_by() -> Option<Registration> {
    let told = child::ask(PATIENCE, |out| {
        let shared = dynamic::address_of(c"__rseq_abi");
        let (registration, _) = thread::registration(shared, dynamic::libc_area());
        let _ = out.write_all(registration.name().as_bytes());
    });
    let told = told.ok()?;
    let name = std::str::from_utf8(&told.text).ok()?;
    match (Registration::from_name(name), told.ending) {
        (Some(registration), _) => Some(registration),
        // killed for asking
        (None, Some(_)) => Some(Registration::Denied),
        (None, None) => None,
    }
}

/// How long a child may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

fn status_of(key: &str) -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    value.trim().parse().ok()
}

/// Returns the libraries that the file lists. Names are separated by white space and
/// colons; `#` begins a comment (glibc elf/rtld.c, do_preload and load_path).
fn preloaded(text: &[u8]) -> Vec<Preloaded> {
    text.split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b'#').next())
        .flat_map(|line| line.split(|byte| b" \t:".contains(byte)))
        .filter(|name| !name.is_empty())
        .map(|name| {
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(name));
            Preloaded {
                found: name.contains(&b'/').then(|| path.is_file()),
                shim: path
                    .file_name()
                    .is_some_and(|file| OwnLibrary::from_name(file.as_bytes()).is_some()),
                library: path.to_string_lossy().into_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_preload_file() {
        let text = b"# what we preload\n/lib/librseq_shim.so:libfoo.so /no/such.so # gone\n\n";
        let found: Vec<_> = preloaded(text)
            .into_iter()
            .map(|entry| (entry.library, entry.found, entry.shim))
            .collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].2);
        assert_eq!(found[1], ("libfoo.so".to_owned(), None, false));
        assert_eq!(found[2], ("/no/such.so".to_owned(), Some(false), false));
    }
}
