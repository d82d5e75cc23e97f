//! The command's executable: where it is, and whether it can be preloaded.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tls_model::elf::{Class, Endian};
use tls_model::facts::ObjectKind;
use tls_model::rseq::arch;

use super::error::Error;
use super::launcher::{Launch, command_behind, command_behind_script, is_shell};
use super::scope::Scope;
use crate::program::Loaded;

/// How many `#!` lines may lead from one script to the next (as Linux).
const INTERPRETER_DEPTH: usize = 4;

/// A command, found.
pub struct Target {
    /// What will be executed.
    pub path: PathBuf,
    /// What the program behind all launchers will be executed by: it, or a script.
    pub executed: PathBuf,
    /// The ELF executable behind it: itself, or a script's interpreter.
    pub executable: PathBuf,
    /// The file that the kernel executes for it: the executable, or the dynamic
    /// linker that was told to load it.
    pub image: PathBuf,
    /// What it is.
    pub kind: TargetKind,
    /// The launchers on the way to it, by what they were called.
    pub through: Vec<String>,
    /// Why what it starts in its turn was not looked at, if it starts something.
    pub unseen: Option<&'static str>,
}

/// What a command is, as far as a preload is concerned.
pub enum TargetKind {
    /// A program that glibc's dynamic linker loads, for this machine.
    Preloadable(Scope),
    /// An ELF program that the shim cannot be loaded into.
    NotPreloadable {
        /// Why, as a clause.
        why: String,
        /// What the executable says by itself; nothing if it cannot be read.
        scope: Scope,
        /// A glibc inside still reads `GLIBC_TUNABLES`.
        tunables: bool,
        /// It takes no notice of `LD_PRELOAD`, and what it starts may.
        hands_on: bool,
    },
    /// glibc's dynamic linker itself, started as `ld.so PROGRAM`.
    DynamicLinker,
    /// Text without a `#!` line, which execvp(3) hands to the shell.
    ShellText,
    /// Nothing that can be executed.
    NotAProgram,
}

impl Target {
    /// Finds `program` as execvp(3) does, and classifies it.
    pub(crate) fn find(program: &OsStr, arguments: &[OsString]) -> Result<Self, Error> {
        Self::find_through(program, arguments, LAUNCHER_DEPTH)
    }

    /// Finds it as [`Self::find`] does, through a bounded number of launchers.
    fn find_through(program: &OsStr, arguments: &[OsString], depth: usize) -> Result<Self, Error> {
        let path = search(program)?;
        let launch = match script_shell(&path) {
            Some(_) => command_behind_script(&path, arguments),
            None => command_behind(&path, arguments),
        };
        let mut unseen = None;
        match launch {
            Launch::Program => {}
            Launch::Unknown(why) => unseen = Some(why),
            // what the launcher cannot start it will say itself
            Launch::Command(command) => match command.split_first() {
                Some((inner, rest)) if depth > 0 => {
                    match Self::find_through(inner, rest, depth - 1) {
                        Ok(found) if matches!(found.kind, TargetKind::NotAProgram) => {
                            unseen = Some("what it would start is neither ELF nor a script");
                        }
                        Ok(mut found) => {
                            found.through.insert(0, program.display().to_string());
                            return Ok(Self { path, ..found });
                        }
                        Err(_) => unseen = Some("what it would start was not found"),
                    }
                }
                _ => unseen = Some("too many launchers start each other"),
            },
        }
        let (mut executable, mut kind) = classify(&path, INTERPRETER_DEPTH)?;
        let image = executable.clone();
        if let TargetKind::DynamicLinker = kind {
            (executable, kind) = match program_of_linker(arguments) {
                Some(program) => classify_for_linker(Path::new(program), &path)?,
                None => (path.clone(), TargetKind::Preloadable(Scope::default())),
            };
        }
        Ok(Self {
            executed: path.clone(),
            path,
            executable,
            image,
            kind,
            through: Vec::new(),
            unseen,
        })
    }
}

impl Target {
    /// Returns the file to name in messages: what a launcher starts, not the launcher.
    pub fn named(&self) -> &Path {
        if self.through.is_empty() {
            &self.path
        } else {
            &self.executable
        }
    }

    /// Returns whether it hands a preload on that it cannot load itself.
    pub fn hands_on(&self) -> bool {
        matches!(self.kind, TargetKind::NotPreloadable { hands_on, .. } if hands_on)
    }

    /// Returns why the shim cannot be loaded into it, and what that comes to.
    pub fn obstacle(&self) -> Option<String> {
        let TargetKind::NotPreloadable { why, hands_on, .. } = &self.kind else {
            return None;
        };
        let comes_to = if *hands_on {
            "the shim is for what it starts"
        } else {
            "starting it without the shim"
        };
        Some(format!("{why}; {comes_to}"))
    }

