//! Who owns the registration of a process's threads, and why, in words.

use std::ffi::OsStr;

use tls_model::facts::OwnLibrary;
use tls_model::owner::{Owner, Reason};
use tls_model::protocol::variable::{RSEQ_TUNABLE, TUNABLES};

use super::area::{Area, AreaKind};
use super::image::Image;
use super::owner::ProcessOwner;
use super::proc::Process;
use super::thread::Threads;
use crate::tunables::{last_value, number};

/// Who owns it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ownership {
    /// Who; none where that is not known.
    pub(super) owner: Option<ProcessOwner>,
    pub(super) because: String,
}

/// Finds the owner from what the threads told.
pub(super) fn find_owner(process: &Process, image: &Image, threads: &Threads) -> Ownership {
    let registered = threads.areas.iter().flatten();
    let mut areas: Vec<Area> = Vec::new();
    for area in registered {
        if !areas.contains(area) {
            areas.push(*area);
        }
    }
    let (owner, because) = match areas[..] {
        [] if threads.rows.iter().any(|row| row.registered.is_some()) => {
            (Some(ProcessOwner::None), why_nobody(process, image))
        }
        [] if threads.rows.iter().all(|row| row.state == "Z") => (
            None,
            "it has ended; its parent has not noticed yet".to_owned(),
        ),
        [] => (None, "no thread told".to_owned()),
        [area] => {
            let (owner, because) = of_area(area, image);
            (Some(owner.into()), because)
        }
        [..] => mixed(&areas, image),
    };
    Ownership { owner, because }
}

/// Returns the owner where threads differ: by area, perhaps not by owner.
fn mixed(areas: &[Area], image: &Image) -> (Option<ProcessOwner>, String) {
    let all: Vec<_> = areas.iter().map(|area| of_area(*area, image)).collect();
    let reasons: Vec<_> = all.iter().map(|(_, why)| why.as_str()).collect();
    let same = all.iter().all(|(owner, _)| *owner == all[0].0);
    let owner = if same {
        all[0].0.into()
    } else {
        ProcessOwner::Mixed
    };
    (Some(owner), reasons.join("; in other threads "))
}

fn of_area(area: Area, image: &Image) -> (Owner, String) {
    let object = area.object.and_then(|index| image.objects.get(index));
    let path = object.map_or("", |object| object.path.as_str());
    let has_shim = image.has_shim();
    match (area.kind, object) {
        (AreaKind::Symbol, Some(it))
            if area.is_libcs_choice && !it.file.report.facts.is_owning_libc() =>
        {
            (
                Owner::Libc,
                format!("{}: that of {path}", Reason::LibcOwnsSymbol.text()),
            )
        }
        _ if area.is_libcs_choice => (Owner::Libc, Reason::LibcOwnsSymbol.text().to_owned()),
        (AreaKind::Libc, _) => (Owner::Libc, Reason::LibcRegistered.text().to_owned()),
        (AreaKind::Librseq, _) => (Owner::Client, format!("{path} has registered its own area")),
        (AreaKind::Symbol, Some(it)) if it.file.is_own(OwnLibrary::Abi) && has_shim => {
            (Owner::Shim, Reason::NobodyElse.text().to_owned())
        }
        (AreaKind::Symbol, Some(it)) if it.file.is_own(OwnLibrary::Abi) => (
            Owner::Client,
            format!("somebody has registered the __rseq_abi of {path}"),
        ),
        (AreaKind::Symbol, Some(it)) if it.file.report.exported_definition().is_some() => {
            let who = if has_shim {
                ", and the shim registers it"
            } else {
                ""
            };
            (Owner::Adopter, format!("{path} exports __rseq_abi{who}"))
        }
        (AreaKind::Symbol, _) => (
            Owner::Client,
            format!("{path} has registered its own __rseq_abi, which it does not export"),
        ),
        // a copy for every program of the host has storage of its own
        (AreaKind::Tls, Some(it)) if it.file.is_own(OwnLibrary::Shim) => {
            (Owner::Shim, Reason::NobodyElse.text().to_owned())
        }
        (AreaKind::Tls, _) => (
            Owner::Client,
            format!("{path} has registered an area in its thread-local storage"),
        ),
        (AreaKind::Unknown, _) => (
            Owner::Client,
            "somebody has registered an area of unknown origin".to_owned(),
        ),
    }
}

/// Returns why no thread is registered, as far as can be told.
fn why_nobody(process: &Process, image: &Image) -> String {
    let tunables = process.variable(TUNABLES).unwrap_or_default();
    let value = last_value(OsStr::new(&tunables), RSEQ_TUNABLE);
    let is_off = value.and_then(number) == Some(0);
    let tells = image.objects.iter().any(|object| {
        object.file.marks.rseq_offset.is_some() && !object.file.is_own(OwnLibrary::Shim)
    });
    if is_off {
        "GLIBC_TUNABLES switches the libc's registration off, and nobody has registered instead"
    } else if let Some(value) = value.filter(|_| tells) {
        // what a libc makes of it depends on its version, and a stranger's dynamic
        // linker is not executed
        return format!(
            "GLIBC_TUNABLES has glibc.pthread.rseq={}: either the libc takes that for 0, or the \
             system call is missing or denied, or the threads have unregistered",
            String::from_utf8_lossy(value)
        );
    } else if tells {
        "the libc would have registered: the system call is missing or denied, or the threads have \
         unregistered"
    } else {
        "the program's libc does not register (glibc does from 2.35 on), and nobody else has"
    }
    .to_owned()
}
