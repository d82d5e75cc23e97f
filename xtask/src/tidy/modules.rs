//! The modules of one target, as the compiler would find them.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta};

/// A library, a program or a test: its root file and everything below it.
pub struct Target {
    /// As cargo names it.
    pub name: String,
    /// It is an integration test.
    pub is_test: bool,
    /// Its modules; the first is the root.
    pub modules: Vec<Module>,
}

/// One module.
pub struct Module {
    /// The names that lead to it from the root.
    pub path: Vec<String>,
    /// The file that it stands in.
    pub file: PathBuf,
    /// Its own items: no modules below it, and nothing that only tests see.
    pub items: Vec<Item>,
    /// The module that it stands in; none for the root.
    pub parent: Option<usize>,
    /// The modules that stand in it.
    pub children: Vec<usize>,
    /// It has a file of its own.
    pub is_file: bool,
}

/// Why a target cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// A file cannot be read.
    File(PathBuf, std::io::Error),
    /// A file is not Rust.
    Syntax(PathBuf, syn::Error),
    /// A module has no file.
    NoFile(PathBuf, String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Syntax(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoFile(path, name) => {
                write!(f, "{}: no file for the module {name}", path.display())
            }
        }
    }
}

impl Module {
    /// Returns its name, the root's being `crate`.
    pub fn name(&self) -> String {
        if self.path.is_empty() {
            "crate".to_owned()
        } else {
            self.path.join("::")
        }
    }
}

impl Target {
    /// Reads the target whose root is `file`.
    ///
    /// # Errors
    ///
    /// A file of it cannot be read.
    pub fn read(name: &str, is_test: bool, file: &Path) -> Result<Self, Unreadable> {
        let mut target = Self {
            name: name.to_owned(),
            is_test,
            modules: Vec::new(),
        };
        let items = parse(file)?.items;
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        target.add(&[], None, file, &folder, items, true)?;
        Ok(target)
    }

    /// Adds a module and those below it. `folder` is where its children's files
    /// are. Returns its index.
    fn add(
        &mut self,
        path: &[String],
        parent: Option<usize>,
        file: &Path,
        folder: &Path,
        items: Vec<Item>,
        is_file: bool,
    ) -> Result<usize, Unreadable> {
        let index = self.modules.len();
        let (modules, own): (Vec<_>, Vec<_>) = items
            .into_iter()
            .filter(|item| !is_for_tests(attributes(item)))
            .partition(|item| matches!(item, Item::Mod(_)));
        self.modules.push(Module {
            path: path.to_owned(),
            file: file.to_path_buf(),
            items: own,
            parent,
            children: Vec::new(),
            is_file,
        });
        for item in modules {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let mut below = path.to_owned();
            below.push(name.clone());
            let child = if let Some((_, items)) = module.content {
                let folder = folder.join(&name);
                self.add(&below, Some(index), file, &folder, items, false)?
            } else {
                let (file, folder) = locate(file, folder, &name, &module.attrs)?;
                let items = parse(&file)?.items;
                self.add(&below, Some(index), &file, &folder, items, true)?
            };
            self.modules[index].children.push(child);
        }
        Ok(index)
    }
}

/// Returns the file of the module `name`, and the folder of the files below it.
fn locate(
    declared_in: &Path,
    folder: &Path,
    name: &str,
    attributes: &[Attribute],
) -> Result<(PathBuf, PathBuf), Unreadable> {
    if let Some(path) = path_attribute(attributes) {
        let file = declared_in.parent().unwrap_or(Path::new("")).join(path);
        let below = file.parent().unwrap_or(Path::new("")).to_path_buf();
        return Ok((file, below));
    }
    let below = folder.join(name);
    [folder.join(format!("{name}.rs")), below.join("mod.rs")]
        .into_iter()
        .find(|file| file.is_file())
        .map(|file| (file, below))
        .ok_or_else(|| Unreadable::NoFile(declared_in.to_path_buf(), name.to_owned()))
}

/// Returns what `#[path = "..."]` says.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) if pair.path.is_ident("path") => Some(text.value()),
            _ => None,
        }
    })
}

/// Parses a file.
///
/// # Errors
///
/// It cannot be read, or is not Rust.
pub fn parse(file: &Path) -> Result<syn::File, Unreadable> {
    let text =
        fs::read_to_string(file).map_err(|error| Unreadable::File(file.to_path_buf(), error))?;
    syn::parse_file(&text).map_err(|error| Unreadable::Syntax(file.to_path_buf(), error))
}

/// Whether only tests see what has these attributes.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Ident>()
                    .is_ok_and(|word| word == "test"))
    })
}

/// Returns an item's attributes.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
