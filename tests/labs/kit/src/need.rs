//! What a row needs of the machine, and the Debian package that brings it.

use std::path::Path;

use rseq_kit::needs::{self, Prerequisite, program};

use crate::host::unprivileged;

/// One thing that a machine may not have.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A program in `PATH`, and its package.
    Program(&'static str, &'static str),
    /// A program that every user may start, and its package: one in the home of root
    /// is of no use to the others.
    ForAll(&'static str, &'static str),
    /// A file at this place, and its package.
    File(&'static str, &'static str),
    /// What the tests can ask for, too. No package brings it.
    Host(needs::Need),
    /// A device or a right of the host: a place that must be there.
    Device(&'static str),
}

impl Prerequisite for Need {
    fn check(&self) -> Result<(), String> {
        match *self {
            Self::Program(name, package) => program(name)
                .map(drop)
                .map_err(|_| format!("needs {name} (Debian package {package})")),
            Self::ForAll(name, package) => for_all(name)
                .ok_or_else(|| format!("needs {name} for every user (Debian package {package})")),
            Self::File(path, package) => {
                there(path).ok_or_else(|| format!("needs {path} (Debian package {package})"))
            }
            Self::Host(need) => need.check(),
            Self::Device(path) => there(path).ok_or_else(|| format!("needs {path}")),
        }
    }
}

impl Need {
    /// The package that is to be installed, if one can be.
    #[must_use]
    pub fn package(self) -> Option<&'static str> {
        match self {
            Self::Program(_, package) | Self::ForAll(_, package) | Self::File(_, package) => {
                Some(package)
            }
            Self::Host(_) | Self::Device(_) => None,
        }
    }
}

fn for_all(name: &str) -> Option<()> {
    let shell = unprivileged().args(["sh", "-c", "test -x \"$(command -v \"$1\")\"", "sh", name]);
    let ended = shell.directory(Path::new("/")).run().ok()?;
    (ended.code() == 0).then_some(())
}

fn there(path: &str) -> Option<()> {
    Path::new(path).exists().then_some(())
}

/// The packages of what is missing here, each once.
#[must_use]
pub fn missing_packages<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs
        .into_iter()
        .filter(|need| need.check().is_err())
        .filter_map(|need| need.package())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let needs = [
            Need::Program("sh", "dash"),
            Need::Program("no-such-program", "no-such-package"),
            Need::File("/no/such/file", "another-package"),
            Need::ForAll("sh", "dash"),
            Need::ForAll("no-such-program", "no-such-package"),
            Need::Device("/dev/no-such-device"),
        ];
        assert_eq!(
            missing_packages(&needs),
            ["another-package", "no-such-package"]
        );
        assert_eq!(
            needs[1].check(),
            Err("needs no-such-program (Debian package no-such-package)".to_owned())
        );
    }
}
