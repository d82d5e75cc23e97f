//! What a name means: the module that defines it, through re-exports.

use std::collections::{HashMap, HashSet};

use syn::{Item, UseTree};

use super::modules::Target;

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A module.
    Module(usize),
    /// Something that this module defines.
    ItemOf(usize),
}

impl Meaning {
    /// Returns the module.
    pub fn module(self) -> usize {
        match self {
            Self::Module(module) | Self::ItemOf(module) => module,
        }
    }
}

/// The names that each module of a target knows.
pub struct Names<'a> {
    target: &'a Target,
    scopes: Vec<Scope>,
}

#[derive(Default)]
struct Scope {
    items: HashSet<String>,
    imports: HashMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// An import as it stands in the source.
pub struct Import {
    /// The path that is imported.
    pub path: Vec<String>,
    /// The name that it gets; none for a glob.
    pub name: Option<String>,
}

/// Returns the imports of a `use` item.
pub fn imports(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    collect(tree, &mut Vec::new(), &mut found);
    found
}

fn collect(tree: &UseTree, before: &mut Vec<String>, found: &mut Vec<Import>) {
    let mut add = |path: Vec<String>, name| found.push(Import { path, name });
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) => {
            let word = name.ident.to_string();
            let mut path = before.clone();
            if word == "self" {
                let last = path.last().cloned();
                add(path, last);
            } else {
                path.push(word.clone());
                add(path, Some(word));
            }
        }
        UseTree::Rename(rename) => {
            let mut path = before.clone();
            if rename.ident != "self" {
                path.push(rename.ident.to_string());
            }
            add(path, Some(rename.rename.to_string()));
        }
        UseTree::Glob(_) => add(before.clone(), None),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect(tree, before, found);
            }
        }
    }
}

impl<'a> Names<'a> {
    /// Reads the names of every module.
    pub fn of(target: &'a Target) -> Self {
        let scopes = target
            .modules
            .iter()
            .map(|module| {
                let mut scope = Scope::default();
                for item in &module.items {
                    scope.add(item);
                }
                scope
            })
            .collect();
        Self { target, scopes }
    }

    /// Returns what `path`, as it stands in the module `from`, leads to; nothing
    /// for what other crates define.
    pub fn resolve(&self, from: usize, path: &[String]) -> Option<Meaning> {
        self.walk(from, path, &mut HashSet::new())
    }

    fn walk(
        &self,
        from: usize,
        path: &[String],
        seen: &mut HashSet<(usize, String, bool)>,
    ) -> Option<Meaning> {
        let (first, rest) = path.split_first()?;
        let mut here = match first.as_str() {
            "crate" | "$crate" => Meaning::Module(0),
            "self" => Meaning::Module(from),
            "super" => Meaning::Module(self.target.modules[from].parent?),
            name => self.lookup(from, name, !rest.is_empty(), seen)?,
        };
        for (index, name) in rest.iter().enumerate() {
            let is_folder = index + 1 < rest.len();
            here = match here {
                Meaning::ItemOf(_) => break,
                Meaning::Module(module) if name == "super" => {
                    Meaning::Module(self.target.modules[module].parent?)
                }
                // what a macro has made is the module's as well
                Meaning::Module(module) => self
                    .lookup(module, name, is_folder, seen)
                    .unwrap_or(Meaning::ItemOf(module)),
            };
        }
        Some(here)
    }

    /// Returns what a name means inside a module. A function and a module may have
    /// one name: more of a path behind it (`is_folder`) makes it the module.
    fn lookup(
        &self,
        module: usize,
        name: &str,
        is_folder: bool,
        seen: &mut HashSet<(usize, String, bool)>,
    ) -> Option<Meaning> {
        if !seen.insert((module, name.to_owned(), is_folder)) {
            return None;
        }
        let scope = &self.scopes[module];
        let child = self.child(module, name).map(Meaning::Module);
        let found = if is_folder && child.is_some() {
            child
        } else if scope.items.contains(name) {
            Some(Meaning::ItemOf(module))
        } else if let Some(path) = scope.imports.get(name) {
            self.walk(module, path, seen)
        } else if child.is_some() {
            child
        } else {
            scope.globs.iter().find_map(|path| {
                let Meaning::Module(other) = self.walk(module, path, seen)? else {
                    return None;
                };
                self.lookup(other, name, is_folder, seen)
            })
        };
        seen.remove(&(module, name.to_owned(), is_folder));
        found
    }

    fn child(&self, module: usize, name: &str) -> Option<usize> {
        let modules = &self.target.modules;
        let mut children = modules[module].children.iter().copied();
        children.find(|child| {
            let path = &modules[*child].path;
            path.last().is_some_and(|last| last == name)
        })
    }
}

impl Scope {
    fn add(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Use(item) => {
                for import in imports(&item.tree) {
                    match import.name {
                        Some(name) => {
                            self.imports.insert(name, import.path);
                        }
                        None => self.globs.push(import.path),
                    }
                }
                return;
            }
            _ => return,
        };
        self.items.insert(name.to_string());
    }
}
