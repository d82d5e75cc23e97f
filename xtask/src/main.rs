//! Build, test and release chores: `cargo xtask COMMAND`.

#![forbid(unsafe_code)]

mod alone;
mod architecture;
mod bench;
mod bench_audit;
mod book;
mod cross;
mod dist;
mod fuzz;
mod gate;
mod lab;
mod package;
mod picture;
mod setup;
mod standard_library;
mod step;
mod suites;
mod tidy;
mod unchanged;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use step::Steps;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Build, test and release chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Build the two libraries and a rseqctl with both built in, into target/dist
    Build,
    /// Build everything and run the demo
    Demo,
    /// Make the release tarballs, for every glibc from 2.17 on, try them, and make the
    /// packages of each
    Dist {
        /// Only that of this architecture; otherwise of each that this machine can build for
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(architecture::shipped_targets()))]
        target: Option<String>,
        /// Make it of what is in this folder instead, and try nothing
        #[arg(long, value_name = "FOLDER", requires = "to")]
        built: Option<PathBuf>,
        /// Where it goes
        #[arg(long, value_name = "FOLDER", requires = "built")]
        to: Option<PathBuf>,
    },
    /// Make the packages of a release tarball, into target/package
    Package {
        /// A tarball that was made before
        #[arg(long, value_name = "FILE")]
        tarball: PathBuf,
        /// Where they go instead
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Make the book of docs, as HTML, into target/book, and follow its links
    Book {
        /// Where it goes instead
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Say within a minute whether a change is right: format, layout, lints, unit tests
    Check,
    /// Hold the sources to the layout's rules (docs/style.md)
    Tidy {
        /// Print which module uses which, and the circles, and check nothing
        #[arg(long)]
        arrows: bool,
        /// Another checkout than this one
        #[arg(long, value_name = "FOLDER", requires = "arrows")]
        root: Option<PathBuf>,
    },
    /// Install what the tests need, or say what cannot be installed
    Setup {
        /// What it takes to build for this architecture instead, and to run that in
        /// an emulator
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(architecture::targets()))]
        target: Option<String>,
    },
    /// Install what the tests need, then check and test everything
    Test {
        /// Run also what passed on this very tree the last time, and boot emulated
        /// machines that gave their answers to the same questions before
        #[arg(long)]
        fresh: bool,
    },
    /// Measure what the shim costs, against glibc's own registration
    Bench {
        /// Only what is counted, which is right on a busy machine, too
        #[arg(long)]
        counts: bool,
        /// Only what a start below one `rseqctl run` takes
        #[arg(long)]
        launch: bool,
        /// Only what is counted, in an emulated machine of this architecture
        #[arg(long, value_name = "MACHINE", conflicts_with = "launch")]
        target: Option<String>,
    },
    /// Measure what the audit costs, against other tools
    BenchAudit,
    /// Ask every owner of the registration what any user of rseq may ask
    /// (`-- --help` says what can be chosen)
    Conformance {
        /// `--owner OWNER`, `--root ROOT`, `--program BEGINNING`, `--json`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        choice: Vec<String>,
    },
    /// Ask kernels and glibcs everything, in one table (`-- --help` says what can
    /// be chosen); all answers go to matrix.json in the target folder
    Matrix {
        /// `--kernels LIST`, `--glibcs LIST`, `--all`, `--page FILE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        choice: Vec<String>,
    },
    /// Measure what looking at live processes costs, and what they feel of it
    BenchPs,
    /// Start a million threads under the shim, and see each of them registered
    Soak,
    /// Measure what the doctor and run's decision take
    BenchDoctor,
    /// Measure what per-CPU caches are worth to a real server
    BenchWorkerd,
    /// Ask today's glibc, the shim and the patched glibc everything, for the table
    /// of docs/three-owners.md
    Owners {
        /// `--write` to put it there
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        choice: Vec<String>,
    },
    /// Patch, build and test the glibcs of patches-glibc, or say what is missing
    Patches {
        /// `2.43`, `2.36`; `--each` to build after each patch, `--cross` for other
        /// architectures, `--target aarch64` to test there in an emulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        choice: Vec<String>,
    },
    /// Compare real programs without the shim and with it (docs/labs.md)
    Lab(lab::Laboratory),
    /// Fuzz the readers of objects, archives, critical sections and containers
    Fuzz {
        /// How long each is fuzzed
        #[arg(default_value_t = 60)]
        seconds: u32,
    },
    /// Rewrite golden texts, schemas and the pictures of the pages from what the code prints
    /// now
    Golden {
        /// Only the pictures
        #[arg(long)]
        pictures: bool,
    },
}

