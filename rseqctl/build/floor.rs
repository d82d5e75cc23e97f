//! One executable for every glibc from 2.17 on.
//!
//! A program asks for the newest version of each libc function that the machine
//! knows on which it is linked, and does not start where the libc is older. But
//! glibc keeps every version that it has ever had. So this links against a
//! stand-in for libc.so.6: the names of the machine's own, each in its newest
//! version up to the floor, and nothing younger. What is not there and cannot be
//! done without fails to link, here and now.
//!
//! What else belongs to an old glibc is in `start.c`. The unwinder is linked in:
//! small systems have no libgcc_s.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::Endianness;
use object::elf::{FileHeader64, SHT_DYNSYM, STT_OBJECT, STT_TLS};
use object::read::elf::{FileHeader as _, Sym as _};

/// The oldest glibc: that of Rust's own standard library.
const FLOOR: Version = (2, 17, 0);

/// `2.2.5` and the like.
type Version = (u32, u32, u32);

/// A name of libc.so.6.
struct Name {
    version: Version,
    /// The version as it is written.
    node: String,
    /// A variable of so many bytes; a function otherwise.
    object: Option<u64>,
}

/// Has the executable linked against the floor, where `RSEQCTL_FLOOR=2.17` asks for
/// it (`cargo xtask` does).
///
/// # Errors
///
/// The machine is neither x86-64 nor AArch64 with glibc, or its linker does not do it.
pub fn link() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=RSEQCTL_FLOOR");
    match env::var_os("RSEQCTL_FLOOR") {
        None => return Ok(()),
        Some(floor) if floor == "2.17" => {}
        Some(floor) => return Err(format!("RSEQCTL_FLOOR={}: 2.17 it can be", floor.display())),
    }
    let machine = variable("CARGO_CFG_TARGET_ARCH")?;
    let is_known = ["x86_64", "aarch64"].contains(&&*machine);
    if !is_known || variable("CARGO_CFG_TARGET_ENV")? != "gnu" {
        return Err("only known for x86_64 and AArch64 with glibc".to_owned());
    }
    let folder = PathBuf::from(variable("OUT_DIR")?);
    let cc = Compiler(env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned()));
    let libc = cc.file("libc.so.6")?;
    println!("cargo::rerun-if-changed={}", libc.display());
    stand_in(&cc, &folder, &names(&libc)?)?;
    // Up to 2.33 these hold what libc.so.6 has since, in the same versions.
    let mut needed = Vec::new();
    for (name, soname) in [("pthread", "libpthread.so.0"), ("dl", "libdl.so.2")] {
        let library = folder.join(format!("lib{name}.so"));
        let empty = folder.join("empty.c");
        write(&empty, "")?;
        cc.shared(soname, &library, &[&empty])?;
        needed.push(library.display().to_string());
    }
    write(&folder.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n")?;
    let start = folder.join("start.o");
    cc.run(|cc| {
        cc.args(["-O2", "-fPIC", "-Wall", "-Wextra", "-c", "-o"])
            .arg(&start)
            .arg("build/start.c")
    })?;
    let search = format!("-L{}", folder.display());
    let before = ["-nostartfiles", &search, "-Wl,--no-as-needed"];
    let arguments = before.map(str::to_owned).into_iter().chain(needed);
    for argument in arguments.chain([start.display().to_string()]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    Ok(())
}

/// The names of a libc, each in its newest version up to the floor.
fn names(libc: &Path) -> Result<BTreeMap<String, Name>, String> {
    let data = fs::read(libc).map_err(|error| format!("{}: {error}", libc.display()))?;
    read(&data).map_err(|error| format!("{}: {error}", libc.display()))
}

fn read(data: &[u8]) -> object::read::Result<BTreeMap<String, Name>> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, SHT_DYNSYM)?;
    let mut names = BTreeMap::<String, Name>::new();
    let Some(versions) = sections.versions(endian, data)? else {
        return Ok(names);
    };
    for (index, symbol) in symbols.enumerate() {
        if symbol.is_undefined(endian) || symbol.st_type() == STT_TLS {
            continue;
        }
        let index = versions.version_index(endian, index);
        let Some(version) = versions.version(index.index())? else {
            continue;
        };
        let node = String::from_utf8_lossy(version.name()).into_owned();
        let Some(version) = number(&node).filter(|version| *version <= FLOOR) else {
            continue;
        };
        let name = symbols.symbol_name(endian, symbol)?;
        let name = String::from_utf8_lossy(name).into_owned();
        // each version is a symbol, too
        if name == node {
            continue;
        }
        if names.get(&name).is_none_or(|known| known.version < version) {
            let object = (symbol.st_type() == STT_OBJECT).then(|| symbol.st_size(endian));
            names.insert(
                name,
                Name {
                    version,
                    node,
                    object,
                },
            );
        }
    }
    Ok(names)
}

/// `GLIBC_2.2.5`; private and other nodes are none.
fn number(node: &str) -> Option<Version> {
    let mut parts = node.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    let mut next = |otherwise| parts.next().unwrap_or(Ok(otherwise)).ok();
    Some((next(0)?, next(0)?, next(0)?))
}

/// A library that says it is libc.so.6, with these names and no code.
fn stand_in(cc: &Compiler, folder: &Path, names: &BTreeMap<String, Name>) -> Result<(), String> {
    let (source, map) = (folder.join("libc.s"), folder.join("libc.map"));
    let mut assembly = String::new();
    let mut nodes = BTreeMap::<Version, (&str, String)>::new();
    for (name, known) in names {
        let (section, kind, size) = match known.object {
            Some(size) => (".bss", "object", size.max(1)),
            None => (".text", "function", 1),
        };
        let _ = writeln!(
            assembly,
            ".section {section}\n.globl {name}\n.type {name}, @{kind}\n\
             {name}: .skip {size}\n.size {name}, {size}"
        );
        let (_, members) = nodes
            .entry(known.version)
            .or_insert_with(|| (&known.node, String::new()));
        let _ = writeln!(members, "    \"{name}\";");
    }
    let mut script = String::new();
    for (node, members) in nodes.values() {
        let _ = writeln!(script, "{node} {{ global:\n{members}}};");
    }
    write(&source, &assembly)?;
    write(&map, &script)?;
    let version_script = format!("-Wl,--version-script={}", map.display());
    cc.shared(
        "libc.so.6",
        &folder.join("libc.so"),
        &[&source, Path::new(&version_script)],
    )
}

/// The C compiler, which is what links as well.
struct Compiler(String);

impl Compiler {
    /// Where it finds a library.
    fn file(&self, name: &str) -> Result<PathBuf, String> {
        let answer = Command::new(&self.0)
            .arg(format!("-print-file-name={name}"))
            .output()
            .map_err(|error| format!("cannot start {}: {error}", self.0))?;
        let path = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
        // it repeats the name where it finds nothing
        path.is_absolute()
            .then_some(path)
            .ok_or_else(|| format!("{} finds no {name}", self.0))
    }

    /// Makes a shared library of this name.
    fn shared(&self, soname: &str, library: &Path, sources: &[&Path]) -> Result<(), String> {
        self.run(|cc| {
            cc.args(["-shared", "-nostdlib"])
                .arg(format!("-Wl,-soname,{soname}"))
                .arg("-o")
                .arg(library)
                .args(sources)
        })
    }

    fn run(&self, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<(), String> {
        let mut command = Command::new(&self.0);
        let status = arguments(&mut command)
            .status()
            .map_err(|error| format!("cannot start {}: {error}", self.0))?;
        status
            .success()
            .then_some(())
            .ok_or_else(|| format!("{command:?}: {status}"))
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
