//! A reference to `__rseq_abi` that nobody may define: what each linker makes of it,
//! in each kind of program.

use std::path::{Path, PathBuf};

use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::installed::{include, source};

/// As `-fuse-ld=` names them, and the program that it starts.
const LINKERS: [(&str, &str); 4] = [
    ("bfd", "ld.bfd"),
    ("gold", "ld.gold"),
    ("lld", "ld.lld"),
    ("mold", "mold"),
];

/// Where the reference is, and how it is compiled and linked.
const PLACES: [(&str, Place, &[&str]); 7] = [
    ("non_pic", Place::Program, &["-fno-pic", "-no-pie"]),
    ("pic_in_program", Place::Program, &["-fPIC", "-no-pie"]),
    ("pie", Place::Program, &["-fPIE", "-pie"]),
    ("static", Place::Static, &["-fPIC", "-static"]),
    ("static_pie", Place::Static, &["-fPIE", "-static-pie"]),
    ("library_of_pie", Place::Library, &["-fPIE", "-pie"]),
    (
        "library_of_non_pie",
        Place::Library,
        &["-fno-pic", "-no-pie"],
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Program,
    Static,
    Library,
}

/// Who defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Definer {
    Nobody,
    Program,
    Library,
}

/// gold of binutils has no `--no-dynamic-linker`, which gcc gives for `-static-pie`.
const NO_STATIC_PIE: &str = "gold";

/// Adds one test per linker and kind.
pub fn add(suite: &mut Suite) {
    for (name, tool) in LINKERS {
        for (kind, place, options) in PLACES {
            let mut needs = vec![Need::CC, Need::X86_64, Need::of(Tool(tool))];
            if place == Place::Static {
                needs.push(Need::STATIC_LIBC);
            }
            if name == NO_STATIC_PIE && kind == "static_pie" {
                needs.push(Need::new(&Asked("static-pie by gold", || {
                    Err("needs a gold that links -static-pie".to_owned())
                })));
            }
            suite.add(format!("linkers::{name}::{kind}"), &needs, move || {
                linked(name, place, options)
            });
        }
    }
}

struct Linking<'a> {
    linker: &'a str,
    options: &'a [&'a str],
    folder: PathBuf,
}

impl Linking<'_> {
    fn link(&self, out: &str, arguments: &[&Path], options: &[&str]) -> Result<PathBuf, String> {
        let out = self.folder.join(out);
        Program::with_callers_environment(program("cc")?)
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-Wl,--no-as-needed"])
            .arg(format!("-fuse-ld={}", self.linker))
            .args(options)
            .arg("-I")
            .arg(include()?)
            .args(arguments)
            .arg("-o")
            .arg(&out)
            .run()?
            .expect(0)?;
        Ok(out)
    }

    fn library(&self, name: &str, sources: &[&Path], options: &[&str]) -> Result<PathBuf, String> {
        let soname = format!("-Wl,-soname,{name}");
        let options = [options, &["-fPIC", "-shared", "-Wl,-z,nodelete", &soname]].concat();
        self.link(name, sources, &options)
    }

    /// What `refer` returns in a program that is linked so.
    fn answer(&self, place: Place, definer: Definer, more: &[&str]) -> Result<i32, String> {
        let mut inputs = vec![source("referring.c")];
        let mut options = [self.options, more].concat();
        if place == Place::Library {
            let library = self.library("librefer.so", &[&source("refer.c")], more)?;
            inputs.push(library);
        } else {
            inputs.push(source("refer.c"));
        }
        match definer {
            Definer::Nobody => {}
            Definer::Program => {
                inputs.push(source("define.c"));
                if place != Place::Static {
                    options.push("-Wl,--export-dynamic-symbol=__rseq_abi");
                }
            }
            Definer::Library => {
                inputs.push(self.library("libdefine.so", &[&source("define.c")], &[])?);
            }
        }
        // glibc 2.36 starts no static-pie that has one
        let path = format!("-Wl,-rpath,{}", self.folder.display());
        if place != Place::Static {
            options.push(&path);
        }
        let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
        let binary = self.link("referring", &inputs, &options)?;
        let done = Program::new(binary)
            .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
            .run()?;
        Ok(done.code())
    }
}

fn linked(linker: &str, place: Place, options: &[&str]) -> Outcome {
    let linking = Linking {
        linker,
        options,
        folder: scratch::directory(linker)?,
    };
    for storage in [&[][..], &["-DSTORAGE"]] {
        for (definer, expected) in [
            (Definer::Nobody, 0),
            (Definer::Program, 1),
            (Definer::Library, 1),
        ] {
            if place == Place::Static && definer == Definer::Library {
                continue;
            }
            let answer = linking.answer(place, definer, storage)?;
            assert_eq!(answer, expected, "{definer:?} {storage:?}");
        }
        // and why: the address of a weak one that nobody defines is not null
        let naive = [storage, &["-DNAIVE"]].concat();
        let answer = linking.answer(place, Definer::Nobody, &naive)?;
        assert_eq!(answer, 2, "a plain weak reference {storage:?}");
    }
    Ok(())
}