fn main() -> ExitCode {
    let chore = Cli::parse().chore;
    let mut steps = Steps::new(root());
    let done = match chore {
        Chore::Build => build(&mut steps).map(|_| ()),
        Chore::Demo => build(&mut steps).and_then(|rseqctl| demo(&mut steps, &rseqctl)),
        Chore::Dist {
            target,
            built: Some(built),
            to: Some(to),
        } => dist::of_built(&mut steps, target.as_deref(), &built, &to),
        Chore::Dist { target, .. } => dist::run(&mut steps, target.as_deref())
            .and_then(|tarballs| package::run(&mut steps, &tarballs, None)),
        Chore::Package { tarball, to } => package::run(&mut steps, &[tarball], to),
        Chore::Book { to } => {
            let to = to.unwrap_or_else(|| steps.target().join("book"));
            book::build(&mut steps, &to)
        }
        Chore::Check => gate::check(&mut steps),
        Chore::Tidy { arrows: false, .. } => gate::tidy(&mut steps),
        Chore::Tidy { root, .. } => {
            let root = root.as_deref().unwrap_or(steps.root());
            tidy::arrows_text(root).map(|text| print!("{text}"))
        }
        Chore::Setup { target: None } => {
            setup::programs(&mut steps);
            cross::set_up_all(&mut steps);
            Ok(())
        }
        Chore::Setup {
            target: Some(target),
        } => cross::set_up(&mut steps, &target),
        Chore::Test { fresh } => gate::test(&mut steps, fresh),
        Chore::Bench {
            target: Some(target),
            ..
        } => bench::emulated(&mut steps, &target),
        Chore::Bench { counts, launch, .. } => bench(&mut steps, counts, launch),
        Chore::BenchAudit => {
            build(&mut steps).and_then(|rseqctl| bench_audit::run(&mut steps, &rseqctl))
        }
        Chore::BenchPs => build(&mut steps)
            .and_then(|rseqctl| measure(&mut steps, "rseq-tests", "bench_ps", &rseqctl)),
        Chore::BenchDoctor => build(&mut steps)
            .and_then(|rseqctl| measure(&mut steps, "rseq-tests", "bench_doctor", &rseqctl)),
        Chore::BenchWorkerd => build(&mut steps)
            .and_then(|rseqctl| measure(&mut steps, "rseq-lab-clients", "bench_workerd", &rseqctl)),
        Chore::Patches { choice } => patches(&mut steps, choice),
        Chore::Lab(laboratory) => laboratory.run(&mut steps, build),
        Chore::Fuzz { seconds } => fuzz::run(&mut steps, seconds),
        Chore::Owners { choice } => {
            setup::glibc(&mut steps);
            program(&mut steps, "owners", GLIBC, "owners", choice)
        }
        Chore::Golden { pictures: true } => picture::draw(steps.root()),
        Chore::Golden { pictures: false } => golden(&mut steps),
        Chore::Soak => soak(&mut steps),
        Chore::Conformance { choice } => {
            program(&mut steps, "conformance", CONFORMANCE, CONFORMANCE, choice)
        }
        Chore::Matrix { mut choice } => {
            setup::programs(&mut steps);
            let json = steps.target().join("matrix.json");
            choice.extend(["--json".to_owned(), json.display().to_string()]);
            program(
                &mut steps,
                "matrix",
                "rseq-lab-kernels",
                "rseq-lab-kernels",
                choice,
            )
        }
    };
    steps.summary();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::from(steps.status())
        }
    }
}

