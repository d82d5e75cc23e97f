//! Whole programs: `rseqctl audit --program` finds the libraries that the real
//! dynamic linker finds, in its order, here and in another root.

mod processors;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::foreign;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_lab_kernels::guest::{self, Kernel};
use serde_json::Value;

/// The dynamic linker of x86-64 programs (System V ABI, AMD64 supplement).
const LINKER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Folders that a library is put into in every version, all of them usable or not.
const HARDWARE: [&str; 3] = ["x86-64-v2", "x86-64-v3", "x86-64-v4"];

/// What x86-64 dynamic linkers call a processor.
const PLATFORMS: [&str; 3] = ["haswell", "xeon_phi", "x86_64"];

/// Starts a program whose dynamic linker says what it loads.
const TRACE: &str = r#"
#include <unistd.h>
int main(int count, char **argument)
{
	char *environment[] = { "LD_TRACE_LOADED_OBJECTS=1", NULL };

	return count > 1 ? execve(argument[1], argument + 1, environment) : 1;
}
"#;

fn main() -> ExitCode {
    let here = [Need::CC, Need::X86_64];
    let elsewhere = [
        &here[..],
        &[Need::ROOT, Need::MOUNT_NAMESPACE, Need::STATIC_LIBC],
    ]
    .concat();
    let mut suite = Suite::new();
    suite.add("programs::here", &here, on_this_machine);
    suite.add("programs::by_a_link", &here, by_a_link);
    suite.add("programs::in_another_root", &elsewhere, in_another_root);
    for name in processors::SUITES {
        let needs = [&here[..], &[foreign::need(name)]].concat();
        let label = format!("programs::processor::{name}");
        suite.add(label, &needs, move || processors::here(name));
    }
    if let Some(kernel) = Kernel::from_name("5.10") {
        let libcs = processors::SUITES.map(foreign::need);
        let machine = [Need::BINUTILS, guest::need(kernel)];
        for processor in processors::PROCESSORS {
            let needs = [&here[..], &machine, &libcs].concat();
            let label = format!("programs::processor::{processor}");
            suite.add(label, &needs, move || {
                processors::emulated(processor, kernel)
            });
        }
    }
    suite.run()
}

/// A folder with libraries and programs.
struct Tree {
    root: PathBuf,
}

impl Tree {
    fn new(label: &str) -> Result<Self, String> {
        let root = scratch::directory(label)?;
        let root = root.canonicalize().map_err(|error| error.to_string())?;
        Ok(Self { root })
    }

    fn at(&self, place: &str) -> PathBuf {
        self.root.join(place)
    }

    /// A file with this source.
    fn source(&self, text: &str) -> Result<PathBuf, String> {
        let code = self.at("source.c");
        fs::write(&code, text).map_err(|error| error.to_string())?;
        Ok(code)
    }

    fn cc(&self, place: &str, source: &str, options: &[String]) -> Result<PathBuf, String> {
        let path = self.at(place);
        let code = self.source(source)?;
        fs::create_dir_all(path.parent().unwrap_or(&self.root)).map_err(|it| it.to_string())?;
        Program::with_callers_environment(program("cc")?)
            .args([
                "-nostdlib",
                "-Wl,--no-as-needed,--allow-shlib-undefined",
                "-o",
            ])
            .args([&path, &code])
            .args(options)
            .run()?
            .expect(0)?;
        Ok(path)
    }

    /// A library, whose name is the last of `place`, linked with others.
    fn shared(&self, place: &str, options: &[String]) -> Result<String, String> {
        let name = place.rsplit('/').next().unwrap_or(place);
        let base = [
            "-shared".into(),
            "-fPIC".into(),
            format!("-Wl,-soname,{name}"),
        ];
        let path = self.cc(place, "int nothing;\n", &[&base, options].concat())?;
        Ok(path.display().to_string())
    }

    /// A library that is called like its file.
    fn shared_without_name(&self, place: &str) -> Result<PathBuf, String> {
        let options = ["-shared".to_owned(), "-fPIC".to_owned()];
        self.cc(place, "int nothing;\n", &options)
    }