    /// Returns whether it is text without a `#!` line, which only a shell can run.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, TargetKind::ShellText)
    }

    /// Returns device and inode of [`Self::image`].
    pub fn identity(&self) -> Option<(u64, u64)> {
        let metadata = fs::metadata(&self.image).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Returns who defines and uses `__rseq_abi` in it, as far as that is known.
    pub fn scope(&self) -> Option<&Scope> {
        match &self.kind {
            TargetKind::Preloadable(scope) | TargetKind::NotPreloadable { scope, .. } => {
                Some(scope)
            }
            TargetKind::DynamicLinker | TargetKind::ShellText | TargetKind::NotAProgram => None,
        }
    }
}

/// How many launchers may start one another.
const LAUNCHER_DEPTH: usize = 8;

/// Returns the shell that the `#!` line of a script names, if it is a shell.
fn script_shell(path: &Path) -> Option<PathBuf> {
    let mut start = Vec::new();
    // a FIFO would wait for a writer
    let file = path.is_file().then(|| File::open(path).ok()).flatten()?;
    file.take(256).read_to_end(&mut start).ok()?;
    let interpreter = interpreter_of(start.strip_prefix(b"#!").map(|_| start.as_slice())?)?;
    is_shell(&interpreter).then_some(interpreter)
}

/// Returns the file that execvp(3) would execute.
pub(super) fn search(program: &OsStr) -> Result<PathBuf, Error> {
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let list = env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let mut forbidden = None;
    for directory in env::split_paths(&list) {
        let candidate = directory.join(program);
        match fs::metadata(&candidate) {
            Ok(metadata) if !metadata.is_file() => {}
            Ok(_) if crate::sys::process::may_execute(&candidate) => return Ok(candidate),
            Ok(_) => forbidden = Some(candidate),
            Err(_) => {}
        }
    }
    Err(match forbidden {
        Some(path) => Error::NotExecutable(path),
        None => Error::NoSuchCommand(program.to_owned()),
    })
}

/// Classifies the file at `path`; returns the executable behind it, too. At most `depth`
/// `#!` lines are followed.
fn classify(path: &Path, depth: usize) -> Result<(PathBuf, TargetKind), Error> {
    let cannot = |error| Error::execute(path, error);
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile(path.to_path_buf()));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(Error::NotExecutable(path.to_path_buf()));
    }
    let mut file = match File::open(path) {
        Ok(file) => file,
        // programs may be executable without being readable
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let why = "it cannot be read, so nothing is known about it".to_owned();
            let kind = TargetKind::NotPreloadable {
                why,
                scope: Scope::default(),
                tunables: false,
                hands_on: false,
            };
            return Ok((path.to_path_buf(), kind));
        }
        Err(error) => return Err(cannot(error)),
    };
    let mut start = Vec::new();
    file.by_ref()
        .take(4096)
        .read_to_end(&mut start)
        .map_err(cannot)?;
    if start.starts_with(b"#!") {
        return match interpreter_of(&start) {
            Some(interpreter) if depth > 0 => classify(&interpreter, depth - 1),
            _ => Ok((path.to_path_buf(), TargetKind::NotAProgram)),
        };
    }
    let Ok(main) = Loaded::program(file, path) else {
        // an empty file is a script that does nothing
        let kind = if start.contains(&0) || start.starts_with(b"\x7fELF") {
            TargetKind::NotAProgram
        } else {
            TargetKind::ShellText
        };
        return Ok((path.to_path_buf(), kind));
    };
    let kind = match dynamic_linker(&main, &metadata) {
        Ok(Some(linker)) => {
            let scope = Scope::with_libraries(main, &linker);
            if scope.lacks_libc {
                let why = "it does without glibc, which the shim needs".to_owned();
                TargetKind::NotPreloadable {
                    why,
                    scope: scope.without_registering_libc(),
                    tunables: false,
                    hands_on: false,
                }
            } else {
                TargetKind::Preloadable(scope)
            }
        }
        Ok(None) => TargetKind::DynamicLinker,
        Err(obstacle) => {
            let scope = Scope::alone(main);
            TargetKind::NotPreloadable {
                why: obstacle.why,
                scope: if obstacle.never_registers {
                    scope.without_registering_libc()
                } else {
                    scope
                },
                tunables: obstacle.tunables,
                // only static programs are left to themselves and have a glibc inside
                hands_on: obstacle.tunables,
            }
        }
    };
    Ok((path.to_path_buf(), kind))
}

