//! The other tools.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::setup;
use crate::step::Steps;

/// Another tool, and how it is asked for `__rseq_abi`.
pub struct Peer {
    pub name: &'static str,
    command: Vec<OsString>,
    /// It is given the names of the ELF objects; otherwise it walks the tree.
    wants_list: bool,
    /// It prints the names of files only.
    pub lists_files: bool,
    pub turns: usize,
}

impl Peer {
    /// The command over a tree. `list` has the names of the ELF objects in it,
    /// a NUL after each.
    pub fn over_tree(&self, tree: &Path, list: &Path) -> Vec<OsString> {
        if self.wants_list {
            let mut command: Vec<OsString> = ["xargs", "-0", "-a"].map(OsString::from).into();
            command.push(list.into());
            command.extend(self.command.iter().cloned());
            return command;
        }
        self.over_file(tree)
    }

    /// The command over one file.
    pub fn over_file(&self, file: &Path) -> Vec<OsString> {
        let mut command = self.command.clone();
        command.push(file.into());
        command
    }
}

/// Prints the objects whose symbols have the name.
const LIEF: &str = "import lief, sys
lief.logging.disable()
config = lief.ELF.ParserConfig()
config.parse_relocations = config.parse_notes = config.parse_overlay = False
for path in sys.argv[1:]:
    parsed = lief.ELF.parse(path, config)
    if parsed and any(symbol.name == '__rseq_abi' for symbol in parsed.symbols):
        print(path, '__rseq_abi')";

/// Tools of Debian: name, package, command, wants a list and takes longer.
type Row = (&'static str, &'static str, &'static [&'static str], bool);

const TOOLS: [Row; 4] = [
    (
        "`scanelf -qRs __rseq_abi`",
        "pax-utils",
        &["scanelf", "-qRs", "__rseq_abi"],
        false,
    ),
    ("`nm -A -D`", "binutils", &["nm", "-A", "-D"], true),
    ("`readelf -Ws`", "binutils", &["readelf", "-Ws"], true),
    ("`eu-nm -A -D`", "elfutils", &["eu-nm", "-A", "-D"], true),
];

/// What it costs to unpack every package of a folder and look at nothing.
const UNPACK: &str = "for package in \"$0\"/*; do
    case $package in
        *.deb) dpkg-deb --fsys-tarfile \"$package\" ;;
        *) unzip -p \"$package\" ;;
    esac || exit
done > /dev/null";

/// The command that unpacks the packages in a folder, one after another.
pub fn unpack(packages: &Path) -> Vec<OsString> {
    let mut command: Vec<OsString> = ["sh", "-c", UNPACK].map(OsString::from).into();
    command.push(packages.into());
    command
}

/// The tools that are there or can be had; the others are named as skipped.
pub fn found(steps: &mut Steps) -> Vec<Peer> {
    let packages: Vec<_> = TOOLS
        .iter()
        .map(|(_, package, command, _)| (command[0], *package))
        .chain([("time", "time"), ("unzip", "unzip")])
        .collect();
    setup::install(steps, &packages);
    let mut peers = Vec::new();
    for (name, package, command, wants_list) in TOOLS {
        if setup::is_in_path(command[0]) {
            peers.push(Peer {
                name,
                command: command.iter().map(OsString::from).collect(),
                wants_list,
                lists_files: false,
                turns: super::cost::TURNS[usize::from(wants_list)],
            });
        } else {
            steps.skip(name, format!("{} of {package} is not there", command[0]));
        }
    }
    peers.extend(from_pypi(steps));
    peers
}

/// lief, and ripgrep, which PyPI has as a program.
fn from_pypi(steps: &mut Steps) -> Vec<Peer> {
    let home = match setup::cache() {
        Ok(cache) => cache.join("audit-peers-lief-1.0.0-ripgrep-15.1.0"),
        Err(reason) => {
            steps.skip("lief and ripgrep", reason);
            return Vec::new();
        }
    };
    let python = python();
    if !home.is_dir() {
        let done = steps.run(
            "fetch lief and ripgrep",
            Command::new(&python)
                .args(["-m", "pip", "--quiet", "install", "--no-deps", "--target"])
                .arg(&home)
                .args(["lief==1.0.0", "ripgrep==15.1.0"]),
        );
        if let Err(reason) = done {
            let _ = std::fs::remove_dir_all(&home);
            steps.skip("lief and ripgrep", reason);
            return Vec::new();
        }
    }
    let mut path = OsString::from("PYTHONPATH=");
    path.push(&home);
    let words = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
    vec![
        Peer {
            name: "`rg -alF __rseq_abi`",
            command: [
                vec![home.join("bin/rg").into()],
                words(&["-alF", "--no-ignore", "--hidden", "__rseq_abi"]),
            ]
            .concat(),
            wants_list: false,
            lists_files: true,
            turns: super::cost::TURNS[0],
        },
        Peer {
            name: "lief, all symbols",
            command: [
                vec!["env".into(), path, python.into()],
                words(&["-c", LIEF]),
            ]
            .concat(),
            wants_list: true,
            lists_files: false,
            turns: super::cost::TURNS[2],
        },
    ]
}

/// The interpreter itself: what is in the path may be a script around it.
fn python() -> PathBuf {
    Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .stderr(Stdio::null())
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(|text| PathBuf::from(text.trim()))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| "python3".into())
}
