//! The programs below: each waits until somebody ends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::needs::{Need, Tool, program};
use rseq_lab::files::folder;
use rseq_lab_clients::tcmalloc::{self, Linked};
use rseq_lab_clients::workerd;

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Cloudflare's server, in which an allocator hides its `__rseq_abi`.
    Workerd,
    /// TCMalloc in a small program: hidden as well.
    Tcmalloc,
    /// TCMalloc's area, exported.
    Exported,
    /// A program that uses no rseq.
    Plain,
    /// The same, statically linked.
    Static,
    /// The same with musl.
    Musl,
}

/// Waits for the end of the file that it is told, in three threads.
const PLAIN: &str = r"
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
static void *waits(void *file)
{
	char byte;
	int fd = open(file, O_RDONLY);
	while (read(fd, &byte, 1) == 1)
		;
	return 0;
}
int main(int count, char **words)
{
	pthread_t threads[2];
	if (count < 2)
		return 2;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], 0, waits, words[1]);
	waits(words[1]);
	return 0;
}
";

impl Subject {
    /// All, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Workerd,
        Self::Tcmalloc,
        Self::Exported,
        Self::Plain,
        Self::Static,
        Self::Musl,
    ];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workerd => "workerd",
            Self::Tcmalloc => "TCMalloc, hidden",
            Self::Exported => "TCMalloc, exported",
            Self::Plain => "plain",
            Self::Static => "static",
            Self::Musl => "musl",
        }
    }

    /// Returns who is to own its registrations below `rseqctl run`; nothing where it is
    /// to be as without us.
    #[must_use]
    pub const fn owner(self) -> Option<&'static str> {
        match self {
            Self::Workerd | Self::Tcmalloc => Some("client"),
            Self::Exported => Some("adopter"),
            Self::Plain => Some("libc"),
            Self::Static | Self::Musl => None,
        }
    }

    /// Returns how many threads it has when it is ready, at least.
    #[must_use]
    pub const fn threads(self) -> u64 {
        match self {
            Self::Workerd => 2,
            Self::Tcmalloc | Self::Exported => 9,
            Self::Plain | Self::Static | Self::Musl => 3,
        }
    }

    /// Returns what the machine has to have.
    #[must_use]
    pub fn needs(self) -> Vec<Need> {
        match self {
            Self::Workerd => vec![workerd::NEED],
            Self::Tcmalloc | Self::Exported => vec![Need::CXX, tcmalloc::NEED],
            Self::Plain => vec![Need::CC],
            Self::Static => vec![Need::CC, Need::STATIC_LIBC],
            Self::Musl => vec![Need::of(Tool("musl-gcc"))],
        }
    }

    /// Returns its file: a copy that every user may start.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub fn file(self) -> Result<PathBuf, String> {
        static FILES: Mutex<Vec<(Subject, PathBuf)>> = Mutex::new(Vec::new());

        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = files.iter().find(|(subject, _)| *subject == self) {
            return Ok(file.clone());
        }
        let file = match self {
            Self::Workerd => for_all(workerd::binary()?, "workerd")?,
            Self::Tcmalloc => for_all(&tcmalloc::binary(Linked::Hidden)?, "tcmalloc")?,
            Self::Exported => for_all(&tcmalloc::binary(Linked::Exported)?, "exported")?,
            Self::Plain => build("plain", "cc", &["-pthread"])?,
            Self::Static => build("static", "cc", &["-pthread", "-static"])?,
            Self::Musl => build("musl", "musl-gcc", &["-pthread"])?,
        };
        files.push((self, file.clone()));
        Ok(file)
    }

    /// Returns its arguments; it ends when nobody holds `wait` open any more.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn arguments(self, wait: &Path) -> Result<Vec<String>, String> {
        if self != Self::Workerd {
            return Ok(vec![wait.display().to_string()]);
        }
        let arguments = workerd::arguments()?;
        // every user reads its configuration
        let config = wait.with_extension("capnp");
        let last = arguments.last().ok_or("workerd has no arguments")?;
        fs::copy(last, &config).map_err(|error| error.to_string())?;
        Ok(vec!["serve".to_owned(), config.display().to_string()])
    }
}

fn place() -> Result<&'static Path, String> {
    static PLACE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| folder("programs"));
    PLACE.as_deref().map_err(Clone::clone)
}

fn for_all(from: &Path, name: &str) -> Result<PathBuf, String> {
    let to = place()?.join(name);
    executable::copied(from, &to, 0o755)?;
    Ok(to)
}

fn build(name: &str, compiler: &str, options: &[&str]) -> Result<PathBuf, String> {
    let (source, out) = (place()?.join("plain.c"), place()?.join(name));
    fs::write(&source, PLAIN).map_err(|error| error.to_string())?;
    Program::with_callers_environment(program(compiler)?)
        .args(["-O1", "-o"])
        .args([&out, &source])
        .args(options)
        .run()?
        .expect(0)?;
    Ok(out)
}
