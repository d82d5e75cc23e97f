//! The sources of a workspace: its targets' modules, and every file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::modules::{Target, Unreadable, parse};

/// A workspace.
pub struct Workspace {
    /// Its libraries, programs, tests and build scripts.
    pub targets: Vec<Target>,
    /// Every source file of those, once.
    pub sources: Vec<Source>,
}

/// One file.
pub struct Source {
    /// Its path, from the workspace on, with `/`.
    pub path: String,
    /// It is a target's root.
    pub is_root: bool,
    /// It belongs to an integration test.
    pub is_test: bool,
    /// What it says.
    pub file: syn::File,
    /// Its text.
    pub text: String,
}

/// A target as cargo tells of it.
pub struct Listed {
    /// Its package and its own name.
    pub name: String,
    /// Its root file.
    pub root: PathBuf,
    /// It is an integration test.
    pub is_test: bool,
}

impl Workspace {
    /// Reads the workspace at `root`.
    ///
    /// # Errors
    ///
    /// Cargo does not know it, or a file cannot be read.
    pub fn read(root: &Path) -> Result<Self, String> {
        Self::of(root, &listed(root)?).map_err(|error| error.to_string())
    }

    /// Reads these targets of the workspace at `root`.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn of(root: &Path, listed: &[Listed]) -> Result<Self, Unreadable> {
        let mut seen = BTreeSet::new();
        let mut workspace = Self {
            targets: Vec::new(),
            sources: Vec::new(),
        };
        for one in listed {
            let target = Target::read(&one.name, one.is_test, &one.root)?;
            for module in target.modules.iter().filter(|module| module.is_file) {
                if seen.insert(module.file.clone()) {
                    workspace.sources.push(Source {
                        path: relative(root, &module.file),
                        is_root: module.parent.is_none(),
                        is_test: one.is_test,
                        file: parse(&module.file)?,
                        text: std::fs::read_to_string(&module.file)
                            .map_err(|error| Unreadable::File(module.file.clone(), error))?,
                    });
                }
            }
            workspace.targets.push(target);
        }
        workspace
            .sources
            .sort_by(|one, two| one.path.cmp(&two.path));
        Ok(workspace)
    }
}

impl Source {
    /// Whether it belongs to what users get.
    pub fn is_product(&self) -> bool {
        ["tls-model/", "loader-shim/", "rseqctl/"]
            .iter()
            .any(|folder| self.path.starts_with(folder))
    }
}

/// Asks cargo for the targets of the workspace at `root`.
fn listed(root: &Path) -> Result<Vec<Listed>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", output.status));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata.pointer("/packages").and_then(Value::as_array);
    let mut found = Vec::new();
    for package in packages.into_iter().flatten() {
        let targets = package.pointer("/targets").and_then(Value::as_array);
        for target in targets.into_iter().flatten() {
            let word = |pointer: &str, of: &Value| {
                let value = of.pointer(pointer).and_then(Value::as_str);
                value.map(str::to_owned).unwrap_or_default()
            };
            let (package, name) = (word("/name", package), word("/name", target));
            let kind = word("/kind/0", target);
            let is_library = matches!(kind.as_str(), "lib" | "cdylib" | "staticlib" | "rlib");
            found.push(Listed {
                name: if is_library {
                    package
                } else {
                    format!("{package} {kind} {name}")
                },
                root: word("/src_path", target).into(),
                is_test: kind == "test",
            });
        }
    }
    Ok(found)
}

/// A path, from the workspace on, without `..` (no folder of ours is a link).
fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if plain.pop() => {}
            other => plain.push(other),
        }
    }
    plain.display().to_string()
}
