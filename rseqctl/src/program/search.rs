//! Where ld.so looks for a library, in its order.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::cache::Cache;
use super::loaded::Loaded;
use super::platform::Platform;
use super::root::Root;
use super::tokens::{Tokens, expand};

/// The largest ld.so.cache that is read, in bytes.
const LARGEST_CACHE: u64 = 64 << 20;

/// Where libraries are looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The folder that stands for `/`: an unpacked image, another machine's
    /// disk.
    pub root: Option<PathBuf>,
    /// `LD_LIBRARY_PATH`.
    pub library_path: Option<OsString>,
    /// `LD_PRELOAD`.
    pub preload: Option<OsString>,
}

impl Search {
    /// Searches as a program that is started here and now would.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            root: None,
            library_path: std::env::var_os("LD_LIBRARY_PATH"),
            preload: std::env::var_os("LD_PRELOAD"),
        }
    }

    /// Searches as a program whose root folder is `root` would, with nothing set.
    #[must_use]
    pub fn in_root(root: &Path) -> Self {
        Self {
            root: Some(root.to_path_buf()),
            ..Self::default()
        }
    }
}

/// Finds libraries for one program.
pub(super) struct Searcher<'a> {
    root: Root<'a>,
    /// `LD_LIBRARY_PATH`, not expanded.
    library_path: Vec<Vec<u8>>,
    platform: Platform,
    cache: Option<Cache>,
    main: Loaded,
    /// The folder of the program's real file: what `$ORIGIN` is for it.
    main_origin: Vec<u8>,
    /// Folders that were searched, each with those of the processor below it.
    below: RefCell<HashMap<PathBuf, Rc<[String]>>>,
}

impl<'a> Searcher<'a> {
    pub(super) fn new(
        root: Root<'a>,
        search: &'a Search,
        main: &Loaded,
        is_privileged: bool,
    ) -> Self {
        let linker = main.interpreter.as_deref();
        let linker = linker.and_then(|linker| root.real(linker).ok());
        let library_path = search.library_path.as_ref().filter(|_| !is_privileged);
        Self {
            root,
            library_path: library_path.map_or_else(Vec::new, |list| {
                list.as_bytes()
                    .split(|byte| b":;".contains(byte))
                    .map(<[u8]>::to_vec)
                    .collect()
            }),
            platform: Platform::of(linker.as_deref(), main),
            cache: root
                .real(Path::new("/etc/ld.so.cache"))
                .ok()
                .filter(|file| file.metadata().is_ok_and(|it| it.len() <= LARGEST_CACHE))
                .and_then(|file| Cache::new(std::fs::read(file).ok()?)),
            main_origin: real_origin(main, search.root.as_deref()),
            main: main.clone(),
            below: RefCell::default(),
        }
    }

    /// Returns the object that `by` gets when it needs `name`.
    pub(super) fn find(&self, name: &[u8], objects: &[Loaded], by: usize) -> Option<Loaded> {
        let needer = objects.get(by)?;
        if name.contains(&b'/') {
            let path = expand(name, &self.tokens(&self.origin(needer)))?;
            return self.open(Path::new(OsStr::from_bytes(&path)), by);
        }
        let found = self
            .by_rpath(name, objects, by)
            .or_else(|| self.in_folders(name, by, &self.library_path, &self.main))
            .or_else(|| self.in_list(name, by, needer.runpath.as_deref(), needer));
        if found.is_some() {
            return found;
        }
        self.in_cache(name, by, needer)
            .or_else(|| self.in_default_folders(name, by, needer))
    }

    /// Searches RPATH of the object and of those that it was loaded for, and then of the
    /// program; of each only where it has no RUNPATH, and of none where the
    /// object itself has one.
    fn by_rpath(&self, name: &[u8], objects: &[Loaded], by: usize) -> Option<Loaded> {
        if objects.get(by)?.runpath.is_some() {
            return None;
        }
        let mut at = Some(by);
        while let Some(object) = at.and_then(|at| objects.get(at)) {
            if object.runpath.is_none()
                && let Some(found) = self.in_list(name, by, object.rpath.as_deref(), object)
            {
                return Some(found);
            }
            at = object.loader;
        }
        None
    }

