//! Which processes are inspected.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::proc::{self, Process};

/// Which processes are inspected. Ids and names add to each other; units, control
/// groups and users leave out processes that are in none of those named. Without
/// anything, it is every process.
///
/// ```
/// use rseqctl::process::Selection;
///
/// assert!(Selection::default().is_all());
/// assert!(!Selection::of_pids([1]).is_all());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// Ids of processes, or of threads of theirs.
    pub pids: Vec<u32>,
    /// Names: the one that the kernel has, the file name of the program, or that of
    /// the first argument.
    pub names: Vec<String>,
    /// Units of systemd, such as `mongod.service`; without a suffix a service is
    /// meant.
    pub units: Vec<String>,
    /// Control groups, with those below them, as `/proc/PID/cgroup` has them.
    pub cgroups: Vec<String>,
    /// Effective user ids.
    pub users: Vec<u32>,
}

/// What a selection comes to at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// The processes, in the order of their ids, those named by id first.
    pub(super) pids: Vec<u32>,
    /// How many of the first of them were named by id.
    pub(super) named: usize,
    /// What was named otherwise, and no process goes by.
    pub(super) unmatched: Vec<String>,
}

impl Selection {
    /// Returns the processes with these ids.
    pub fn of_pids(pids: impl IntoIterator<Item = u32>) -> Self {
        Self {
            pids: pids.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Returns whether it is every process.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether processes are named one by one.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !(self.pids.is_empty() && self.names.is_empty())
    }

    /// Returns the processes that it means now. This one is never among those that
    /// are not named by id.
    pub(super) fn resolve(&self) -> io::Result<Selected> {
        let mut selected = Selected::default();
        let mut seen = BTreeSet::new();
        for &pid in &self.pids {
            if self.keeps(&Process::new(pid)) && seen.insert(pid) {
                selected.pids.push(pid);
            }
        }
        selected.named = selected.pids.len();
        if self.is_named() && self.names.is_empty() {
            return Ok(selected);
        }
        let mut all = proc::processes()?;
        all.remove(&std::process::id());
        let mut matched = BTreeSet::new();
        for pid in all {
            let process = Process::new(pid);
            let named = self.names.iter().filter(|name| is_called(&process, name));
            let named: Vec<_> = named.collect();
            if (self.names.is_empty() || !named.is_empty()) && self.keeps(&process) {
                matched.extend(named);
                if seen.insert(pid) {
                    selected.pids.push(pid);
                }
            }
        }
        let missed = self.names.iter().filter(|name| !matched.contains(name));
        selected.unmatched = missed.cloned().collect();
        Ok(selected)
    }

    /// Returns whether the process is of one of the units, control groups and users.
    fn keeps(&self, process: &Process) -> bool {
        let is_of_user = self.users.is_empty()
            || process
                .status()
                .is_ok_and(|status| self.users.contains(&status.user));
        if !is_of_user {
            return false;
        }
        if self.units.is_empty() && self.cgroups.is_empty() {
            return true;
        }
        let Some(group) = process.control_group() else {
            return false;
        };
        let is_in_unit = |unit: &String| {
            let unit = with_suffix(unit);
            group.split('/').any(|part| part == unit)
        };
        let is_below = |asked: &String| Path::new(&group).starts_with(asked);
        (self.units.is_empty() || self.units.iter().any(is_in_unit))
            && (self.cgroups.is_empty() || self.cgroups.iter().any(is_below))
    }
}

/// Returns whether a process goes by a name.
fn is_called(process: &Process, name: &str) -> bool {
    let is_file_name = |path: &Path| path.file_name().is_some_and(|file| file == name);
    process
        .text("comm")
        .is_ok_and(|comm| comm.trim_end() == name)
        || process.executable().is_ok_and(|path| is_file_name(&path))
        || process
            .command()
            .first()
            .is_some_and(|first| is_file_name(Path::new(first)))
}

/// Returns the unit's name with a suffix, as systemctl understands it.
fn with_suffix(unit: &str) -> String {
    if unit.contains('.') {
        unit.to_owned()
    } else {
        format!("{unit}.service")
    }
}

/// Returns the unit in which a control group is: its innermost part that names one.
pub(super) fn unit_of(group: &str) -> Option<&str> {
    const SUFFIXES: [&str; 2] = [".service", ".scope"];

    let mut parts = group.rsplit('/');
    parts.find(|part| SUFFIXES.iter().any(|suffix| part.ends_with(suffix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_control_groups() {
        let rows = [
            ("/system.slice/mongod.service", Some("mongod.service")),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
                Some("app-x.scope"),
            ),
            ("/user.slice", None),
            ("/", None),
        ];
        for (group, unit) in rows {
            assert_eq!(unit_of(group), unit);
        }
        assert_eq!(with_suffix("mongod"), "mongod.service");
        assert_eq!(with_suffix("a.scope"), "a.scope");
    }

    #[test]
    fn this_process_goes_by_its_names() {
        let this = std::process::id();
        let process = Process::new(this);
        let program = std::env::current_exe().expect("a program");
        let name = program.file_name().expect("a name").to_string_lossy();
        assert!(is_called(&process, &name) && !is_called(&process, "no-such"));

        let mut selection = Selection::of_pids([this, this]);
        let selected = selection.resolve().expect("/proc");
        assert_eq!((selected.pids, selected.named), (vec![this], 1));

        selection = Selection::default();
        selection.names = vec!["no-such-program".to_owned()];
        let selected = selection.resolve().expect("/proc");
        assert_eq!(selected.unmatched, ["no-such-program"]);
        assert!(selected.pids.is_empty());
    }
}
