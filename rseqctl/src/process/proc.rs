//! What /proc says about processes and threads.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One process's folder.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    folder: PathBuf,
}

/// `/proc/PID/status`, as far as it matters here.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    pub(super) name: String,
    /// The process; differs from the id asked for where that is a thread's.
    pub(super) process: u32,
    /// The process that it is a child of.
    pub(super) parent: u32,
    /// A letter, see proc_pid_status(5).
    pub(super) state: char,
    /// Effective user.
    pub(super) user: u32,
    /// Who traces it, or 0.
    pub(super) tracer: u32,
    /// Its id in each pid namespace, from ours inwards.
    pub(super) ids: Vec<u32>,
    /// It is a thread of the kernel; none where the kernel does not say (before 6.8).
    pub(super) is_kernels: Option<bool>,
}

/// Returns the processes of the host, or of this pid namespace, in order.
///
/// # Errors
///
/// There is no folder, or it has none of them, not even this one: it is not mounted.
pub(super) fn processes() -> io::Result<BTreeSet<u32>> {
    let all = numbers(Path::new("/proc"))?;
    if all.is_empty() {
        return Err(io::Error::other("no process is in it"));
    }
    Ok(all)
}

/// Returns the entries of a folder that are numbers.
fn numbers(folder: &Path) -> io::Result<BTreeSet<u32>> {
    let names =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self {
            pid,
            folder: PathBuf::from(format!("/proc/{pid}")),
        }
    }

    /// Returns the path of a file in its folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn bytes(&self, name: &str) -> io::Result<Vec<u8>> {
        // /proc tells no sizes: one buffer that fits most files
        let mut bytes = Vec::with_capacity(16 << 10);
        File::open(self.path(name))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Returns `AT_BASE` of the auxiliary vector: where the kernel has mapped the dynamic
    /// linker. None for a static program, or where it may not be read.
    pub(super) fn base_of_linker(&self, is_narrow: bool) -> Option<u64> {
        const AT_BASE: u64 = libc::AT_BASE;

        let bytes = self.bytes("auxv").ok()?;
        let words: Vec<u64> = if is_narrow {
            let words = bytes.as_chunks().0.iter();
            words.map(|word| u32::from_ne_bytes(*word).into()).collect()
        } else {
            let words = bytes.as_chunks().0.iter();
            words.map(|word| u64::from_ne_bytes(*word)).collect()
        };
        let mut pairs = words.chunks_exact(2);
        let base = pairs.find_map(|pair| match *pair {
            [AT_BASE, value] => Some(value),
            _ => None,
        });
        base.filter(|&base| base != 0)
    }

    pub(super) fn text(&self, name: &str) -> io::Result<String> {
        self.bytes(name).map(lossy)
    }

    pub(super) fn status(&self) -> io::Result<Status> {
        self.text("status").map(|text| Status::parse(&text))
    }

    /// Switches to the folder of a thread that has not ended, if there is one: that of a
    /// process whose main thread has ended is empty.
    pub(super) fn turn_to_living_thread(&mut self) {
        let threads = self.threads().unwrap_or_default();
        let living = threads.into_iter().find(|thread| {
            self.thread(*thread)
                .is_ok_and(|(_, state)| !has_ended(state))
        });
        if let Some(living) = living {
            // not listed in /proc, but there
            self.folder = PathBuf::from(format!("/proc/{living}"));
        }
    }

    /// Returns its threads, in order.
    pub(super) fn threads(&self) -> io::Result<BTreeSet<u32>> {
        numbers(&self.path("task"))
    }

    pub(super) fn thread_status(&self, thread: u32) -> io::Result<Status> {
        self.text(&format!("task/{thread}/status"))
            .map(|text| Status::parse(&text))
    }

    /// Returns a thread's name and the letter of its state: cheaper than its status.
    pub(super) fn thread(&self, thread: u32) -> io::Result<(String, char)> {
        let text = self.text(&format!("task/{thread}/stat"))?;
        // "ID (NAME) STATE ...", and a name may have parentheses of its own
        let parts = text
            .split_once('(')
            .and_then(|(_, rest)| rest.rsplit_once(')'));
        let (name, rest) = parts.ok_or(io::ErrorKind::InvalidData)?;
        let state = rest.trim_start().chars().next().unwrap_or('?');
        Ok((name.to_owned(), state))
    }

    /// Returns the program's path as the process sees it; " (deleted)" at the end
    /// where it is gone.
    pub(super) fn executable(&self) -> io::Result<PathBuf> {
        fs::read_link(self.path("exe"))
    }

    /// Returns its command line.
    pub(super) fn command(&self) -> Vec<String> {
        self.strings("cmdline")
    }

    /// Returns the value of a variable in the environment that it was started with.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        let all = self.strings("environ");
        all.iter()
            .find_map(|entry| entry.strip_prefix(&start).map(str::to_owned))
    }

    /// Returns its control group: the unified one, else that of systemd's own hierarchy
    /// (cgroups(7)).
    pub(super) fn control_group(&self) -> Option<String> {
        let text = self.text("cgroup").ok()?;
        let path_of = |start: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.split_once(':')?.1.strip_prefix(start))
        };
        path_of(":")
            .or_else(|| path_of("name=systemd:"))
            .map(str::to_owned)
    }

    fn strings(&self, name: &str) -> Vec<String> {
        let bytes = self.bytes(name).unwrap_or_default();
        let mut strings: Vec<_> = bytes
            .split(|byte| *byte == 0)
            .map(|string| lossy(string.to_vec()))
            .collect();
        // the last one ends with a zero, too
        strings.pop_if(|last| last.is_empty());
        strings
    }

    /// Returns the kinds of namespace in which it differs from this process; none
    /// where that may not be read.
    pub(super) fn other_namespaces(&self) -> Option<Vec<&'static str>> {
        let mut other = Vec::new();
        for kind in ["mnt", "pid", "user"] {
            let its = fs::read_link(self.path(&format!("ns/{kind}"))).ok()?;
            let ours = fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
            if its != ours {
                other.push(kind);
            }
        }
        Some(other)
    }
}

