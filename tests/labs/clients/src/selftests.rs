//! The kernel's own `selftests/rseq`, out of Debian's package of its source: librseq and
//! its tests, as the kernel has them. Nothing of it is kept in the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::artifacts::{artifacts, workspace};
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs::{Asked, Need, program};

/// The kernel's own tests, which apt-get can download and a compiler build.
pub const NEED: Need = Need::new(&Asked("the kernel's tests", || {
    folder(Linked::Own).map(drop)
}));

/// The package, and the archive in it.
const PACKAGE: &str = "linux-source-6.1";
const ARCHIVE: &str = "./usr/src/linux-source-6.1.tar.xz";

/// What is taken out of the archive: the tests, and the headers they include.
const TAKEN: [&str; 3] = [
    "linux-source-6.1/tools/testing/selftests/rseq",
    "linux-source-6.1/tools/testing/selftests/kselftest.h",
    "linux-source-6.1/tools/include/linux",
];

/// 200 threads that spin, and yield 100,000 times each, take half a minute, and
/// many where others want the CPUs too. Much less shows the same. (File, text,
/// replacement.)
const SHORTER: [(&str, &str, &str); 5] = [
    (
        "basic_percpu_ops_test.c",
        "num_threads = 200",
        "num_threads = 4",
    ),
    ("basic_percpu_ops_test.c", "[200]", "[20]"),
    ("basic_percpu_ops_test.c", "i < 200;", "i < 20;"),
    ("basic_percpu_ops_test.c", "i < 100000;", "i < 1000;"),
    (
        "basic_percpu_ops_test.c",
        "data.reps = 5000;",
        "data.reps = 500;",
    ),
];

/// The programs: name, source, options of their own.
const PROGRAMS: [(&str, &str, &[&str]); 4] = [
    ("basic_test", "basic_test.c", &[]),
    ("basic_percpu_ops_test", "basic_percpu_ops_test.c", &[]),
    ("param_test", "param_test.c", &[]),
    (
        "param_test_compare_twice",
        "param_test.c",
        &["-DRSEQ_COMPARE_TWICE"],
    ),
];

/// Whose `__rseq_abi` the library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// Its own, which nobody else sees.
    Own,
    /// The one that `rseq_abi.h` defines, in a shared library.
    Header,
    /// The same, all of it in static programs.
    HeaderStatic,
    /// That of `librseq_owner.a`, in dynamic programs.
    Owner,
}

/// Returns the folder with the programs, built in this way.
///
/// # Errors
///
/// They cannot be had or built here.
pub fn folder(linked: Linked) -> Result<&'static Path, String> {
    type Folder = LazyLock<Result<PathBuf, String>>;
    static OWN: Folder = LazyLock::new(|| build(Linked::Own, Machine::X86_64));
    static HEADER: Folder = LazyLock::new(|| build(Linked::Header, Machine::X86_64));
    static HEADER_STATIC: Folder = LazyLock::new(|| build(Linked::HeaderStatic, Machine::X86_64));
    static OWNER: Folder = LazyLock::new(|| build(Linked::Owner, Machine::X86_64));

    let folder = match linked {
        Linked::Own => &OWN,
        Linked::Header => &HEADER,
        Linked::HeaderStatic => &HEADER_STATIC,
        Linked::Owner => &OWNER,
    };
    folder.as_deref().map_err(Clone::clone)
}

/// Returns the folder with the programs for another machine, with the library's own area.
///
/// # Errors
///
/// They cannot be had or built here.
pub fn folder_for(machine: Machine) -> Result<PathBuf, String> {
    build(Linked::Own, machine)
}

