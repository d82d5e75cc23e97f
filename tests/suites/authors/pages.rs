//! `docs/authors.md`: every file and every command on it, against an installed copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::workspace;
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::installed::install;

/// What a folder of the page needs besides a compiler.
const TOOLS: [(&str, &[&str]); 7] = [
    ("make", &["make"]),
    ("cmake", &["cmake", "make"]),
    ("meson", &["meson"]),
    ("bazel", &["bazel"]),
    ("rust", &["cargo"]),
    ("cargo", &["cargo"]),
    ("", &[]),
];

/// The blocks of a page, by the names behind their languages.
fn blocks() -> Result<BTreeMap<String, String>, String> {
    let page = workspace().join("docs/authors.md");
    let text = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    let mut blocks = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let mut body = String::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            body.push_str(line);
            body.push('\n');
        }
        if let Some((_, name)) = info.split_once(' ') {
            blocks.insert(name.to_owned(), body);
        }
    }
    Ok(blocks)
}

/// Adds one test per folder of the page that has something to run.
pub fn add(suite: &mut Suite) {
    let blocks = blocks().unwrap_or_default();
    for folder in blocks.keys().filter_map(|name| name.strip_suffix("/run")) {
        let tools = TOOLS
            .iter()
            .find(|(name, _)| *name == folder || name.is_empty());
        let mut needs = vec![
            Need::CC,
            Need::X86_64,
            Need::RSEQ,
            Need::GLIBC_2_35,
            Need::STATIC_LIBC,
            Need::BINUTILS,
            Need::of(Tool("pkg-config")),
        ];
        needs.extend(
            tools
                .iter()
                .flat_map(|(_, tools)| *tools)
                .map(|tool| Need::of(Tool(tool))),
        );
        if folder == "bazel" {
            needs.push(Need::new(&Asked("rules for Bazel", has_rules)));
        }
        let folder = folder.to_owned();
        suite.add(format!("pages::{folder}"), &needs, move || run(&folder));
    }
}

fn run(folder: &str) -> Outcome {
    let room = scratch::directory("page")?;
    let prefix = install()?;
    write_all(&room)?;
    if folder == "bazel" {
        without_downloads(&room)?;
    }
    Program::with_callers_environment(program("sh")?)
        .args(["-eu", "run"])
        .env("PREFIX", &prefix)
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
        .directory(&room.join(folder))
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    Ok(())
}

/// Where Debian has the rules that Bazel asks for besides those for C.
const RULES: &str = "/usr/share/bazel/rules";

fn has_rules() -> Result<(), String> {
    let lacks = ["java", "proto"]
        .into_iter()
        .find(|name| !Path::new(RULES).join(name).is_dir());
    match lacks {
        Some(name) => Err(format!("needs bazel-rules-{name} of Debian")),
        None => Ok(()),
    }
}

/// Bazel's own rules in the place of `rules_cc`, which it would download; no server that
/// stays, and nothing outside of the test's folder.
fn without_downloads(room: &Path) -> Result<(), String> {
    let (rules, cache) = (room.join("rules_cc"), room.join("cache"));
    let names = [
        "binary",
        "import",
        "library",
        "test",
        "toolchain",
        "toolchain_suite",
    ];
    let native = names.map(|name| format!("cc_{name} = native.cc_{name}\n"));
    write(&rules.join("WORKSPACE"), "")?;
    write(&rules.join("cc/BUILD"), "")?;
    write(&rules.join("cc/defs.bzl"), &native.concat())?;
    let settings = format!(
        "startup --batch --output_user_root={}\n\
         build --curses=no --override_repository=rules_cc={}\n\
         build --override_repository=rules_java={RULES}/java\n\
         build --override_repository=rules_proto={RULES}/proto\n",
        cache.display(),
        rules.display()
    );
    write(&room.join("bazel/.bazelrc"), &settings)
}

/// Writes every file of the page.
pub fn write_all(folder: &Path) -> Result<(), String> {
    blocks()?
        .into_iter()
        .try_for_each(|(name, body)| write(&folder.join(name), &body))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    fs::create_dir_all(folder).map_err(say)?;
    fs::write(path, text).map_err(say)
}

/// The page has the three ways, and each is run.
#[rseq_kit::test(Need::CC)]
fn has_all_ways() -> Outcome {
    let blocks = blocks()?;
    for folder in [
        "refer", "define", "library", "own", "rust", "make", "cmake", "meson", "bazel", "cargo",
    ] {
        assert!(blocks.contains_key(&format!("{folder}/run")), "{folder}");
    }
    Ok(())
}