/// Builds and tests the patched glibcs, with what that takes.
fn patches(steps: &mut Steps, choice: Vec<String>) -> Result<(), String> {
    let has = |option: &str| choice.iter().any(|word| word == option);
    setup::glibc(steps);
    if has("--cross") {
        setup::other_compilers(steps);
    }
    if has("--target") {
        cross::set_up(steps, architecture::AARCH64.target)?;
    }
    program(steps, "patches", GLIBC, "rseq-lab-glibc", choice)
}

/// The workspace: the folder above this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

/// Builds the libraries first and then a rseqctl that has them built in;
/// answers where it is.
fn build(steps: &mut Steps) -> Result<PathBuf, String> {
    steps.run(
        "build the libraries",
        steps.cargo().args([
            "build",
            "--release",
            "-p",
            "rseq-abi-library",
            "-p",
            "rseq-shim",
        ]),
    )?;
    let release = steps.target().join("release");
    let dist = steps.target().join("dist");
    std::fs::create_dir_all(&dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    steps.run(
        "build rseqctl",
        steps
            .cargo()
            .args(["build", "--release", "-p", "rseqctl"])
            .env("RSEQCTL_EMBED", &release),
    )?;
    for (name, to) in [
        ("librseq_abi.so", "librseq_abi.so.1"),
        ("librseq_shim.so", "librseq_shim.so"),
        ("rseqctl", "rseqctl"),
    ] {
        std::fs::copy(release.join(name), dist.join(to))
            .map_err(|error| format!("cannot copy {name} to {}: {error}", dist.display()))?;
    }
    Ok(dist.join("rseqctl"))
}

/// The laboratories that chores of their own run, too.
const CONFORMANCE: &str = "rseq-lab-conformance";
const GLIBC: &str = "rseq-lab-glibc";

/// Measures what the shim costs, or only what a start below one `rseqctl run` takes.
fn bench(steps: &mut Steps, counts_only: bool, only_launch: bool) -> Result<(), String> {
    let shim = build(steps)?.with_file_name("librseq_shim.so");
    let measure = if only_launch {
        bench::launch
    } else {
        bench::run
    };
    measure(steps, &shim, counts_only)
}

/// Runs one of the measuring programs of the tests.
fn measure(steps: &mut Steps, package: &str, name: &str, rseqctl: &Path) -> Result<(), String> {
    program(steps, "measure", package, name, [rseqctl])
}

/// Runs the program `name` of a package of the tests, as the step `step`.
fn program(
    steps: &mut Steps,
    step: &str,
    package: &str,
    name: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<(), String> {
    steps.run(
        step,
        steps
            .cargo()
            .args(["run", "--quiet", "-p", package, "--bin", name, "--"])
            .args(arguments),
    )
}

fn demo(steps: &mut Steps, rseqctl: &Path) -> Result<(), String> {
    println!();
    steps.run("demo", std::process::Command::new(rseqctl).arg("demo"))
}

/// How many threads the soak starts.
const SOAK_THREADS: &str = "1000000";

fn soak(steps: &mut Steps) -> Result<(), String> {
    steps.run(
        "soak",
        steps
            .cargo()
            .args(["run", "--quiet", "-p", CONFORMANCE, "--"])
            .args(["--details", "--program", "soak"])
            .args(["--owner", "libc", "--owner", "shim", "--owner", "takeover"])
            .env("CONFORMANCE_THREADS", SOAK_THREADS),
    )
}

fn golden(steps: &mut Steps) -> Result<(), String> {
    picture::draw(steps.root())?;
    steps.run("build", steps.cargo().args(["build", "--workspace"]))?;
    let ours = ["golden", "crowd"];
    let command = ["damage", "explain", "schema"];
    for (package, tests) in [
        ("rseq-tests", &ours[..]),
        ("rseqctl", &command),
        ("tls-model", &["damage"]),
        ("rseq-code", &["aarch64"]),
    ] {
        steps.run(
            "golden",
            steps
                .cargo()
                .args(["test", "-p", package])
                .args(tests.iter().flat_map(|test| ["--test", test]))
                .env("UPDATE_GOLDEN", "1"),
        )?;
    }
    Ok(())
}