/// The library's definition, and what an author writes in its place: the definition is in
/// a source of its own, as the two headers call the same area by different types.
const DEFINITION: &str = "static
__thread struct rseq_abi __rseq_abi __attribute__((tls_model(\"initial-exec\"))) = {
	.cpu_id = RSEQ_ABI_CPU_ID_UNINITIALIZED,
};
";
const DECLARATION: &str = "#include <rseq_abi.h>
extern __thread struct rseq_abi __rseq_abi __attribute__((tls_model(\"initial-exec\")));
";
const AREA: &str = "#include <rseq_abi.h>\n\nRSEQ_ABI_DEFINE;\n";

/// Downloads the package and leaves only what is needed of it.
fn fetch(folder: &Path) -> Result<(), String> {
    for tool in ["dpkg-deb", "tar", "xz"] {
        program(tool)?;
    }
    let work = tempfile::tempdir_in(folder).map_err(|error| error.to_string())?;
    let apt = program("apt-get")?;
    let download = || {
        Program::with_callers_environment(&apt)
            .args(["-qq", "download", PACKAGE])
            .directory(work.path())
            .limit(Duration::from_secs(300))
            .run()
    };
    if download()?.code() != 0 {
        // lists may be missing, or too old
        Program::with_callers_environment(&apt)
            .args(["-qq", "update"])
            .limit(Duration::from_secs(120))
            .run()?;
        let again = download()?;
        if again.code() != 0 {
            let last = again.err.lines().last().unwrap_or_default();
            return Err(format!(
                "needs {PACKAGE}, which apt-get cannot download: {last}"
            ));
        }
    }
    let script = "set -e; dpkg-deb --fsys-tarfile *.deb | tar -xO \"$1\" > source.tar.xz; \
        shift; tar -xJf source.tar.xz -C .. \"$@\"";
    Program::with_callers_environment("sh")
        .args(["-c", script, "sh", ARCHIVE])
        .args(TAKEN)
        .directory(work.path())
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)
        .map(drop)
}

/// Builds the programs, with their library, in a scratch folder.
fn build(linked: Linked, machine: Machine) -> Result<PathBuf, String> {
    let kept = cache::kept(&format!("{PACKAGE}-selftests-rseq"), fetch)?;
    let folder = rseq_kit::scratch::directory("selftests")?;
    let say = |error: std::io::Error| format!("selftests: {error}");
    let tools = kept.join("linux-source-6.1/tools");
    let source = tools.join("testing/selftests/rseq");
    for (name, text, shorter) in SHORTER {
        // a copy, beside which the compiler finds the headers by -I
        let copy = folder.join(name);
        let from = if copy.is_file() {
            copy.clone()
        } else {
            source.join(name)
        };
        let long = fs::read_to_string(from).map_err(say)?;
        if !long.contains(text) {
            return Err(format!("{name} is not as expected: no {text:?}"));
        }
        fs::write(copy, long.replace(text, shorter)).map_err(say)?;
    }
    let include = workspace().join("loader-shim/include");
    let mut library = vec![source.join("rseq.c")];
    if linked != Linked::Own {
        let text = fs::read_to_string(&library[0]).map_err(say)?;
        if !text.contains(DEFINITION) {
            return Err("rseq.c is not as expected: no definition".to_owned());
        }
        library = vec![folder.join("rseq.c")];
        fs::write(&library[0], text.replace(DEFINITION, DECLARATION)).map_err(say)?;
        // beside the copy: one header is included from the folder above
        fs::copy(
            tools.join("testing/selftests/kselftest.h"),
            folder.with_file_name("kselftest.h"),
        )
        .map_err(say)?;
    }
    if [Linked::Header, Linked::HeaderStatic].contains(&linked) {
        library.push(folder.join("area.c"));
        fs::write(&library[1], AREA).map_err(say)?;
    }
    let library: Vec<_> = library.iter().map(|it| it.display().to_string()).collect();
    let library: Vec<_> = library.iter().map(String::as_str).collect();
    let cc = |out: &str, arguments: &[&str]| {
        Program::with_callers_environment(program(machine.compiler())?)
            .args(["-O2", "-pthread", "-o", out])
            .arg(format!("-I{}", source.display()))
            .arg(format!("-I{}", tools.join("include").display()))
            .arg(format!("-I{}", include.display()))
            .args(arguments)
            .args(["-ldl", "-Wl,-rpath,$ORIGIN"])
            .directory(&folder)
            .run()?
            .expect(0)
            .map_err(|error| format!("needs the kernel's selftests, which do not build: {error}"))
    };
    let path = |name: &str| {
        let copy = folder.join(name);
        let place = if copy.is_file() {
            copy
        } else {
            source.join(name)
        };
        place.display().to_string()
    };
    let owner = match linked {
        Linked::Owner => artifacts()?.owner.display().to_string(),
        Linked::Own | Linked::Header | Linked::HeaderStatic => String::new(),
    };
    let rest = match linked {
        Linked::Own | Linked::Header => vec!["-L.", "-lrseq"],
        Linked::HeaderStatic => [&["-static"], &*library].concat(),
        Linked::Owner => [&*library, &[&*owner]].concat(),
    };
    if rest.contains(&"-lrseq") {
        let options = ["-shared", "-fPIC", "-Wl,-z,nodelete"];
        cc("librseq.so", &[&options, &*library].concat())?;
    }
    for (name, file, options) in PROGRAMS {
        let file = path(file);
        cc(name, &[options, &[&*file], &*rest].concat())?;
    }
    Ok(folder)
}