/// Classifies a program that this dynamic linker is told to load.
fn classify_for_linker(path: &Path, linker: &Path) -> Result<(PathBuf, TargetKind), Error> {
    let (executable, kind) = classify(path, 0)?;
    let TargetKind::Preloadable(_) = kind else {
        return Ok((executable, kind));
    };
    let main = File::open(&executable).and_then(|file| Loaded::program(file, &executable));
    let Ok(main) = main else {
        return Ok((executable, kind));
    };
    let scope = Scope::with_libraries(main, linker);
    Ok((executable, TargetKind::Preloadable(scope)))
}

/// Returns the program among the arguments of `ld.so [OPTIONS] PROGRAM`.
fn program_of_linker(arguments: &[OsString]) -> Option<&OsStr> {
    const WITH_VALUE: [&str; 8] = [
        "--library-path",
        "--preload",
        "--audit",
        "--argv0",
        "--inhibit-rpath",
        "--glibc-hwcaps-prepend",
        "--glibc-hwcaps-mask",
        "--list-tunables",
    ];
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if !argument.as_bytes().starts_with(b"--") {
            return Some(argument);
        }
        if WITH_VALUE.iter().any(|option| argument == option) {
            rest.next();
        }
    }
    None
}

/// Returns the program that a `#!` line names; `env NAME` is looked through.
fn interpreter_of(start: &[u8]) -> Option<PathBuf> {
    let line = start.get(2..)?.split(|&byte| byte == b'\n').next()?;
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let interpreter = Path::new(OsStr::from_bytes(words.next()?));
    // options of env (-S, -u NAME) are env's business: then it is left at that
    if interpreter.file_name() == Some(OsStr::new("env"))
        && let Some(name) = words
            .next()
            .filter(|word| !word.starts_with(b"-") && !word.contains(&b'='))
        && let Ok(found) = search(OsStr::from_bytes(name))
    {
        return Some(found);
    }
    Some(interpreter.to_path_buf())
}

struct Obstacle {
    why: String,
    tunables: bool,
    /// Its libc does not register, whatever its symbols say.
    never_registers: bool,
}

/// Returns the dynamic linker that will load the program and the shim into it (none
/// for the dynamic linker itself), or why there is none.
fn dynamic_linker(main: &Loaded, metadata: &fs::Metadata) -> Result<Option<PathBuf>, Obstacle> {
    let facts = &main.report.facts;
    let obstacle = |why: String, never_registers| {
        Err(Obstacle {
            why,
            tunables: false,
            never_registers,
        })
    };
    let without_tunables = |why| obstacle(why, false);
    let Some(native) = arch::native() else {
        return without_tunables("the shim is not written for this machine".to_owned());
    };
    let bits = if facts.layout.class == Class::Elf64 {
        64
    } else {
        32
    };
    if bits != native.bits
        || facts.machine != native.machine
        || facts.layout.endian != Endian::Little
    {
        let machine = facts
            .machine_name()
            .map_or_else(|| format!("machine {}", facts.machine), str::to_owned);
        let why = format!(
            "it is a {bits}-bit program for {machine}, the shim is for {}",
            native.name
        );
        return obstacle(why, !native.runs(facts.machine));
    }
    if facts.kind != ObjectKind::Executable && facts.kind != ObjectKind::Shared {
        return without_tunables("it is no executable".to_owned());
    }
    if is_privileged(&main.path, metadata) {
        return without_tunables(
            "it is setuid, setgid or has capabilities, so the dynamic linker drops LD_PRELOAD and GLIBC_TUNABLES"
                .to_owned(),
        );
    }
    let Some(linker) = &main.interpreter else {
        let name = main.soname.as_deref().unwrap_or_default();
        if name.starts_with(b"ld-linux") {
            return Ok(None);
        }
        return Err(Obstacle {
            why: "it is statically linked, so nothing can be preloaded".to_owned(),
            tunables: true,
            never_registers: false,
        });
    };
    let name = linker.file_name().unwrap_or_default().as_bytes();
    let is_glibc = [b"ld-linux".as_slice(), b"ld.so", b"ld64.so", b"ld-2."]
        .iter()
        .any(|start| name.starts_with(start));
    if !is_glibc {
        let libc = if name.starts_with(b"ld-musl") {
            "musl"
        } else {
            "another libc"
        };
        let why = format!(
            "its dynamic linker {} belongs to {libc}, not to glibc",
            linker.display()
        );
        return obstacle(why, true);
    }
    Ok(Some(linker.clone()))
}

/// Returns whether the kernel will set AT_SECURE: set-id bits that change something, or
/// capabilities.
fn is_privileged(path: &Path, metadata: &fs::Metadata) -> bool {
    let mode = metadata.permissions().mode();
    let (uid, gid) = crate::sys::process::effective_ids();
    (mode & 0o4000 != 0 && metadata.uid() != uid)
        || (mode & 0o2010 == 0o2010 && metadata.gid() != gid)
        || crate::sys::process::grants_capabilities(path)
}
