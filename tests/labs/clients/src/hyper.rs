//! A server of hyper that counts with the crate `rseq-abi`, built from crates.io: some
//! minutes, once.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::artifacts::{room, workspace};
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need};
use rseq_kit::scratch;

use crate::workerd;

/// The crates of the server, which cargo can download. That it builds is tested.
pub const NEED: Need = Need::new(&Asked("hyper of crates.io", downloaded));

/// How often the server counts one request (`tests/clients/hyper/main.rs`).
pub const TIMES: u64 = 100_000;

/// How long its crates may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(900);

const NAME: &str = "counts-requests";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// How the server is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// As cargo does.
    Dynamic,
    /// With a static libc, at any address.
    StaticPie,
    /// With a static libc, at one address.
    Static,
}

/// Returns the server, linked this way.
///
/// # Errors
///
/// It cannot be built here.
pub fn binary(linked: Linked) -> Result<PathBuf, String> {
    static DYNAMIC: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build(Linked::Dynamic));
    static PIE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build(Linked::StaticPie));
    static STATIC: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build(Linked::Static));

    match linked {
        Linked::Dynamic => DYNAMIC.clone(),
        Linked::StaticPie => PIE.clone(),
        Linked::Static => STATIC.clone(),
    }
}

fn downloaded() -> Result<(), String> {
    let fetched = cargo()
        .args(["fetch", "--quiet", "--locked", "--target", TARGET])
        .directory(&sources()?)
        .limit(LIMIT)
        .run()?;
    if fetched.code() == 0 {
        return Ok(());
    }
    let last = fetched.err.lines().last().unwrap_or_default();
    Err(format!("needs hyper, which cargo cannot download: {last}"))
}

fn cargo() -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    Program::with_callers_environment(cargo)
}

/// A folder with the server's sources.
fn sources() -> Result<PathBuf, String> {
    let source = room().join("clients/hyper");
    let work = scratch::directory("hyper")?;
    let say = |error: std::io::Error| format!("{}: {error}", source.display());
    for name in ["Cargo.toml", "Cargo.lock", "main.rs"] {
        let text = fs::read_to_string(source.join(name)).map_err(say)?;
        let adopter = workspace().join("loader-shim/adopter");
        let text = text.replace("@ADOPTER@", &adopter.display().to_string());
        fs::write(work.join(name), text).map_err(say)?;
    }
    Ok(work)
}

fn build(linked: Linked) -> Result<PathBuf, String> {
    let work = sources()?;
    let flags = match linked {
        Linked::Dynamic => "",
        Linked::StaticPie => "-Ctarget-feature=+crt-static",
        Linked::Static => "-Ctarget-feature=+crt-static -Crelocation-model=static",
    };
    // the other crates stay there; cargo sees whether this checkout's has changed
    let target = cache::folder("hyper-target")?;
    cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", flags)
        .directory(&work)
        .limit(LIMIT)
        .run()?
        .expect(0)?;
    // another test may build another kind over it
    let place = work.join(NAME);
    let from = target.join(TARGET).join("release").join(NAME);
    fs::copy(&from, &place).map_err(|error| format!("{}: {error}", from.display()))?;
    Ok(place)
}

/// What the server says it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Requests.
    pub requests: u64,
    /// Bytes of their paths.
    pub bytes: u64,
    /// Whether the thread that answered is registered.
    pub is_registered: bool,
}

/// Lets the server answer many requests on several connections at a time. Returns what
/// it should have counted, and what it has.
///
/// # Errors
///
/// It does not start, or an answer is missing.
pub fn load(server: Program) -> Result<(Counted, Counted), String> {
    let running = &mut server.input(std::process::Stdio::piped()).start()?;
    let port = running.wait_for_output(|out| {
        let (_, rest) = out.split_once("port ")?;
        rest.lines().next()?.parse::<u16>().ok()
    })?;
    let answers = workerd::ask(port, 8, 25)?;
    let strange = answers.values().find(|it| *it != "HTTP/1.1 200 OK counted");
    if let Some(strange) = strange {
        return Err(format!("answered {strange:?}"));
    }
    let said = workerd::get(port, "/count")?;
    let strange = || format!("answered {said:?}");
    let text = said.strip_prefix("HTTP/1.1 200 OK ").ok_or_else(strange)?;
    let [requests, bytes, state] = text.split(' ').collect::<Vec<_>>()[..] else {
        return Err(strange());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| strange());
    let counted = Counted {
        requests: number(requests)?,
        bytes: number(bytes)?,
        is_registered: state == "registered",
    };
    let bytes: usize = answers.keys().map(String::len).sum();
    let expected = Counted {
        requests: answers.len() as u64 * TIMES,
        bytes: bytes as u64 * TIMES,
        is_registered: counted.is_registered,
    };
    Ok((expected, counted))
}
