//! Builds the suite's programs: once for this machine, and once in a way that
//! runs with every glibc from 2.31 on.
//!
//! The second is linked with the C library of Debian bullseye, the oldest of the
//! matrix, by this machine's compiler: symbol versions keep it good for all that
//! came later. The start files must be bullseye's, too: those of glibc 2.34 and
//! later leave constructors to a libc that knows of it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::cell::{EXPORTING, Place};
use super::root::Root;
use super::source::{self, Question, Source};
use rseq_kit::artifacts::artifacts;
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::folder;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;

/// Libraries that a program may use.
const LIBRARIES: [&str; 4] = ["pthread", "rt", "anl", "dl"];

/// The same by file name, for programs that are built for every glibc, and for
/// whoever packs a root for them.
#[must_use]
pub fn shared_objects(machine: Machine) -> [&'static str; 6] {
    [
        "libpthread.so.0",
        "librt.so.1",
        "libanl.so.1",
        "libdl.so.2",
        "libc.so.6",
        machine.linker_name(),
    ]
}

/// The built suite.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The folder that holds all of it.
    pub folder: PathBuf,
    /// What was built.
    pub sources: Vec<Source>,
}

impl Programs {
    /// For this machine only.
    ///
    /// # Errors
    ///
    /// There is no compiler, or it refuses.
    pub fn for_host() -> Result<&'static Self, String> {
        static BUILT: LazyLock<Result<Programs, String>> = LazyLock::new(Programs::build_for_host);
        BUILT.as_ref().map_err(Clone::clone)
    }

    /// For every glibc from 2.31 on.
    ///
    /// # Errors
    ///
    /// There is no compiler, or bullseye's C library cannot be had.
    pub fn for_all() -> Result<&'static Self, String> {
        Self::for_machine(Machine::X86_64)
    }

    /// The same for another machine.
    ///
    /// # Errors
    ///
    /// As [`Self::for_all`].
    pub fn for_machine(machine: Machine) -> Result<&'static Self, String> {
        type Built = LazyLock<Result<Programs, String>>;
        static HERE: Built = LazyLock::new(|| Programs::build_for(Machine::X86_64));
        static AARCH64: Built = LazyLock::new(|| Programs::build_for(Machine::Aarch64));
        static S390X: Built = LazyLock::new(|| Programs::build_for(Machine::S390x));
        let built = match machine {
            Machine::X86_64 => &HERE,
            Machine::Aarch64 => &AARCH64,
            Machine::S390x => &S390X,
        };
        built.as_ref().map_err(Clone::clone)
    }

    /// Those that run with this C library.
    ///
    /// # Errors
    ///
    /// They do not build.
    pub fn for_root(root: &Root) -> Result<&'static Self, String> {
        if root.loader.is_none() {
            Self::for_host()
        } else {
            Self::for_all()
        }
    }

    /// Where everything is on this machine, to run with the C library of `root`.
    ///
    /// # Errors
    ///
    /// The shim does not build.
    pub fn place(&self, root: &Root) -> Result<Place, String> {
        Ok(Place {
            programs: self.folder.clone(),
            shim: artifacts()?.shim.clone(),
            loader: root.loader.clone(),
        })
    }

    /// The questions of all programs.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.sources.iter().flat_map(|program| &program.questions)
    }

    fn build_for_host() -> Result<Self, String> {
        let link = LIBRARIES.map(|name| format!("-l{name}")).to_vec();
        let tools = Tools {
            label: "host",
            compiler: Machine::X86_64.compiler(),
            before: vec!["-pthread".to_owned()],
            after: link.clone(),
            libraries: link,
        };
        tools.build()
    }

    fn build_for(machine: Machine) -> Result<Self, String> {
        Tools::for_machine(machine)?.build()
    }

    /// The program of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Source, String> {
        let found = self.sources.iter().find(|source| source.name == name);
        found.ok_or_else(|| format!("no program {name:?}"))
    }
}

/// Compiles a program that is not of the suite into `folder`, for every glibc
/// from 2.31 on, and for this machine.
///
/// # Errors
///
/// As [`Programs::for_all`].
pub fn compile_for(machine: Machine, program: &Source, folder: &Path) -> Result<(), String> {
    Tools::for_machine(machine)?.compile(program, Kind::Program, folder)
}

impl Tools {
    fn for_machine(machine: Machine) -> Result<Self, String> {
        let packages = ["libc6", "libc6-dev", "linux-libc-dev"];
        let root = machine.suite(oldest(machine))?.root(&packages)?;
        let compiler = machine.compiler();
        let folder = root.join("lib").join(machine.libraries());
        let development = root.join("usr/lib").join(machine.libraries());
        let text = |path: PathBuf| path.display().to_string();
        let start = [
            text(development.join("Scrt1.o")),
            text(development.join("crti.o")),
            of_compiler(compiler, "crtbeginS.o")?,
        ];
        let mut libraries = vec!["-Wl,--as-needed".to_owned()];
        libraries.extend(shared_objects(machine).map(|name| text(folder.join(name))));
        libraries.push(text(development.join("libc_nonshared.a")));
        libraries.push("-lgcc".to_owned());
        let mut after = libraries.clone();
        after.extend([
            of_compiler(compiler, "crtendS.o")?,
            text(development.join("crtn.o")),
        ]);
        let mut before = vec![
            "-pthread".to_owned(),
            format!("--sysroot={}", root.display()),
            "-nostdlib".to_owned(),
        ];
        before.extend(start);
        Ok(Self {
            label: match machine {
                Machine::X86_64 => "all",
                Machine::Aarch64 => "all-aarch64",
                Machine::S390x => "all-s390x",
            },
            compiler,
            before,
            after,
            libraries,
        })
    }
}

