//! `workerd`: a real server with an allocator linked in that hides its
//! `__rseq_abi`, out of a pinned npm package.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use rseq_kit::artifacts::room;
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::patience::stretched;
use rseq_kit::scratch;

/// The server `workerd`, which npm can install.
pub const NEED: Need = Need::new(&Asked("workerd", || binary().map(drop)));

/// Where npm puts the server.
const BINARY: &str = "node_modules/@cloudflare/workerd-linux-64/bin/workerd";
const FOR_AARCH64: &str = "node_modules/@cloudflare/workerd-linux-arm64/bin/workerd";

/// One worker that answers with the path it was asked for.
const CONFIG: &str = r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  serviceWorkerScript = "addEventListener('fetch', event => event.respondWith(new Response('you asked for ' + new URL(event.request.url).pathname)));",
  compatibilityDate = "2024-01-01",
);
"#;

/// The server, installed the first time it is asked for.
///
/// # Errors
///
/// npm is missing, or cannot install it.
pub fn binary() -> Result<&'static Path, String> {
    static BINARY: LazyLock<Result<PathBuf, String>> = LazyLock::new(install);
    BINARY.as_deref().map_err(Clone::clone)
}

/// The same for AArch64, which cannot run here.
///
/// # Errors
///
/// As [`binary`].
pub fn for_aarch64() -> Result<PathBuf, String> {
    kept(
        "-aarch64",
        FOR_AARCH64,
        &["--cpu", "arm64", "--os", "linux"],
    )
}

fn install() -> Result<PathBuf, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("needs x86-64".to_owned());
    }
    kept("", BINARY, &[])
}

/// Installs the pinned version into a cache outside of the checkout. The lock
/// file holds the hashes; no script of the package runs.
fn kept(suffix: &str, binary: &str, options: &[&str]) -> Result<PathBuf, String> {
    let lock = room().join("clients/workerd");
    let say = |error: std::io::Error| format!("workerd: {error}");
    let text = fs::read_to_string(lock.join("package.json")).map_err(say)?;
    let package: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let version = package["dependencies"]["workerd"]
        .as_str()
        .ok_or("no version of workerd")?;
    let place = cache::kept(&format!("workerd-{version}{suffix}"), |folder| {
        install_in(folder, &lock, binary, options)
    })?;
    Ok(place.join(binary))
}

fn install_in(folder: &Path, lock: &Path, binary: &str, options: &[&str]) -> Result<(), String> {
    program("node")?;
    let npm = program("npm")?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(lock.join(name), folder.join(name))
            .map_err(|error| format!("workerd: {error}"))?;
    }
    let installed = Program::with_callers_environment(npm)
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(options)
        .directory(folder)
        .limit(Duration::from_secs(300))
        .run()?;
    if installed.code() != 0 || !folder.join(binary).is_file() {
        let last = installed.err.lines().last().unwrap_or_default();
        return Err(format!("needs workerd, which npm cannot install: {last}"));
    }
    Ok(())
}

/// The arguments with which it serves on a port of its own choice, which it
/// tells on standard output.
///
/// # Errors
///
/// The temporary directory cannot be written.
pub fn arguments() -> Result<Vec<String>, String> {
    arguments_for(CONFIG)
}

/// As [`arguments`], with a configuration of the caller's.
///
/// # Errors
///
/// The same.
pub fn arguments_for(text: &str) -> Result<Vec<String>, String> {
    let config = scratch::directory("workerd")?.join("config.capnp");
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let config = config.display().to_string();
    Ok(vec!["serve".into(), "--control-fd=1".into(), config])
}

/// The port in its output, once it listens.
#[must_use]
pub fn port(output: &str) -> Option<u16> {
    let message: Value = serde_json::from_str(output.lines().next()?).ok()?;
    u16::try_from(message["port"].as_u64()?).ok()
}

/// Asks for `each` paths on each of so many connections at a time; the answers
/// by path.
///
/// # Errors
///
/// An answer is missing or no HTTP.
pub fn ask(port: u16, connections: u32, each: u32) -> Result<BTreeMap<String, String>, String> {
    let workers: Vec<_> = (0..connections)
        .map(|worker| {
            std::thread::spawn(move || {
                (0..each)
                    .map(|number| {
                        let path = format!("/{worker}/{number}");
                        get(port, &path).map(|answer| (path, answer))
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
        })
        .collect();
    let mut answers = BTreeMap::new();
    for worker in workers {
        answers.extend(worker.join().map_err(|_| "a client panicked")??);
    }
    Ok(answers)
}

/// Returns status line and body of one answer.
///
/// # Errors
///
/// There is none, or no HTTP.
pub fn get(port: u16, path: &str) -> Result<String, String> {
    let say = |error: std::io::Error| format!("{path}: {error}");
    let limit = Some(stretched(Duration::from_secs(30)));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(say)?;
    stream.set_read_timeout(limit).map_err(say)?;
    stream.set_write_timeout(limit).map_err(say)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(say)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(say)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("{path}: no HTTP: {answer:?}"))?;
    let status = head.lines().next().unwrap_or_default();
    Ok(format!("{status} {body}"))
}
