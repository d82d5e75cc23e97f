//! What keeps an object of a process from being unloaded.

use tls_model::facts::ObjectKind;
use tls_model::protocol::variable;

use super::image::{Image, Instance};
use super::proc::Process;

/// How an object came into its process, as far as its unloading matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is the program, or came with it: it stays.
    Start,
    /// `DF_1_NODELETE`: it stays.
    Nodelete,
    /// The shim keeps what defines the symbol.
    Shim,
    /// By `dlopen`: it may go, unless it was opened with `RTLD_NODELETE`.
    Loose,
}

/// How each object of an image is held.
pub(super) struct Holds {
    at_start: Vec<bool>,
    shim_keeps: bool,
}

impl Holds {
    /// Follows the names that the program and what is preloaded need.
    pub(super) fn find(process: &Process, image: &Image) -> Self {
        let mut names: Vec<Vec<u8>> = preloaded(process);
        let mut at_start: Vec<bool> = image
            .objects
            .iter()
            .map(|object| object.file.report.facts.kind == ObjectKind::Executable)
            .collect();
        if let Some(main) = image.main {
            at_start[main] = true;
        }
        for (object, _) in image.objects.iter().zip(&at_start).filter(|(_, at)| **at) {
            names.extend(object.file.needed.iter().cloned());
        }
        while let Some(name) = names.pop() {
            for (object, at_start) in image.objects.iter().zip(&mut at_start) {
                if !*at_start && is_called(object, &name) {
                    *at_start = true;
                    names.extend(object.file.needed.iter().cloned());
                }
            }
        }
        let told = process.variable(variable::LOADING);
        let shim_keeps =
            image.has_shim() && !told.is_some_and(|value| value == "off" || value == "warn");
        Self {
            at_start,
            shim_keeps,
        }
    }

    pub(super) fn of(&self, image: &Image, index: usize) -> Hold {
        let report = &image.objects[index].file.report;
        if self.at_start.get(index) == Some(&true) {
            Hold::Start
        } else if report.facts.flags.nodelete {
            Hold::Nodelete
        } else if self.shim_keeps && report.exported_definition().is_some() {
            Hold::Shim
        } else {
            Hold::Loose
        }
    }
}

/// Returns the names that the dynamic linker was told to preload.
fn preloaded(process: &Process) -> Vec<Vec<u8>> {
    let told = process.variable(variable::PRELOAD).unwrap_or_default();
    let file = process.text("root/etc/ld.so.preload").unwrap_or_default();
    let names = told.split([' ', ':']).chain(file.split_whitespace());
    names
        .filter(|name| !name.is_empty())
        .map(|name| name.as_bytes().to_vec())
        .collect()
}

/// Returns whether the dynamic linker would find the object by this name, or by one in
/// the same folder: a path may lead through a link to a file of another name.
fn is_called(object: &Instance, name: &[u8]) -> bool {
    let last = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    object.file.soname.as_deref() == last(name).as_deref()
        || object.path.as_bytes() == name
        || last(object.path.as_bytes()) == last(name)
}