    fn program(&self, place: &str, options: &[String]) -> Result<(), String> {
        let source = "int start(void) { return 0; }\n";
        let base = ["-pie".into(), "-fPIE".into(), "-Wl,-e,start".into()];
        self.cc(place, source, &[&base, options].concat()).map(drop)
    }
}

fn rpath(list: &str) -> String {
    format!("-Wl,--disable-new-dtags,-rpath,{list}")
}

fn runpath(list: &str) -> String {
    format!("-Wl,--enable-new-dtags,-rpath,{list}")
}

/// What a program starts with: libraries in order, and names that are not found.
type Start = (Vec<String>, Vec<String>);

/// What the dynamic linker prints, started by the kernel or by `--list`.
fn told(text: &str) -> Start {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(" => not found") {
            missing.push(name.to_owned());
        } else if let Some((entry, _)) = line.rsplit_once(" (0x") {
            let path = entry.split_once(" => ").map_or(entry, |(_, path)| path);
            if path.contains('/') && !path.contains("/ld-linux") {
                found.push(path.to_owned());
            }
        }
    }
    (found, missing)
}

/// The same from the command.
fn ours(program: &Path, options: &[&Path], env: &[(&str, String)]) -> Result<Start, String> {
    let mut audit = Program::new(&artifacts()?.rseqctl)
        .args(["audit", "--format", "ndjson", "--all", "--fail-on", "never"])
        .arg("--program")
        .arg(program)
        .args(options);
    for (name, value) in env {
        audit = audit.env(name, value);
    }
    audited(&audit.run()?)
}

/// What the audit of a program has found.
fn audited(finished: &Finished) -> Result<Start, String> {
    if finished.code() != 0 {
        return Err(format!("the audit: {finished:?}"));
    }
    for line in finished.out.lines() {
        let row: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let about = &row["program"];
        if about.is_null() {
            continue;
        }
        let texts = |key: &str, inner: Option<&str>| -> Vec<String> {
            let list = about[key].as_array().into_iter().flatten();
            let text = |value: &Value| {
                inner
                    .map_or(value.as_str(), |key| value[key].as_str())
                    .map(str::to_owned)
            };
            list.filter_map(text).collect()
        };
        let mut found = texts("objects", None);
        found.remove(0);
        found.retain(|path| !path.contains("/ld-linux"));
        return Ok((found, texts("missing", Some("name"))));
    }
    Err(format!("no row about the program: {}", finished.out))
}

/// What the kernel makes the dynamic linker of a program do.
fn started(command: Program, env: &[(&str, String)]) -> Result<Start, String> {
    let mut command = command.env("LD_TRACE_LOADED_OBJECTS", "1");
    for (name, value) in env {
        command = command.env(name, value);
    }
    Ok(told(&command.run()?.out))
}

fn same(what: &str, ours: &Start, expected: &Start) -> Result<(), String> {
    if ours == expected {
        return Ok(());
    }
    Err(format!(
        "{what}: the audit has {ours:#?}, the dynamic linker {expected:#?}"
    ))
}

/// Puts a library into a folder, and its versions for better processors below it.
fn for_every_processor(tree: &Tree, folder: &str, name: &str) -> Result<String, String> {
    for level in HARDWARE {
        tree.shared(&format!("{folder}/glibc-hwcaps/{level}/{name}"), &[])?;
    }
    tree.shared(&format!("{folder}/{name}"), &[])
}

/// Puts a library into the folder of every platform.
fn for_every_platform(tree: &Tree, folder: &str, name: &str) -> Result<String, String> {
    let mut last = String::new();
    for platform in PLATFORMS {
        last = tree.shared(&format!("{folder}/{platform}/{name}"), &[])?;
    }
    Ok(last)
}

