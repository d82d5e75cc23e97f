//! Builds a patched glibc and keeps what is needed to run programs on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::own_tests;
use super::series::Series;
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::program;

/// For any one step, on a machine that has other things to do.
pub const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// What configure and make do not find by themselves.
pub const TOOLS: [&str; 8] = [
    "gcc",
    "make",
    "bison",
    "gawk",
    "m4",
    "python3",
    "patch",
    "dpkg-source",
];

pub(super) const CONFIGURE: [&str; 9] = [
    "--prefix=/usr",
    "--disable-werror",
    "--disable-nscd",
    "--disable-build-nscd",
    "--without-selinux",
    "--disable-profile",
    "--enable-stack-protector=no",
    "--disable-timezone-tools",
    "CFLAGS=-O2 -g0",
];

/// Shared libraries: where they are built, and their sonames.
pub(super) const SHARED: [(&str, &str); 10] = [
    ("elf/ld.so", "ld-linux-x86-64.so.2"),
    ("libc.so", "libc.so.6"),
    ("math/libm.so", "libm.so.6"),
    ("mathvec/libmvec.so", "libmvec.so.1"),
    ("nptl/libpthread.so", "libpthread.so.0"),
    ("dlfcn/libdl.so", "libdl.so.2"),
    ("rt/librt.so", "librt.so.1"),
    ("login/libutil.so", "libutil.so.1"),
    ("resolv/libanl.so", "libanl.so.1"),
    ("resolv/libresolv.so", "libresolv.so.2"),
];

/// What a program is linked with.
pub(super) const DEVELOPMENT: [&str; 7] = [
    "csu/crt1.o",
    "csu/Scrt1.o",
    "csu/rcrt1.o",
    "csu/crti.o",
    "csu/crtn.o",
    "libc.a",
    "libc_nonshared.a",
];

/// The header that the series adds.
pub(super) const HEADER: &str = "sysdeps/unix/sysv/linux/sys/rseq_abi.h";

/// Where it is kept which version was built: the archive may not have had the one
/// that the series was made for.
pub const VERSION: &str = "version";

/// The files of a glibc with this series; built the first time, and tested.
///
/// # Errors
///
/// It cannot be fetched, patched or built.
pub fn kept(series: &Series) -> Result<PathBuf, String> {
    let kind = if series.patches.is_empty() {
        "stock"
    } else {
        "patched"
    };
    let content = series.content();
    cache::kept(
        &format!("glibc-{kind}-{}-{content:016x}", series.version),
        |into| {
            let say = |what: &str| tell(&format!("glibc {} ({kind}): {what}", series.version));
            say("fetching, unpacking and configuring");
            let tree = Tree::prepare(series, &into.join("work"), &[])?;
            series.apply(&tree.source)?;
            say("building: four minutes of an idle machine with two processors");
            let start = Instant::now();
            tree.make()?;
            say(&format!("built in {} s", start.elapsed().as_secs()));
            if !series.patches.is_empty() {
                say("running its own tests: two minutes more");
                own_tests::run(&tree, into)?;
            }
            tree.keep(into)?;
            fs::write(into.join(VERSION), series.found_version()?)
                .map_err(|error| format!("{VERSION}: {error}"))?;
            fs::remove_dir_all(into.join("work")).map_err(|error| format!("work: {error}"))
        },
    )
}

/// Says how far a build is that somebody waits for, whoever asked for it.
fn tell(line: &str) {
    eprintln!("{line}");
}

/// Builds after each patch: every one of them must leave a glibc that builds,
/// without a warning, as glibc's maintainers ask for.
///
/// # Errors
///
/// One does not apply or build.
pub fn each(series: &Series, mut say: impl FnMut(&str)) -> Result<(), String> {
    let work = cache::work()?;
    let tree = Tree::prepare(series, work.path(), &["--enable-werror"])?;
    let mut build = |what: &str| {
        let start = Instant::now();
        tree.make()?;
        say(&format!("{what}: builds ({} s)", start.elapsed().as_secs()));
        Ok::<(), String>(())
    };
    build("base")?;
    for patch in &series.patches {
        patch.apply(&tree.source)?;
        build(&patch.name())?;
    }
    Ok(())
}

/// A source tree and its build tree.
#[derive(Debug)]
pub struct Tree {
    /// The source.
    pub source: PathBuf,
    /// The build.
    pub build: PathBuf,
}

impl Tree {
    /// Unpacks and configures below `work`, with further options.
    pub(super) fn prepare(series: &Series, work: &Path, options: &[&str]) -> Result<Self, String> {
        for tool in TOOLS {
            program(tool)?;
        }
        let tree = Self {
            source: work.join("source"),
            build: work.join("build"),
        };
        fs::create_dir_all(&tree.build).map_err(|error| format!("{}: {error}", work.display()))?;
        series.unpack(&tree.source)?;
        let configure = tree.source.join("configure");
        let step = Program::new(configure).args(CONFIGURE).args(options);
        tree.run(step, "configure")?;
        Ok(tree)
    }

    /// Builds all of it: the static programs and the own tests need more than the
    /// shared libraries.
    pub(super) fn make(&self) -> Result<(), String> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        self.run(Program::new("make").arg(format!("-j{jobs}")), "make")?;
        // without this name the new ld.so would find the system's libc
        let name = self.build.join("libc.so.6");
        if name.exists() {
            return Ok(());
        }
        std::os::unix::fs::symlink("libc.so", &name)
            .map_err(|error| format!("{}: {error}", name.display()))
    }

    /// Runs a step in the build tree.
    pub(super) fn run(&self, step: Program, name: &str) -> Result<(), String> {
        let done = step.directory(&self.build).limit(LIMIT).run()?;
        if done.code() == 0 {
            return Ok(());
        }
        let said = format!("{}\n{}", done.out, done.err);
        let lines: Vec<_> = said
            .lines()
            .filter(|line| {
                ["error: ", "***", "ld: "]
                    .iter()
                    .any(|it| line.contains(it))
            })
            .collect();
        let last = lines.len().saturating_sub(20);
        Err(format!("{name} failed:\n{}", lines[last..].join("\n")))
    }

    fn keep(&self, into: &Path) -> Result<(), String> {
        let libraries = into.join("lib/x86_64-linux-gnu");
        let development = into.join("usr/lib/x86_64-linux-gnu");
        let headers = into.join("usr/include/sys");
        let copy = |from: PathBuf, to: PathBuf| {
            let parent = to.parent().unwrap_or(into);
            fs::create_dir_all(parent)
                .and_then(|()| fs::copy(&from, &to))
                .map(drop)
                .map_err(|error| format!("{}: {error}", from.display()))
        };
        for (from, soname) in SHARED {
            copy(self.build.join(from), libraries.join(soname))?;
        }
        for from in DEVELOPMENT {
            let from = self.build.join(from);
            let name = from.file_name().unwrap_or_default().to_owned();
            copy(from, development.join(name))?;
        }
        let header = self.source.join(HEADER);
        if header.is_file() {
            copy(header, headers.join("rseq_abi.h"))?;
        }
        Ok(())
    }
}
