//! The architectures that are built for, and those of them that are shipped for.

use std::path::{Path, PathBuf};
use std::process::Command;

use tls_model::rseq::arch;

use crate::setup;
use crate::step::Steps;

/// An architecture, by its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// As Linux calls it (`uname -m`).
    pub name: &'static str,
    /// As rustc does.
    pub target: &'static str,
    /// As Debian does, and the name of its folders of libraries.
    pub debian: &'static str,
    pub libraries: &'static str,
    /// What it takes to build for it elsewhere; none for this machine's own.
    pub cross: Option<Cross>,
}

/// What it takes to build for another architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Cross {
    /// Its compiler, which links.
    pub compiler: &'static str,
    /// Where cargo is told so.
    variable: &'static str,
    /// What the names of its binutils begin with.
    prefix: &'static str,
    /// The compilers, the headers and an emulator: a program in the path or the path of a
    /// file, and the Debian package that brings it.
    pub needed: &'static [(&'static str, &'static str)],
}

pub const X86_64: Architecture = Architecture {
    name: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    debian: "amd64",
    libraries: "x86_64-linux-gnu",
    cross: None,
};

pub const AARCH64: Architecture = Architecture {
    name: "aarch64",
    target: "aarch64-unknown-linux-gnu",
    debian: "arm64",
    libraries: "aarch64-linux-gnu",
    cross: Some(Cross {
        compiler: "aarch64-linux-gnu-gcc",
        variable: "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        prefix: "aarch64-linux-gnu-",
        needed: &[
            ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"),
            (
                "/usr/aarch64-linux-gnu/include/stdio.h",
                "libc6-dev-arm64-cross",
            ),
            ("qemu-system-aarch64", "qemu-system-arm"),
        ],
    }),
};

/// Built for and tested in an emulator, because it is big-endian.
pub const S390X: Architecture = Architecture {
    name: "s390x",
    target: "s390x-unknown-linux-gnu",
    debian: "s390x",
    libraries: "s390x-linux-gnu",
    cross: Some(Cross {
        compiler: "s390x-linux-gnu-gcc",
        variable: "CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER",
        prefix: "s390x-linux-gnu-",
        needed: &[
            ("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
            (
                "/usr/s390x-linux-gnu/include/stdio.h",
                "libc6-dev-s390x-cross",
            ),
            ("qemu-system-s390x", "qemu-system-misc"),
        ],
    }),
};

/// All of them.
pub const ALL: [&Architecture; 3] = [&X86_64, &AARCH64, &S390X];

/// Those that are shipped for: with a command, tarballs and packages.
pub const SHIPPED: [&Architecture; 2] = [&X86_64, &AARCH64];

/// The targets that take something to be built for.
pub fn targets() -> Vec<&'static str> {
    let others = ALL.iter().filter(|it| it.cross.is_some());
    others.map(|it| it.target).collect()
}

/// The names of the targets that are shipped for.
pub fn shipped_targets() -> [&'static str; SHIPPED.len()] {
    SHIPPED.map(|it| it.target)
}

impl Architecture {
    /// The one that rustc calls so.
    pub fn of_target(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|it| it.target == name)
    }

    /// What glibc's `$PLATFORM` may be.
    pub fn platforms(&self) -> &'static [&'static str] {
        let mut known = arch::ARCHES.iter();
        let known = known.find(|it| it.name == self.name);
        known.map_or(&[], arch::Arch::platforms)
    }

    /// Whether it is shipped for.
    pub fn is_shipped(&self) -> bool {
        SHIPPED.contains(&self)
    }

    /// Has cargo build for it.
    pub fn build_for<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        if let Some(cross) = &self.cross {
            cargo.args(["--target", self.target]);
            cargo.env(cross.variable, cross.compiler);
        }
        cargo
    }

    /// The folder that cargo puts what it builds into.
    pub fn built(&self, steps: &Steps, profile: &str) -> PathBuf {
        match self.cross {
            None => steps.target().join(profile),
            Some(_) => steps.target().join(self.target).join(profile),
        }
    }

    /// Has a script use its binutils, which it is told of by variables.
    pub fn binutils<'a>(&self, script: &'a mut Command) -> &'a mut Command {
        if let Some(cross) = &self.cross {
            for (variable, tool) in [("LD", "ld"), ("OBJCOPY", "objcopy"), ("AR", "ar")] {
                script.env(variable, format!("{}{tool}", cross.prefix));
            }
        }
        script
    }

    /// What this machine lacks to build for it.
    pub fn missing(&self) -> Option<String> {
        let cross = self.cross.as_ref()?;
        let Self { target, .. } = self;
        if !setup::is_in_path(cross.compiler) {
            Some(format!("needs {}", cross.compiler))
        } else if self.has_library() {
            None
        } else {
            Some(format!(
                "needs Rust's standard library for {target} (cargo xtask setup --target {target})"
            ))
        }
    }

    /// Whether Rust's standard library is there.
    pub fn has_library(&self) -> bool {
        let asked = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", self.target])
            .output();
        asked.is_ok_and(|said| {
            let folder = String::from_utf8_lossy(&said.stdout).into_owned();
            said.status.success() && Path::new(folder.trim()).is_dir()
        })
    }
}