/// Tokens, hardware folders, inheritance and NODEFLIB, with and without
/// LD_LIBRARY_PATH.
fn on_this_machine() -> Outcome {
    let tree = Tree::new("programs")?;
    let root = tree.root.display().to_string();
    let leaf = tree.shared("leaf/libleaf.so", &[])?;
    let libraries = [
        tree.shared("lib/x86_64-linux-gnu/liblib.so", &[])?,
        for_every_platform(&tree, "platform", "libplatform.so")?,
        for_every_processor(&tree, "fast", "libfast.so")?,
        tree.shared("both/libboth.so", &[])?,
        // found by the RPATH of the program only
        tree.shared(
            "lib/x86_64-linux-gnu/libneeds.so",
            std::slice::from_ref(&leaf),
        )?,
        // its own RPATH, after which the program's counts, too
        tree.shared(
            "both/libowner.so",
            &[leaf.clone(), rpath("$ORIGIN/nowhere")],
        )?,
        // its RUNPATH hides every RPATH
        tree.shared("both/librunner.so", &[leaf, runpath("$ORIGIN/nowhere")])?,
    ];
    tree.shared("preferred/libboth.so", &[])?;
    for_every_processor(&tree, "preferred", "libfast.so")?;
    let folders = format!(
        "{root}/$LIB:{root}/platform/${{PLATFORM}}:$ORIGIN/../fast:{root}/both:{root}/$LIBRARY"
    );
    let leaves = format!("{folders}:${{ORIGIN}}/../leaf");
    for (name, options) in [
        ("bin/rpath", vec![rpath(&leaves)]),
        ("bin/rpath-without-leaf", vec![rpath(&folders)]),
        ("bin/runpath", vec![runpath(&leaves)]),
        ("bin/no-path", vec![]),
        (
            "bin/no-default",
            vec![rpath(&folders), "-Wl,-z,nodefaultlib".into()],
        ),
    ] {
        tree.program(name, &[&libraries[..], &options].concat())?;
        let program = tree.at(name);
        for path in [
            None,
            Some(format!("{root}/preferred:{root}/leaf")),
            Some(format!(
                "$ORIGIN/../preferred;{root}/$LIB:{root}/platform/$PLATFORM"
            )),
            Some(format!("{root}/fast/glibc-hwcaps/x86-64-v2:{root}/both:")),
        ] {
            let env: Vec<_> = path
                .iter()
                .map(|it| ("LD_LIBRARY_PATH", it.clone()))
                .collect();
            let expected = started(Program::new(&program), &env)?;
            let what = format!("{name}, LD_LIBRARY_PATH {path:?}");
            // only a program with a way to its libraries says something
            if name == "bin/rpath" && expected.0.len() < libraries.len() {
                return Err(
                    format!("{what}: the test has lost its libraries: {expected:?}").into(),
                );
            }
            same(&what, &real(ours(&program, &[], &env)?), &real(expected))?;
        }
    }
    Ok(())
}

/// Paths without dots, which the dynamic linker and the audit may leave in.
fn real((found, missing): Start) -> Start {
    let real = |path: String| {
        let real = Path::new(&path).canonicalize();
        real.map_or(path, |path| path.display().to_string())
    };
    (found.into_iter().map(real).collect(), missing)
}

/// `$ORIGIN` of a program that is named by a symbolic link: the kernel tells the
/// dynamic linker the file, `ld.so --list` only knows the link.
fn by_a_link() -> Outcome {
    let tree = Tree::new("by-a-link")?;
    let library = tree.shared("opt/lib/libmine.so", &[])?;
    tree.shared("lib/libmine.so", &[])?;
    tree.program("opt/bin/program", &[library, runpath("$ORIGIN/../lib")])?;
    fs::create_dir(tree.at("bin"))?;
    symlink("../opt/bin/program", tree.at("bin/link"))?;
    symlink("opt/bin", tree.at("folder"))?;
    symlink("bin/link", tree.at("link-to-link"))?;
    let mine = real((
        vec![tree.at("opt/lib/libmine.so").display().to_string()],
        vec![],
    ));
    for name in [
        "bin/link",
        "folder/program",
        "link-to-link",
        "opt/bin/program",
    ] {
        let program = tree.at(name);
        let expected = started(Program::new(&program), &[])?;
        same(
            name,
            &real(ours(&program, &[], &[])?),
            &real(expected.clone()),
        )?;
        same(name, &mine, &real(expected))?;
    }
    let listed = Program::new(LINKER).arg("--list").arg(tree.at("bin/link"));
    let listed = real(told(&listed.run()?.out));
    if listed == mine {
        return Err("ld.so --list follows the link: the test does not see a difference".into());
    }
    Ok(())
}

