//! Envoy: a real server with an allocator linked in that hides its `__rseq_abi`, out of
//! a pinned PyPI package.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use rseq_kit::needs::{Asked, Need};
use rseq_kit::patience::stretched;
use rseq_kit::scratch;

use crate::pypi::Pinned;

/// The server Envoy, which pip can install.
pub const NEED: Need = Need::new(&Asked("Envoy", || binary().map(drop)));

/// Where the package has the server.
const BINARY: &str = "envoy/_bin/envoy";

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, installed the first time it is asked for.
///
/// # Errors
///
/// There is no Python, or pip cannot install it.
pub fn binary() -> Result<&'static Path, String> {
    static BINARY: LazyLock<Result<PathBuf, String>> = LazyLock::new(install);
    BINARY.as_deref().map_err(Clone::clone)
}

fn install() -> Result<PathBuf, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("needs x86-64".to_owned());
    }
    let pinned = Pinned::read("Envoy", "envoy")?;
    let folder = pinned.installed(&pinned.version, BINARY.as_ref())?;
    Ok(folder.join(BINARY))
}

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    /// Answers with so many bytes.
    Direct(usize),
    /// Passes it on to the server on this port of the same host.
    Proxy(u16),
}

/// How a server is started, and where it will write its administrator's address.
#[derive(Debug)]
pub struct Start {
    /// The arguments.
    pub arguments: Vec<String>,
    address: PathBuf,
}

impl Start {
    /// A server with so many threads that serve.
    ///
    /// # Errors
    ///
    /// The temporary directory cannot be written.
    pub fn new(route: Route, workers: u32) -> Result<Self, String> {
        let folder = scratch::directory("envoy")?;
        let config = folder.join("config.json");
        fs::write(&config, configuration(route).to_string()).map_err(|error| error.to_string())?;
        let address = folder.join("admin");
        let arguments = [
            "--config-path".to_owned(),
            config.display().to_string(),
            "--admin-address-path".to_owned(),
            address.display().to_string(),
            "--concurrency".to_owned(),
            workers.to_string(),
            "--use-dynamic-base-id".to_owned(),
            "--log-level".to_owned(),
            "error".to_owned(),
        ];
        Ok(Self {
            arguments: arguments.into(),
            address,
        })
    }

    /// Waits until it listens. Returns the port.
    ///
    /// # Errors
    ///
    /// It does not within a minute.
    pub fn port(&self) -> Result<u16, String> {
        let end = Instant::now() + stretched(PATIENCE);
        while Instant::now() < end {
            if let Some(port) = self.listens() {
                return Ok(port);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("Envoy does not listen".to_owned())
    }

    fn listens(&self) -> Option<u16> {
        let address = fs::read_to_string(&self.address).ok()?;
        let mut stream = TcpStream::connect(address.trim()).ok()?;
        stream
            .set_read_timeout(Some(stretched(Duration::from_secs(10))))
            .ok()?;
        stream
            .write_all(b"GET /listeners HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        // a line `name::address:port`
        let line = answer.lines().find(|line| line.starts_with("listener::"))?;
        line.rsplit(':').next()?.trim().parse().ok()
    }
}

fn configuration(route: Route) -> Value {
    const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";
    let anywhere = json!({
        "socket_address": { "address": "127.0.0.1", "port_value": 0 },
    });
    let (action, value, clusters) = match route {
        Route::Direct(bytes) => (
            "direct_response",
            json!({ "status": 200, "body": { "inline_string": "x".repeat(bytes) } }),
            json!([]),
        ),
        Route::Proxy(port) => (
            "route",
            json!({ "cluster": "next" }),
            json!([{
                "name": "next",
                "type": "STATIC",
                "connect_timeout": "10s",
                "load_assignment": { "cluster_name": "next", "endpoints": [{ "lb_endpoints": [{
                    "endpoint": { "address": { "socket_address": {
                        "address": "127.0.0.1", "port_value": port,
                    } } },
                }] }] },
            }]),
        ),
    };
    let router = json!({
        "name": "router",
        "typed_config": { "@type": format!("{TYPES}.http.router.v3.Router") },
    });
    let manager = json!({
        "@type": format!("{TYPES}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "all",
        // else it keeps a connection that is done for a second, in case that more is read
        "delayed_close_timeout": "0s",
        "route_config": {
            "max_direct_response_body_size_bytes": 1 << 20,
            "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{ "match": { "prefix": "/" }, action: value }],
            }],
        },
        "http_filters": [router],
    });
    json!({
        "admin": { "address": anywhere },
        "static_resources": {
            "listeners": [{
                "name": "listener",
                "address": anywhere,
                "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
            }],
            "clusters": clusters,
        },
    })
}
