//! Programs that are linked with a built glibc, and start with it by themselves,
//! and libraries for them.

use std::path::{Path, PathBuf};

use super::Patched;
use rseq_kit::artifacts::room;
use rseq_kit::child::Program;
use rseq_kit::needs::program;
use rseq_kit::scratch;

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Against libc.so.6; its dynamic linker is the built one.
    Dynamic,
    /// A shared library.
    Library,
    /// With libc.a, at its own addresses.
    Static,
    /// With libc.a, at any address.
    StaticPie,
}

impl Patched {
    /// Compiles `tests/patched/SOURCE.c` with these options.
    ///
    /// # Errors
    ///
    /// The compiler's.
    pub fn compile(&self, source: &str, kind: Kind, options: &[&str]) -> Result<PathBuf, String> {
        let out = scratch::directory(source)?.join(source);
        let development = self.development();
        // each library by its path: what is found by name is this machine's
        let (how, libraries): (&[&str], Vec<PathBuf>) = match kind {
            Kind::Dynamic | Kind::Library => {
                let folder = self.libraries();
                let names = ["libc.so.6", "ld-linux-x86-64.so.2"];
                let mut libraries = names.map(|name| folder.join(name)).to_vec();
                libraries.push(development.join("libc_nonshared.a"));
                if kind == Kind::Library {
                    (&["-fPIC", "-shared"], libraries)
                } else {
                    (&["-fPIE", "-pie"], libraries)
                }
            }
            Kind::Static => (&["-fno-pie", "-static"], vec![development.join("libc.a")]),
            Kind::StaticPie => (&["-fPIE", "-static-pie"], vec![development.join("libc.a")]),
        };
        let mut compiler = Program::with_callers_environment(program("cc")?)
            .args([
                "-O2",
                "-Wall",
                "-Wextra",
                "-pthread",
                "-nodefaultlibs",
                "-B",
            ])
            .arg(&development)
            .args(how)
            .args(options)
            .arg("-o")
            .args([&out, &room().join("patched").join(format!("{source}.c"))]);
        if kind == Kind::Dynamic {
            compiler = compiler.args(self.by_itself());
        }
        compiler
            .arg("-Wl,--start-group")
            .args(libraries)
            .args(["-lgcc", "-lgcc_eh", "-Wl,--end-group"])
            .run()?
            .expect(0)?;
        Ok(out)
    }

    /// Options for a program that starts with this glibc by itself, and finds its
    /// other libraries where the host has them.
    #[must_use]
    pub fn by_itself(&self) -> Vec<String> {
        let loader = self.loader();
        let show = |path: &Path| path.display().to_string();
        let mut options = vec![format!("-Wl,--dynamic-linker={}", show(&loader.ld_so))];
        options.extend(
            loader
                .libraries
                .iter()
                .map(|folder| format!("-Wl,-rpath,{}", show(folder))),
        );
        options
    }
}