/// A root of its own, with absolute links, a cache of its own dynamic linker and
/// programs that are named by links.
fn in_another_root() -> Outcome {
    let tree = Tree::new("root")?;
    let linker = tree.at(&LINKER[1..]);
    fs::create_dir_all(tree.at("lib64"))?;
    fs::copy(LINKER, &linker)?;
    let leaf = tree.shared("opt/leaf/libleaf.so", &[])?;
    let libraries = [
        for_every_processor(&tree, "opt/cached", "libcached.so")?,
        tree.shared("opt/real/liblinked.so", &[])?,
        tree.shared("usr/own/liborigin.so", &[])?,
        tree.shared("lib/x86_64-linux-gnu/libdefault.so", &[])?,
        tree.shared("opt/lib/x86_64-linux-gnu/libtoken.so", &[])?,
        tree.shared("opt/real/libneeds.so", &[leaf])?,
    ];
    // where a wrong turn leads to
    for place in [
        "srv/own/liborigin.so",
        "usr/lib/x86_64-linux-gnu/libdefault.so",
    ] {
        tree.shared(place, &[])?;
    }
    fs::create_dir_all(tree.at("srv/deep"))?;
    fs::create_dir_all(tree.at("etc"))?;
    fs::create_dir_all(tree.at("proc"))?;
    symlink("/opt/real", tree.at("opt/links"))?;
    symlink("/usr/bin", tree.at("bin"))?;
    symlink("/bin/rpath", tree.at("srv/deep/link"))?;
    // leads out of the root for who does not stay in it
    symlink("../../../../../../../../opt/links", tree.at("opt/up"))?;
    fs::write(tree.at("etc/ld.so.conf"), "/opt/cached\n")?;
    Program::new(program("ldconfig").unwrap_or_else(|_| "/sbin/ldconfig".into()))
        .arg("-r")
        .arg(&tree.root)
        .run()?
        .expect(0)?;
    // chroot itself has a dynamic linker that would heed the variable
    Program::with_callers_environment(program("cc")?)
        .args(["-static", "-x", "c", "-o"])
        .arg(tree.at("trace"))
        .arg(tree.source(TRACE)?)
        .run()?
        .expect(0)?;
    let paths = "/opt/up:$ORIGIN/../own:/opt/$LIB";
    let leaves = format!("{paths}:/opt/leaf");
    let options = |list: Vec<String>| [&libraries[..], &list].concat();
    tree.program("usr/bin/rpath", &options(vec![rpath(&leaves)]))?;
    tree.program("usr/bin/runpath", &options(vec![runpath(&leaves)]))?;
    tree.program("usr/bin/no-path", &options(vec![]))?;
    let no_default = vec![rpath(paths), "-Wl,-z,nodefaultlib".into()];
    tree.program("usr/bin/no-default", &options(no_default))?;

    let root = tree.root.display().to_string();
    for name in [
        "/bin/rpath",
        "/bin/runpath",
        "/bin/no-path",
        "/bin/no-default",
        "/srv/deep/link",
    ] {
        // without /proc a program does not know its own folder
        let enter = r#"mount --rbind /proc "$1/proc" && exec chroot "$1" /trace "$2""#;
        let traced = Program::new(program("unshare")?)
            .args(["--mount", "sh", "-c", enter, "sh"])
            .arg(&tree.root)
            .arg(name);
        let expected = told(&traced.run()?.out);
        if name == "/bin/rpath" && expected.0.len() != libraries.len() + 1 {
            return Err(format!("the test has lost its libraries: {expected:?}").into());
        }
        let (found, missing) = ours(Path::new(name), &[Path::new("--root"), &tree.root], &[])?;
        let inside = |path: &String| in_root(path.strip_prefix(&root).unwrap_or(path));
        let found = (found.iter().map(inside).collect(), missing);
        let (files, missing) = expected;
        let expected = (files.iter().map(|path| in_root(path)).collect(), missing);
        same(name, &found, &expected)?;
    }
    Ok(())
}

/// The place in the root of [`in_another_root`] without links and dots.
fn in_root(path: &str) -> String {
    path.replace("/opt/up/", "/opt/real/")
        .replace("/opt/links/", "/opt/real/")
        .replace("/usr/bin/../", "/usr/")
        .replace("/bin/../", "/usr/")
}
