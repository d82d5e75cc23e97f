//! What is so.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::files::read;
use super::image::{Installed, installable};
use super::manager::{check_others, drop_in};
use super::place::{Places, Scope};
use super::preload::{self, Says};
use crate::program::libraries::Libraries;
use crate::report::StandardOutput;
use crate::report::text::{chain, printable};
use crate::sys::machine;

/// What one setting and its copy are.
#[derive(Debug)]
pub struct State {
    scope: Scope,
    setting: PathBuf,
    library: PathBuf,
    is_here: bool,
    /// The setting names the copy; or why that cannot be told.
    is_on: Result<bool, Error>,
    copy: Copy,
}

/// What the copy is.
#[derive(Debug)]
enum Copy {
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable(Error),
    /// It is not one, or not any more.
    Damaged,
    /// It is as it was installed.
    Whole {
        installed: Installed,
        /// It is what this rseqctl would install; not known without its libraries.
        is_current: Option<bool>,
    },
}

impl State {
    /// Looks at the files of a scope below a root.
    ///
    /// # Errors
    ///
    /// There is no such root, or no home folder.
    pub fn of(scope: Scope, root: &Path) -> Result<Self, Error> {
        let places = Places::of(scope, root)?;
        let library = places.library();
        let copy = match read(&library) {
            Ok(None) => Copy::Missing,
            Err(error) => Copy::Unreadable(error),
            Ok(Some(bytes)) => match Installed::read(&bytes) {
                Some(installed) if installed.is_whole => Copy::Whole {
                    is_current: is_current(&bytes, &installed),
                    installed,
                },
                _ => Copy::Damaged,
            },
        };
        Ok(Self {
            scope,
            setting: places.setting(),
            library,
            is_here: places.is_here(),
            is_on: is_on(&places),
            copy,
        })
    }

    /// Returns whether something has to be put right.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        match &self.is_on {
            Err(_) => true,
            Ok(is_on) => *is_on && !matches!(self.copy, Copy::Whole { .. }),
        }
    }

    /// Returns the file of a copy that no setting names: `all` are those of every scope.
    #[must_use]
    pub fn left_over(&self, all: &[Self]) -> Option<&Path> {
        let names =
            |state: &Self| state.library == self.library && !matches!(state.is_on, Ok(false));
        let is_left = !matches!(self.copy, Copy::Missing) && !all.iter().any(names);
        is_left.then_some(&*self.library)
    }

    /// Writes it for people.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write(&self, out: &mut StandardOutput) -> io::Result<()> {
        let setting = printable(&self.setting);
        let option = self.scope.option();
        match &self.is_on {
            Ok(true) => writeln!(out, "{}: on ({setting})", self.scope.text())?,
            Ok(false) => return writeln!(out, "{}: off", self.scope.text()),
            Err(error) => writeln!(out, "{}: not known: {}", self.scope.text(), chain(error))?,
        }
        let library = printable(&self.library);
        match &self.copy {
            Copy::Missing => writeln!(
                out,
                "  library   {library} is missing: programs start without it and say so; \
                 rseqctl enable{option} puts it back"
            )?,
            Copy::Unreadable(error) => writeln!(
                out,
                "  library   {}: programs start without it and say so",
                chain(error)
            )?,
            Copy::Damaged => writeln!(
                out,
                "  library   {library} is damaged; rseqctl enable{option} replaces it"
            )?,
            Copy::Whole {
                installed,
                is_current,
            } => {
                let version = match is_current {
                    Some(true) => "as this rseqctl installs it".to_owned(),
                    Some(false) => format!("of another rseqctl; rseqctl enable{option} renews it"),
                    None => "this rseqctl has none to compare with".to_owned(),
                };
                writeln!(out, "  library   {library}, whole, {version}")?;
                writeln!(out, "  kernel    {}", self.kernel(installed))?;
            }
        }
        if self.scope == Scope::Host && self.is_here {
            let is_loaded = is_loaded(&self.library);
            let not = if is_loaded { "" } else { "not " };
            writeln!(out, "  seen      it is {not}loaded in this very process")?;
        }
        Ok(())
    }

    /// Says what may be done on the running kernel.
    fn kernel(&self, installed: &Installed) -> String {
        let known = String::from_utf8_lossy(&installed.kernel).into_owned();
        if known == machine::kernel_build() {
            "programs that need another owner are started once more".to_owned()
        } else if known == "-" {
            "when it was installed, the kernel was not seen to keep its part; programs are not \
             started once more"
                .to_owned()
        } else {
            format!(
                "it is for {known}, which is not the one that runs; programs are not started once \
                 more until rseqctl enable{} has tested it",
                self.scope.option()
            )
        }
    }
}

fn is_on(places: &Places) -> Result<bool, Error> {
    let setting = places.setting();
    let text = read(&setting)?.unwrap_or_default();
    if places.scope() == Scope::Host {
        return Ok(preload::says(&text, &places.name(), &setting)? == Says::Names);
    }
    if text.is_empty() {
        return Ok(false);
    }
    if text != drop_in(places).as_bytes() {
        return Err(Error::Edited(setting));
    }
    check_others(places)?;
    Ok(true)
}

fn is_current(bytes: &[u8], installed: &Installed) -> Option<bool> {
    let shim = fs::read(Libraries::find().ok()?.shim_file()).ok()?;
    let ours = installable(&shim, &installed.kernel).ok()?;
    Some(ours == bytes)
}

fn is_loaded(library: &Path) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let library = library.to_string_lossy();
    maps.lines().any(|line| line.ends_with(&*library))
}
