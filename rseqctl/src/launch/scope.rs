//! Who defines and who uses `__rseq_abi` among the objects that a program starts
//! with, as its own dynamic linker names them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tls_model::facts::{OwnLibrary, Role, SymbolName};
use tls_model::report::ObjectReport;

use crate::program::{Loaded, Program};

/// Who defines `__rseq_abi` among the objects of a program.
#[derive(Debug, Default)]
pub struct Scope {
    /// The first exported definition, the one that wins, unless it is the libc's.
    pub adopter: Option<Adopter>,
    /// The first object that defines the symbol without exporting it.
    pub hidden: Option<PathBuf>,
    /// The objects that export a definition which does not win, and use it all
    /// the same.
    pub bound: Vec<PathBuf>,
    /// The objects that use `__rseq_abi`, their own or another's, or critical sections on the
    /// libc's area.
    pub users: Vec<User>,
    /// A sanitizer's runtime, which insists on coming first.
    pub sanitizer: Option<PathBuf>,
    /// The libc owns the symbol: it registers the definition that wins.
    pub libc_owns_symbol: bool,
    /// The dynamic linker that loads them; none for a static program.
    pub linker: Option<PathBuf>,
    /// The dynamic linker has told what it would load, and glibc is not there.
    pub lacks_libc: bool,
    /// A static program brings a libc that registers; nothing where its symbols are
    /// gone, or nobody has looked.
    pub brings_registering_libc: Option<bool>,
}

/// An object that uses somebody's area.
#[derive(Clone, Debug)]
pub struct User {
    /// Its file.
    pub path: PathBuf,
    /// It has a definition of its own that others cannot see, and registers it.
    pub is_hidden: bool,
    /// It uses `__rseq_abi`, its own or another's.
    pub uses_symbol: bool,
    /// It has critical sections, and takes the libc's area for them where there is one.
    pub uses_libcs: bool,
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
    /// Returns the scope of the executable by itself.
    pub fn alone(main: Loaded) -> Self {
        let facts = &main.report.facts;
        let offset = facts
            .symbols
            .iter()
            .find(|it| it.name == SymbolName::Offset);
        let brings_registering_libc = if offset.is_some_and(|it| it.role == Role::Defines) {
            Some(true)
        } else {
            facts.has_symtab.then_some(false)
        };
        Self {
            // nobody was asked
            lacks_libc: false,
            brings_registering_libc,
            ..Self::of(&Program::alone(main))
        }
    }

    /// Returns the same for a program whose libc does not register.
    pub fn without_registering_libc(self) -> Self {
        Self {
            brings_registering_libc: Some(false),
            ..self
        }
    }

    /// Returns the scope of the executable and the libraries that `linker` would load with it.
    pub fn with_libraries(main: Loaded, linker: &Path) -> Self {
        Self {
            linker: Some(linker.to_path_buf()),
            ..Self::of(&Program::ask(main, linker))
        }
    }

    fn of(program: &Program) -> Self {
        let is_named = |name: &Path, starts: &[&str]| {
            let name = name.file_name().unwrap_or_default().as_bytes();
            starts
                .iter()
                .any(|start| name.starts_with(start.as_bytes()))
        };
        let names = || {
            let found = program.objects.iter().map(|object| object.path.as_path());
            found.chain(program.missing.iter().map(|(name, _)| Path::new(name)))
        };
        let owns = |object: &Loaded| object.report.facts.is_owning_libc();
        // the definition of last resort gives way to any other: what is in its way
        // will be preloaded before it
        let is_last_resort = |object: &Loaded| object.report.facts.library == Some(OwnLibrary::Abi);
        let adopter = program.definers().find(|object| !is_last_resort(object));
        let mut scope = Self {
            adopter: adopter.filter(|it| !owns(it)).and_then(|object| {
                Some(Adopter {
                    path: object.path.clone(),
                    size: object.report.exported_definition()?.size,
                    is_deep: is_deep(program, object),
                })
            }),
            hidden: program.hidden().next().map(|object| object.path.clone()),
            bound: Vec::new(),
            users: Vec::new(),
            sanitizer: names()
                .find(|name| is_named(name, &SANITIZERS))
                .map(Path::to_path_buf),
            libc_owns_symbol: program.objects.iter().any(owns),
            linker: None,
            lacks_libc: !names().any(|name| is_named(name, &["libc.so.6"])),
            brings_registering_libc: None,
        };
        for object in &program.objects {
            scope.add(&object.path, &object.report);
            let wins = adopter.is_some_and(|adopter| adopter.path == object.path);
            if !wins && object.report.facts.binds_to_itself() && !owns(object) {
                scope.bound.push(object.path.clone());
            }
        }
        scope
    }

    /// Notes an object that uses the symbol.
    fn add(&mut self, path: &Path, report: &ObjectReport) {
        let facts = &report.facts;
        // what we preload is nobody's own
        if facts.library.is_some() {
            return;
        }
        let is_hidden = report.brings_client();
        let names_it = facts.symbols.iter().any(|it| it.name == SymbolName::Abi);
        // a libc only registers it
        let only_registers = facts.is_owning_libc() && facts.sections.is_empty();
        let uses_symbol = is_hidden || names_it && !only_registers;
        let uses_libcs = report.may_use_libcs_area();
        if uses_symbol || uses_libcs {
            self.users.push(User {
                path: path.to_path_buf(),
                is_hidden,
                uses_symbol,
                uses_libcs,
            });
        }
    }
}

/// Returns whether the executable does not name the library itself.
fn is_deep(program: &Program, library: &Loaded) -> bool {
    let named =
        |name: &Vec<u8>| Path::new(OsStr::from_bytes(name)).file_name() == library.path.file_name();
    program
        .objects
        .first()
        .is_some_and(|main| main.path != library.path && !main.needed.iter().any(named))
}

/// AddressSanitizer checks that it comes first; the others need not.
const SANITIZERS: [&str; 2] = ["libasan.so", "libclang_rt.asan"];