/// The oldest Debian release of the matrix that is there for a machine: bullseye has gone
/// for s390x.
#[must_use]
pub fn oldest(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 | Machine::Aarch64 => "bullseye",
        Machine::S390x => "bookworm",
    }
}

/// A start file of the compiler's own.
fn of_compiler(compiler: &str, name: &str) -> Result<String, String> {
    let answer = Program::with_callers_environment(program(compiler)?)
        .arg(format!("-print-file-name={name}"))
        .run()?
        .expect(0)?;
    Ok(answer.out.trim().to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Library,
    Program,
    /// A program that exports `__rseq_abi`.
    Exporting,
}

struct Tools {
    label: &'static str,
    compiler: &'static str,
    /// Before the source of a program.
    before: Vec<String>,
    /// After it.
    after: Vec<String>,
    /// After the source of a library.
    libraries: Vec<String>,
}

impl Tools {
    /// Everything, kept under a name that holds the content it was made from.
    fn build(&self) -> Result<Programs, String> {
        let sources = source::programs()?;
        let libraries = source::libraries()?;
        let folder = cache::kept(
            &format!("conformance-{}-{:016x}", self.label, self.content()?),
            |into| {
                // what is used first
                let (users, used): (Vec<_>, Vec<_>) = libraries
                    .iter()
                    .partition(|library| !library.uses.is_empty());
                for library in used.iter().chain(&users) {
                    self.compile(library, Kind::Library, into)?;
                }
                for program in &sources {
                    self.compile(program, Kind::Program, into)?;
                    self.compile(program, Kind::Exporting, into)?;
                }
                Ok(())
            },
        )?;
        Ok(Programs { folder, sources })
    }

    fn compile(&self, source: &Source, kind: Kind, into: &Path) -> Result<(), String> {
        let shared = kind == Kind::Library;
        let out = into.join(match kind {
            Kind::Library => format!("{}.so", source.name),
            Kind::Program => source.name.clone(),
            Kind::Exporting => format!("{}{EXPORTING}", source.name),
        });
        let mut compiler = Program::with_callers_environment(program(self.compiler)?).args([
            "-std=gnu11",
            "-O2",
            "-g",
            "-Wall",
            "-Wextra",
            "-Werror",
        ]);
        if shared {
            compiler = compiler.arg(format!("-Wl,-soname,{}.so", source.name));
            // no start files: a library of the suite needs none
            let options = self.before.iter().filter(|word| word.starts_with('-'));
            compiler = compiler.args(["-shared", "-fPIC"]).args(options);
        } else {
            compiler = compiler.args(&self.before);
        }
        let mut used: Vec<_> = source
            .uses
            .iter()
            .map(|name| into.join(format!("{name}.so")).display().to_string())
            .collect();
        if !used.is_empty() {
            used.push("-Wl,-rpath,$ORIGIN".to_owned());
        }
        if kind == Kind::Exporting {
            let definition = source::folder().join("libraries/exporting.h");
            compiler = compiler
                .arg("-include")
                .arg(definition)
                .arg("-Wl,--export-dynamic-symbol=__rseq_abi");
        }
        let end = if shared { &self.libraries } else { &self.after };
        compiler
            .args(&source.options)
            .arg("-o")
            .args([&out, &source.path])
            .args(used)
            .args(end)
            .run()?
            .expect(0)
            .map(drop)
            .map_err(|error| format!("{}: {error}", source.path.display()))
    }

    /// All that decides what comes out.
    fn content(&self) -> Result<u64, String> {
        let mut content = DefaultHasher::new();
        let compiler = Program::with_callers_environment(program(self.compiler)?)
            .arg("--version")
            .run()?;
        compiler.out.hash(&mut content);
        self.before.hash(&mut content);
        self.after.hash(&mut content);
        let suite = source::folder();
        let fixtures = suite.join("../fixtures");
        for folder in [&suite, &suite.join("libraries"), &fixtures] {
            hash_sources(folder, &mut content)?;
        }
        Ok(content.finish())
    }
}

fn hash_sources(folder: &Path, content: &mut DefaultHasher) -> Result<(), String> {
    let is_suite = !folder.ends_with("fixtures");
    for path in folder::sorted(folder)? {
        let extension = path.extension().and_then(|text| text.to_str());
        // of the fixtures only the headers are used here
        if extension == Some("h") || (is_suite && extension == Some("c")) {
            path.file_name().hash(content);
            let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            text.hash(content);
        }
    }
    Ok(())
}
