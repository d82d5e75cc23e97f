//! What a lab takes of the host for the programs that it starts.

use std::net::{Ipv4Addr, TcpListener};

use rseq_kit::child::Program;
use rseq_kit::sys;

/// What a program is given to as arguments so that it does not run as root: some
/// refuse to, and none needs it.
#[must_use]
pub fn unprivileged() -> Program {
    if sys::is_root() {
        Program::new("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"])
    } else {
        Program::new("env")
    }
}

/// A port of the loopback that nobody listens on in this moment.
///
/// # Errors
///
/// The kernel's.
pub fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no port: {error}"))
}
