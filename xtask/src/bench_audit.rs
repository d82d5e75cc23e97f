//! What the audit costs, beside other tools, in turn and warm: over a tree of
//! its own making from Debian packages and wheels, and over the packages.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::setup;
use crate::step::Steps;

/// How often all commands are gone through.
const TURNS: usize = 5;

/// Packages with thousands of ELF files, some above 100 MB.
const DEBIAN: [&str; 10] = [
    "libllvm14",
    "libclang-cpp14",
    "llvm-14",
    "clang-14",
    "libqt5webenginecore5",
    "libreoffice-core",
    "libboost-all-dev",
    "gcc-12",
    "chromium",
    "postgresql-15",
];
const WHEELS: [&str; 4] = ["numpy", "scipy", "pyarrow", "torch==2.4.0+cpu"];

/// One measurement: seconds, and MiB at most.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    memory: f64,
}

/// Measures and prints the table.
pub fn run(steps: &mut Steps, rseqctl: &Path) -> Result<(), String> {
    let home = setup::cache()?.join("audit-corpus");
    let packages = corpus(steps, &home)?;
    let tree = home.join("tree");
    let floor = steps.target().join("floor");
    steps.run(
        "build the floor",
        Command::new("cc")
            .args(["-O2", "-o"])
            .arg(&floor)
            .arg(steps.root().join("tests/bench/floor.c")),
    )?;
    let shell = |script: &str| {
        ["sh", "-c", script, "sh"]
            .map(OsString::from)
            .into_iter()
            .chain([tree.clone().into()])
            .collect::<Vec<_>>()
    };
    let audit = |path: &Path| -> Vec<OsString> {
        vec![
            rseqctl.into(),
            "audit".into(),
            "--fail-on=never".into(),
            path.into(),
        ]
    };
    let each = |tool: &str| {
        shell(&format!(
            "find \"$1\" -type f -print0 | xargs -0 {tool} 2>/dev/null"
        ))
    };
    let commands: [(&str, Vec<OsString>); 6] = [
        (
            "walk, open, read 64 bytes",
            vec![floor.into(), tree.clone().into()],
        ),
        ("rseqctl audit", audit(&tree)),
        (
            "scanelf -qRs __rseq_abi",
            shell("scanelf -qRs __rseq_abi \"$1\""),
        ),
        ("nm -D", each("nm -D")),
        ("readelf -Ws", each("readelf -Ws")),
        ("rseqctl audit, the packages", audit(&packages)),
    ];
    let mut turns = Vec::new();
    for _ in 0..=TURNS {
        let turn: Result<Vec<Cost>, String> =
            commands.iter().map(|(_, command)| cost(command)).collect();
        turns.push(turn?);
    }
    // the first one warms the cache
    turns.remove(0);
    println!("| command | wall s | CPU s | peak MiB |\n|---|---|---|---|");
    for (index, (name, _)) in commands.iter().enumerate() {
        let middle = |value: fn(&Cost) -> f64| {
            let mut values: Vec<f64> = turns.iter().map(|turn| value(&turn[index])).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!(
            "| {name} | {:.2} | {:.2} | {:.0} |",
            middle(|cost| cost.wall),
            middle(|cost| cost.cpu),
            middle(|cost| cost.memory),
        );
    }
    Ok(())
}

/// Fetches what is not there yet; answers the folder of the packages, which
/// stands beside `tree`.
fn corpus(steps: &mut Steps, home: &Path) -> Result<PathBuf, String> {
    let packages = home.join("packages");
    if home.join("complete").is_file() {
        return Ok(packages);
    }
    fs::create_dir_all(&packages).map_err(|error| format!("{}: {error}", packages.display()))?;
    // what a release of Debian does not have is left out
    for package in DEBIAN {
        let _ = steps.run(
            &format!("fetch {package}"),
            Command::new("apt-get")
                .args(["-qq", "download", package])
                .current_dir(&packages)
                .stderr(Stdio::null()),
        );
    }
    for wheel in WHEELS {
        let _ = steps.run(
            &format!("fetch {wheel}"),
            Command::new("python3")
                .args([
                    "-m",
                    "pip",
                    "-q",
                    "download",
                    "--no-deps",
                    "--only-binary",
                    ":all:",
                    "-d",
                ])
                .arg(&packages)
                .arg(wheel),
        );
    }
    let unpack = "cd \"$1\"; for f in packages/*; do d=tree/$(basename \"$f\"); mkdir -p \"$d\"; \
                  case $f in *.deb) dpkg-deb -x \"$f\" \"$d\";; *) python3 -m zipfile -e \"$f\" \"$d\";; esac; \
                  done; touch complete";
    steps.run(
        "unpack the corpus",
        Command::new("sh").args(["-euc", unpack, "sh"]).arg(home),
    )?;
    Ok(packages)
}

/// Runs a command under GNU time.
fn cost(command: &[OsString]) -> Result<Cost, String> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%e %U %S %M"])
        .args(command)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("GNU time: {error}; install the package time"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers[..] {
        [wall, user, system, memory] => Ok(Cost {
            wall,
            cpu: user + system,
            memory: memory / 1024.0,
        }),
        _ => Err(format!("{command:?}: {last}")),
    }
}
