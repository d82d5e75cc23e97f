//! What a package takes of the tarball, and where it goes.

/// What a package takes, and where it goes.
#[derive(Clone, Copy)]
pub(super) struct Installed {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A file that may be executed.
    Program,
    /// A library, in the folder of libraries.
    Library,
    /// Every file of a folder, in the folder of libraries.
    Settings,
    /// Every file of a folder.
    Folder,
    /// Every page of a folder, compressed.
    Page,
}

impl Installed {
    pub(super) const fn program(from: &'static str, to: &'static str) -> Self {
        let how = How::Program;
        Self { from, to, how }
    }

    pub(super) const fn library(from: &'static str, to: &'static str) -> Self {
        let how = How::Library;
        Self { from, to, how }
    }

    pub(super) const fn settings(from: &'static str, to: &'static str) -> Self {
        let how = How::Settings;
        Self { from, to, how }
    }

    pub(super) const fn folder(from: &'static str, to: &'static str) -> Self {
        let how = How::Folder;
        Self { from, to, how }
    }

    pub(super) const fn page(from: &'static str, to: &'static str) -> Self {
        let how = How::Page;
        Self { from, to, how }
    }
}
