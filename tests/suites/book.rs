//! The book, in a real browser: every page opens, on a narrow screen as well, and no
//! picture or script is missing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Asked, Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::{cache, release, scratch};
use serde_json::Value;

const NEEDS: [Need; 2] = [
    Need::new(&Tool("chromium")),
    Need::new(&Asked("mdBook", has_mdbook)),
];

fn main() -> ExitCode {
    Suite::collected().run()
}

fn has_mdbook() -> Result<(), String> {
    let tools = cache::folder("")?;
    let entries = fs::read_dir(&tools).map_err(|error| format!("{}: {error}", tools.display()))?;
    let mut programs = entries.flatten().map(|entry| entry.path());
    let is_there = programs.any(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("mdbook-") && folder.join("bin/mdbook").is_file()
    });
    is_there
        .then_some(())
        .ok_or_else(|| "needs mdBook (cargo xtask book installs it)".to_owned())
}

/// Opens every page in a frame as wide as a telephone. The event `load` of this page waits
/// for all of them, and for what they load.
const READER: &str = r#"<!DOCTYPE html>
<body><script>
const names = NAMES;
for (const name of names) {
    const frame = document.createElement("iframe");
    frame.src = name;
    frame.width = 390;
    frame.height = 800;
    document.body.append(frame);
}
window.onload = () => {
    const pages = names.map((name, index) => {
        const frame = document.querySelectorAll("iframe")[index];
        const page = frame.contentDocument;
        return {
            name,
            title: page.title,
            headings: page.querySelectorAll("main h1, main h2").length,
            images: page.images.length,
            broken: [...page.images].filter(it => it.naturalWidth === 0).map(it => it.src),
            wide: page.documentElement.scrollWidth,
        };
    });
    document.body.textContent = "FOUND" + btoa(JSON.stringify(pages)) + "END";
};
</script>
"#;

#[rseq_kit::test(NEEDS)]
fn every_page_opens_in_a_browser() -> Outcome {
    let book = release::book()?;
    let mut names: Vec<String> = fs::read_dir(&book)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "html"))
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .filter(|name| !["404.html", "toc.html"].contains(&&**name))
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    let reader = READER.replace("NAMES", &serde_json::to_string(&names)?);
    let address = serve(&book, reader)?;
    let told = browse(&format!("http://{address}/reader"))?.expect(0)?;
    let found = told
        .out
        .split_once("FOUND")
        .and_then(|(_, rest)| rest.split_once("END"));
    let (found, _) = found.ok_or_else(|| format!("no answer: {}\n{}", told.out, told.err))?;
    let pages: Vec<Value> = serde_json::from_slice(&decoded(found)?)?;
    assert_eq!(pages.len(), names.len());
    for page in &pages {
        let broken = page["broken"].as_array().is_none_or(|it| !it.is_empty());
        assert!(!broken, "a picture is missing: {page}");
        assert!(
            page["title"].as_str().is_some_and(|it| !it.is_empty()),
            "{page}"
        );
        assert!(page["headings"].as_u64() > Some(0), "{page}");
        // what is wider than the screen scrolls by itself, and the page stays
        assert!(page["wide"].as_u64() <= Some(390), "too wide: {page}");
    }
    let images: u64 = pages
        .iter()
        .filter_map(|page| page["images"].as_u64())
        .sum();
    assert!(images >= 8, "{images} pictures in all");
    let complaints: Vec<_> = told
        .err
        .lines()
        .filter(|line| line.contains(":CONSOLE"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    Ok(())
}

/// Opens an address, and prints what the page is then.
fn browse(address: &str) -> Result<Finished, String> {
    let profile = scratch::directory("profile")?;
    Program::with_callers_environment(program("chromium")?)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args([
            "--enable-logging=stderr",
            "--window-size=1200,900",
            "--dump-dom",
        ])
        .arg(address)
        .limit(Duration::from_secs(120))
        .run()
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    data_encoding::BASE64
        .decode(text.as_bytes())
        .map_err(|error| format!("{error}: {text}"))
}

/// Serves a folder, and `/reader`, on this machine until the process ends. Returns the
/// address.
fn serve(folder: &Path, reader: String) -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let (folder, reader) = (folder.to_owned(), Arc::new(reader));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (folder, reader) = (folder.clone(), Arc::clone(&reader));
            std::thread::spawn(move || answer(connection, &folder, &reader));
        }
    });
    Ok(address.to_string())
}

/// Answers one request. A connection that fails is the browser's to complain about.
fn answer(mut connection: TcpStream, folder: &Path, reader: &str) -> Option<()> {
    let mut request = String::new();
    let mut lines = BufReader::new(connection.try_clone().ok()?);
    lines.read_line(&mut request).ok()?;
    let mut header = String::new();
    while lines.read_line(&mut header).ok()? > 2 {
        header.clear();
    }
    let path = request.split_whitespace().nth(1)?;
    let path = path.split(['?', '#']).next()?.trim_start_matches('/');
    let is_inside = Path::new(path)
        .components()
        .all(|it| matches!(it, Component::Normal(_)));
    let content = match path {
        "reader" => Some(reader.as_bytes().to_vec()),
        // which browsers ask for by themselves
        "favicon.ico" => Some(Vec::new()),
        path if is_inside => fs::read(folder.join(path)).ok(),
        _ => None,
    };
    let kind = match Path::new(path).extension().and_then(|it| it.to_str()) {
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("html") | None => "text/html",
        Some(_) => "application/octet-stream",
    };
    let status = if content.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let content = content.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    connection.write_all(head.as_bytes()).ok()?;
    connection.write_all(&content).ok()
}
