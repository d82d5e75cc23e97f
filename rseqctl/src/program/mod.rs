//! A whole program: the objects that it starts with, and whose `__rseq_abi` wins
//! among them.
//!
//! They are found as glibc's dynamic linker finds them, without running anything
//! ([`Program::load`]), or named by the program's own dynamic linker
//! ([`Program::ask`]), for a program that is about to be started anyway.
//!
//! The order is that of the global scope: the program, what is preloaded, then
//! the needed libraries, breadth first. What only `dlopen` brings is not there.
//!
//! Not followed: `LD_AUDIT`, tunables that make glibc see another processor, and
//! dynamic linkers other than glibc's.
//!
//! ```
//! use rseqctl::program::{Program, Search};
//!
//! let program = Program::load(&std::env::current_exe()?, &Search::of_this_process())?;
//! for object in &program.objects {
//!     println!("{}", object.path.display());
//! }
//! assert!(program.missing.is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```

mod asked;
mod cache;
mod hardware;
pub mod libraries;
mod linker;
mod loaded;
mod platform;
mod root;
mod search;
pub(crate) mod source;
mod tokens;

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use loaded::Loaded;
use root::Root;
pub use search::Search;
use search::Searcher;
pub use source::FileSource;

/// Most objects of one program; real ones have hundreds.
const MOST: usize = 10_000;

/// A program and the objects that it starts with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Program {
    /// In the order of the global scope, the program first.
    pub objects: Vec<Loaded>,
    /// Needed names that were not found, each with the object that needs it.
    pub missing: Vec<(OsString, PathBuf)>,
}

impl Program {
    /// Finds the objects of the program at `path` (in the root, where the
    /// search has one).
    ///
    /// # Errors
    ///
    /// The program itself cannot be read or is no ELF object.
    pub fn load(path: &Path, search: &Search) -> io::Result<Self> {
        let root = Root::new(search.root.as_deref());
        let file = root.real(path)?;
        let main = Loaded::open(&file, path, None)?;
        let is_privileged = file.metadata()?.permissions().mode() & 0o6000 != 0;
        let interpreter = main.interpreter.clone();
        let mut loader = Loader {
            searcher: Searcher::new(root, search, &main, is_privileged),
            program: Self {
                objects: vec![main],
                missing: Vec::new(),
            },
            names: HashSet::new(),
            interpreter,
        };
        if !is_privileged && let Some(preload) = &search.preload {
            for name in preload
                .as_bytes()
                .split(|byte| b" :".contains(byte))
                .filter(|name| !name.is_empty())
            {
                loader.need(name, 0);
            }
        }
        let mut next = 0;
        while next < loader.program.objects.len().min(MOST) {
            let needed = loader.program.objects[next].needed.clone();
            for name in needed {
                loader.need(&name, next);
            }
            next += 1;
        }
        Ok(loader.program)
    }

    /// Returns the program by itself.
    #[must_use]
    pub fn alone(main: Loaded) -> Self {
        Self {
            objects: vec![main],
            missing: Vec::new(),
        }
    }

    /// Returns the objects that the dynamic linker `linker` names for the program `main`,
    /// in this process's environment. Where it names none within ten seconds (it
    /// may not be executed, a library is missing) they are found as by
    /// [`Self::load`].
    #[must_use]
    pub fn ask(main: Loaded, linker: &Path) -> Self {
        // the kernel tells it the file, and `$ORIGIN` is the folder of that
        let real = main.path.canonicalize();
        let told = asked::ask(linker, real.as_deref().unwrap_or(&main.path));
        if told.is_empty() {
            let found = Self::load(&main.path, &Search::of_this_process());
            return found.unwrap_or_else(|_| Self::alone(main));
        }
        let mut objects = vec![main];
        for file in told {
            let by = asked::needer(&objects, &file);
            // it may have gone, or not be for us to read
            objects.extend(Loaded::open(&file, &file, Some(by)));
        }
        let missing = Vec::new();
        Self { objects, missing }
    }

    /// Returns the object whose `__rseq_abi` is that of the whole program: the first
    /// that exports one.
    #[must_use]
    pub fn winner(&self) -> Option<&Loaded> {
        self.definers().next()
    }

    /// Returns the objects that export an `__rseq_abi`, in the order of the global scope.
    pub fn definers(&self) -> impl Iterator<Item = &Loaded> {
        self.objects
            .iter()
            .filter(|object| object.report.exported_definition().is_some())
    }

    /// Returns the objects with an `__rseq_abi` of their own that others cannot see, and that
    /// they register themselves.
    pub fn hidden(&self) -> impl Iterator<Item = &Loaded> {
        self.objects
            .iter()
            .filter(|object| object.report.brings_client())
    }

    /// Returns the position of the object at `path`.
    #[must_use]
    pub fn position(&self, path: &Path) -> Option<usize> {
        let path = path.canonicalize().ok()?;
        self.objects.iter().position(|object| {
            object.file == path || object.file.canonicalize().is_ok_and(|file| file == path)
        })
    }
}

struct Loader<'a> {
    searcher: Searcher<'a>,
    program: Program,
    /// Names that are loaded: as they were asked for, and DT_SONAME.
    names: HashSet<Vec<u8>>,
    interpreter: Option<PathBuf>,
}

impl Loader<'_> {
    fn need(&mut self, name: &[u8], by: usize) {
        if self.names.contains(name) {
            return;
        }
        let objects = &self.program.objects;
        let is_linker = self.interpreter.as_deref().is_some_and(|linker| {
            linker.as_os_str().as_bytes() == name
                || linker
                    .file_name()
                    .is_some_and(|last| last.as_bytes() == name)
        });
        let found = if is_linker {
            let linker = self.interpreter.clone().unwrap_or_default();
            self.searcher.open(&linker, by)
        } else {
            self.searcher.find(name, objects, by)
        };
        let Some(found) = found else {
            let by = objects.get(by).map(|object| object.path.clone());
            let name = std::ffi::OsStr::from_bytes(name).to_owned();
            self.program.missing.push((name, by.unwrap_or_default()));
            return;
        };
        // another object may look elsewhere and find what this one does not
        self.names.insert(name.to_vec());
        // the same file by another name is not loaded again
        if !objects.iter().any(|known| known.identity == found.identity) {
            self.names.extend(found.soname.clone());
            self.program.objects.push(found);
        }
    }
}