impl Status {
    fn parse(text: &str) -> Self {
        let mut status = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let mut words = value.split_whitespace();
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            match key {
                "Name" => value.trim().clone_into(&mut status.name),
                "State" => status.state = value.trim().chars().next().unwrap_or('?'),
                "Tgid" => status.process = number(),
                "PPid" => status.parent = number(),
                "TracerPid" => status.tracer = number(),
                "Uid" => {
                    number();
                    status.user = number();
                }
                "NSpid" => {
                    status.ids = value
                        .split_whitespace()
                        .filter_map(|word| word.parse().ok())
                        .collect();
                }
                "Kthread" => status.is_kernels = Some(number() == 1),
                _ => {}
            }
        }
        status
    }

    /// Returns whether it has ended and only its parent has not noticed yet.
    pub(super) fn has_ended(&self) -> bool {
        has_ended(self.state)
    }
}

/// Returns whether the state is that of a thread that has ended.
pub(super) fn has_ended(state: char) -> bool {
    matches!(state, 'Z' | 'X' | 'x')
}

fn lossy(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            crate::report::text::readable(Path::new(&OsString::from_vec(error.into_bytes())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let this = Process::new(std::process::id());
        let status = this.status().expect("a process");
        assert_eq!(status.process, this.pid);
        assert_eq!(status.ids.first(), Some(&this.pid));
        assert!(status.is_kernels != Some(true) && !status.has_ended());
        let threads = this.threads().expect("threads");
        assert!(threads.contains(&this.pid), "{threads:?}");
        let (_, state) = this.thread(this.pid).expect("a thread");
        assert!("RS".contains(state), "{state}");
        assert_eq!(this.other_namespaces(), Some(Vec::new()));
        let program = std::env::current_exe().expect("a program");
        assert_eq!(this.executable().expect("a program"), program);
    }
}
