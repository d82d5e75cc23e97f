//! The libraries that a program starts with, in the order of its global scope.
//!
//! The program's own dynamic linker is asked (`ld.so --list`): it maps the
//! libraries and runs nothing. Its word is exact where a rebuilt search path is
//! a guess: RUNPATH, cache, hardware directories, the user's `LD_PRELOAD`.

use std::ffi::OsStr;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tls_model::elf::{Object, Source};
use tls_model::facts::{Facts, SymbolName};

use crate::source::FileSource;
use crate::sys::process;

/// Who defines `__rseq_abi` among the objects of a program.
#[derive(Debug, Default)]
pub struct Scope {
    /// The first exported definition: the one that wins.
    pub adopter: Option<Adopter>,
    /// The first object that defines the symbol without exporting it.
    pub hidden: Option<PathBuf>,
    /// The objects that use `__rseq_abi`, their own or another's.
    pub users: Vec<User>,
    /// A sanitizer's runtime, which insists on coming first.
    pub sanitizer: Option<PathBuf>,
    /// The dynamic linker has told what it would load, and glibc is not there.
    pub lacks_libc: bool,
}

/// An object that uses `__rseq_abi`.
#[derive(Clone, Debug)]
pub struct User {
    /// Its file.
    pub path: PathBuf,
    /// It has a definition of its own that others cannot see.
    pub is_hidden: bool,
}

/// An object that exports `__rseq_abi`.
#[derive(Debug)]
pub struct Adopter {
    /// Its file.
    pub path: PathBuf,
    /// `st_size` of the definition in bytes.
    pub size: u64,
    /// The executable does not name the library itself, so that the symbol of
    /// last resort, which is needed by a preload, would come before it.
    pub is_deep: bool,
}

impl Scope {
    /// The executable by itself.
    pub fn alone(path: &Path, facts: &Facts) -> Self {
        let mut scope = Self::default();
        scope.add(path, facts, false);
        scope
    }

    /// As [`Self::of_program`], of a file that is not open yet.
    pub fn read(path: &Path, linker: &Path) -> Option<Self> {
        let object = Object::open(FileSource::new(File::open(path).ok()?)).ok()?;
        Some(Self::of_program(
            path,
            &object,
            &Facts::read(&object),
            linker,
        ))
    }

    /// The executable and, where its dynamic linker answers, its libraries.
    pub fn of_program<S: Source>(
        path: &Path,
        object: &Object<S>,
        facts: &Facts,
        linker: &Path,
    ) -> Self {
        let mut scope = Self::alone(path, facts);
        let direct = direct_needs(object);
        let listed = listed(linker, path);
        let libraries: Vec<PathBuf> = listed
            .split(|&byte| byte == b'\n')
            .filter_map(path_of)
            .collect();
        let is_named = |library: &Path, names: &[&str]| {
            let name = library.file_name().unwrap_or_default().as_bytes();
            names.iter().any(|start| name.starts_with(start.as_bytes()))
        };
        scope.lacks_libc = !listed.is_empty()
            && !libraries
                .iter()
                .any(|library| is_named(library, &["libc.so.6"]));
        for library in libraries {
            let Ok(file) = File::open(&library) else {
                continue;
            };
            if is_named(&library, &SANITIZERS) {
                scope.sanitizer.get_or_insert(library.clone());
            }
            if let Ok(object) = Object::open(FileSource::new(file)) {
                let is_direct = library
                    .file_name()
                    .is_some_and(|name| direct.iter().any(|need| need == name));
                scope.add(&library, &Facts::read(&object), !is_direct);
            }
        }
        scope
    }

    fn add(&mut self, path: &Path, facts: &Facts, is_deep: bool) {
        if let Some(symbol) = facts.exported_definition() {
            self.adopter.get_or_insert(Adopter {
                path: path.to_path_buf(),
                size: symbol.size,
                is_deep,
            });
        } else if facts.hidden_definition() {
            self.hidden.get_or_insert(path.to_path_buf());
        }
        let is_hidden = facts.hidden_definition();
        let names_it = facts.symbols.iter().any(|it| it.name == SymbolName::Abi);
        if is_hidden || names_it {
            self.users.push(User {
                path: path.to_path_buf(),
                is_hidden,
            });
        }
    }
}

/// AddressSanitizer checks that it comes first; the others need not.
const SANITIZERS: [&str; 2] = ["libasan.so", "libclang_rt.asan"];

/// The file names in the executable's DT_NEEDED.
fn direct_needs<S: Source>(object: &Object<S>) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut buffer = [0; 4096];
    // a damaged table: what was read before the damage
    let _ = object.needed(&mut buffer, |name| {
        names.extend(
            Path::new(OsStr::from_bytes(name))
                .file_name()
                .map(PathBuf::from),
        );
        ControlFlow::<()>::Continue(())
    });
    names
}

/// What the dynamic linker says it would load, a line each, in load order. It is
/// given up on after [`PATIENCE`]: a program that cannot be asked is started all
/// the same.
fn listed(linker: &Path, executable: &Path) -> Vec<u8> {
    let mut command = Command::new(linker);
    command.arg("--list").arg(executable);
    process::answer_of(&mut command, PATIENCE).unwrap_or_default()
}

const PATIENCE: Duration = Duration::from_secs(10);

/// `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)`.
fn path_of(line: &[u8]) -> Option<PathBuf> {
    let line = line.trim_ascii();
    let end = line.windows(4).rposition(|window| window == b" (0x")?;
    let entry = line.get(..end)?;
    let path = match entry.windows(4).position(|window| window == b" => ") {
        Some(arrow) => entry.get(arrow + 4..)?,
        None => entry,
    };
    // a DT_NEEDED with a slash may be relative to the current directory
    path.contains(&b'/')
        .then(|| PathBuf::from(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_dynamic_linker() {
        let cases: [(&str, Option<&str>); 6] = [
            (
                "\tlibc.so.6 => /lib/libc.so.6 (0x00007f0000000000)",
                Some("/lib/libc.so.6"),
            ),
            (
                "\t/lib64/ld-linux-x86-64.so.2 (0x00007f0000000000)",
                Some("/lib64/ld-linux-x86-64.so.2"),
            ),
            (
                "\tlibx.so => /a (b)/libx.so (0x0000700000000000)",
                Some("/a (b)/libx.so"),
            ),
            ("\tsub/libtc.so (0x0000700000000000)", Some("sub/libtc.so")),
            ("\tlinux-vdso.so.1 (0x00007ffc00000000)", None),
            ("\tlibgone.so => not found", None),
        ];
        for (line, expected) in cases {
            assert_eq!(
                path_of(line.as_bytes()),
                expected.map(PathBuf::from),
                "{line}"
            );
        }
    }
}
