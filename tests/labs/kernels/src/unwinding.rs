//! Machines for AArch64 with what unwinds stacks: C++'s library, and a debugger.

use std::fs;

use rseq_kit::child::Program;
use rseq_kit::debian::Suite;
use rseq_kit::needs::program;
use rseq_kit::scratch;

use crate::aarch64::{self, Code, Shipped};
use crate::guest::cross::{compile, library, library_in};
use crate::guest::{Guest, Machine};
use crate::shim::{self, signs};

/// The debugger and what it needs, but for the client of a server with debug files, which
/// needs a dozen more and is not used.
const PACKAGES: [&str; 10] = [
    "gdb-minimal",
    "libexpat1",
    "libgmp10",
    "liblzma5",
    "libreadline8",
    "libstdc++6",
    "libtinfo6",
    "libxxhash0",
    "libzstd1",
    "zlib1g",
];

/// Of their libraries, those that are put into the machine.
const LIBRARIES: [&str; 9] = [
    "libexpat.so.1",
    "libgmp.so.10",
    "liblzma.so.5",
    "libreadline.so.8",
    "libstdc++.so.6",
    "libtinfo.so.6",
    "libxxhash.so.0",
    "libzstd.so.1",
    "libz.so.1",
];

/// Stands in for the library that is left out: nothing is found by it.
const NO_SERVER: &str = "void *debuginfod_begin(void) { return 0; }\n";

/// A machine with `/p/exceptions`, where return addresses are signed.
///
/// # Errors
///
/// Something does not build.
pub fn with_exceptions() -> Result<Guest, String> {
    let folder = scratch::directory("aarch64-exceptions")?;
    let to = folder.join("exceptions");
    let (machine, code) = (Machine::Aarch64, Code::Protected);
    let options = [&["-lstdc++"], code.options()].concat();
    compile("kernels/exceptions.cc", &options, &to)?;
    signs(&to)?;
    let mut guest = shim::guest(machine, code)?.file("/p/exceptions", &to);
    for name in ["libstdc++.so.6", "libm.so.6"] {
        guest = guest.file(&format!("/lib/{name}"), &code.library(machine, name)?);
    }
    Ok(guest)
}

/// A machine with `/usr/bin/gdb` and scripts for it: name and text.
///
/// # Errors
///
/// Something cannot be had.
pub fn with_a_debugger(scripts: &[(&str, String)]) -> Result<Guest, String> {
    let root = Suite::open_for("bookworm", "arm64")?.root(&PACKAGES)?;
    let mut guest = aarch64::guest()?.file("/usr/bin/gdb", &root.join("usr/bin/gdb"));
    for name in LIBRARIES {
        guest = guest.file(
            &format!("/lib/{name}"),
            &library_in(&root, Machine::Aarch64.libraries(), name)?,
        );
    }
    guest = guest.file("/lib/libm.so.6", &library("libm.so.6")?);
    let folder = scratch::directory("aarch64-debugger")?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{name}: {error}"))?;
        Ok::<_, String>(path)
    };
    let source = write("none.c", NO_SERVER)?;
    let stub = folder.join("libdebuginfod.so.1");
    Program::with_callers_environment(program(Machine::Aarch64.compiler())?)
        .args(["-shared", "-fPIC", "-Wl,-soname,libdebuginfod.so.1", "-o"])
        .args([&stub, &source])
        .run()?
        .expect(0)?;
    guest = guest.file("/lib/libdebuginfod.so.1", &stub);
    for (name, text) in scripts {
        guest = guest.file(&format!("/scripts/{name}"), &write(name, text)?);
    }
    Ok(guest)
}

/// The shim's symbols: addresses and names.
pub struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// nm cannot.
    pub fn of_the_shim() -> Result<Self, String> {
        let shim = aarch64::shipped(Shipped::Libraries)?.join("librseq_shim.so");
        let said = Program::with_callers_environment(program("aarch64-linux-gnu-nm")?)
            .arg("--defined-only")
            .arg(&shim)
            .run()?
            .expect(0)?;
        let symbol = |line: &str| {
            let mut words = line.split(' ');
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            Some((address, words.next_back()?.to_owned()))
        };
        Ok(Self(said.out.lines().filter_map(symbol).collect()))
    }

    /// Returns the one whose name contains `part`, and its address.
    ///
    /// # Errors
    ///
    /// There is none: the shim is stripped.
    pub fn containing(&self, part: &str) -> Result<(&str, u64), String> {
        let found = self.0.iter().find(|(_, name)| name.contains(part));
        let found = found.map(|(address, name)| (name.as_str(), *address));
        found.ok_or_else(|| format!("the shim has no symbol with {part}"))
    }

    /// Returns the address of the one of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(&self, name: &str) -> Result<u64, String> {
        let found = self.0.iter().find(|(_, it)| it == name);
        let found = found.map(|(address, _)| *address);
        found.ok_or_else(|| format!("the shim has no symbol {name}"))
    }
}