    fn in_list(
        &self,
        name: &[u8],
        by: usize,
        list: Option<&[u8]>,
        owner: &Loaded,
    ) -> Option<Loaded> {
        let folders: Vec<_> = list?
            .split(|&byte| byte == b':')
            .map(<[u8]>::to_vec)
            .collect();
        self.in_folders(name, by, &folders, owner)
    }

    fn in_folders(
        &self,
        name: &[u8],
        by: usize,
        folders: &[Vec<u8>],
        owner: &Loaded,
    ) -> Option<Loaded> {
        let origin = self.origin(owner);
        folders.iter().find_map(|folder| {
            let folder = expand(folder, &self.tokens(&origin))?;
            // an empty entry means the working folder
            let folder = if folder.is_empty() {
                &b"."[..]
            } else {
                &folder
            };
            self.in_folder(name, by, folder)
        })
    }

    fn in_folder(&self, name: &[u8], by: usize, folder: &[u8]) -> Option<Loaded> {
        let folder = Path::new(OsStr::from_bytes(folder));
        let name = OsStr::from_bytes(name);
        self.folders_below(folder)
            .iter()
            .map(|below| folder.join(below).join(name))
            .chain([folder.join(name)])
            .find_map(|path| self.open(&path, by))
    }

    /// Returns the folders of the processor that are there, the best first.
    fn folders_below(&self, folder: &Path) -> Rc<[String]> {
        let mut known = self.below.borrow_mut();
        if let Some(known) = known.get(folder) {
            return Rc::clone(known);
        }
        let is_there = |below: &&String| {
            let found = self.root.real(&folder.join(below));
            found.is_ok_and(|path| path.is_dir())
        };
        let hardware = self.platform.hardware.folders.iter();
        let below: Rc<[String]> = hardware.filter(is_there).cloned().collect();
        known.insert(folder.to_owned(), Rc::clone(&below));
        below
    }

    fn in_cache(&self, name: &[u8], by: usize, needer: &Loaded) -> Option<Loaded> {
        let flags = self.platform.cache_flags?;
        let cache = self.cache.as_ref()?;
        let path = cache.find(name, flags, &self.platform.hardware)?;
        if needer.no_default && self.is_default(path) {
            return None;
        }
        self.open(Path::new(OsStr::from_bytes(path)), by)
    }

    fn is_default(&self, path: &[u8]) -> bool {
        self.platform.folders.iter().any(|folder| {
            path.strip_prefix(folder.as_slice())
                .is_some_and(|rest| rest.starts_with(b"/"))
        })
    }

    fn in_default_folders(&self, name: &[u8], by: usize, needer: &Loaded) -> Option<Loaded> {
        if needer.no_default {
            return None;
        }
        let mut folders = self.platform.folders.iter();
        folders.find_map(|folder| self.in_folder(name, by, folder))
    }

    /// Opens the object at `path`, if the program can use it.
    pub(super) fn open(&self, path: &Path, by: usize) -> Option<Loaded> {
        let file = self.root.real(path).ok()?;
        let found = Loaded::open(&file, path, Some(by)).ok()?;
        found.fits(&self.main).then_some(found)
    }

    fn tokens<'t>(&'t self, origin: &'t [u8]) -> Tokens<'t> {
        Tokens {
            origin,
            lib: &self.platform.lib,
            platform: self
                .platform
                .hardware
                .platform
                .as_deref()
                .map(str::as_bytes),
        }
    }

    /// Returns the folder of a library: that of the path by which it was found.
    fn origin(&self, owner: &Loaded) -> Vec<u8> {
        if owner.loader.is_none() {
            return self.main_origin.clone();
        }
        folder_of(&absolute(&owner.path))
    }
}

/// Returns what `$ORIGIN` is for the program. The kernel tells it its real path, links followed.
fn real_origin(main: &Loaded, root: Option<&Path>) -> Vec<u8> {
    match root {
        None => folder_of(
            &main
                .file
                .canonicalize()
                .unwrap_or_else(|_| absolute(&main.path)),
        ),
        Some(root) => {
            let inside = main.file.strip_prefix(root).unwrap_or(&main.path);
            folder_of(&Path::new("/").join(inside))
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn folder_of(path: &Path) -> Vec<u8> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    folder.as_os_str().as_bytes().to_vec()
}
