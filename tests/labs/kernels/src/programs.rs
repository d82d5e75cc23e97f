//! Programs of Debian for AArch64: a machine with some, and with the command.

use std::path::Path;

use rseq_kit::artifacts::room;
use rseq_kit::folder;
use rseq_kit::machine::Machine;

use crate::aarch64::{self, Shipped};
use crate::command;
use crate::guest::Guest;

/// Where they are from.
const RELEASE: &str = "bookworm";

/// What they need, with the C library.
const PACKAGES: [&str; 27] = [
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libexpat1",
    "zlib1g",
    "redis-tools",
    "libatomic1",
    "libhiredis0.14",
    "libjemalloc2",
    "liblua5.1-0",
    "lua-bitop",
    "lua-cjson",
    "liblzf1",
    "libssl3",
    "libsystemd0",
    "liblzma5",
    "libzstd1",
    "liblz4-1",
    "libcap2",
    "libgcrypt20",
    "libgpg-error0",
    "nginx",
    "libcrypt1",
    "libpcre2-8-0",
    "busybox-static",
];

/// The programs themselves: where each is in its package and in the guest.
const PROGRAMS: [(&str, &str); 5] = [
    ("usr/bin/python3.11", "/usr/bin/python3.11"),
    ("usr/bin/redis-check-rdb", "/usr/bin/redis-server"),
    ("usr/bin/redis-cli", "/usr/bin/redis-cli"),
    ("usr/sbin/nginx", "/usr/sbin/nginx"),
    ("bin/busybox", "/bin/busybox"),
];

/// A machine with all that.
///
/// # Errors
///
/// Something does not build, or cannot be had.
pub fn guest() -> Result<Guest, String> {
    let machine = Machine::Aarch64;
    let root = machine.suite(RELEASE)?.root(&PACKAGES)?;
    let mut guest = Guest::new().file("/p/beside", &command::program("beside")?);
    for lib in ["lib", "usr/lib"] {
        let folder = root.join(lib).join(machine.libraries());
        for path in folder::sorted(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_file() && name.contains(".so") {
                guest = guest.file(&format!("/lib/{}/{name}", machine.libraries()), &path);
            }
            if *name == *machine.linker_name() {
                guest = guest.file(machine.linker(), &path);
            }
        }
    }
    for (from, to) in PROGRAMS {
        guest = guest.file(to, &root.join(from));
    }
    guest = tree(guest, &root, "usr/lib/python3.11")?;
    for name in ["nginx.conf", "passwd", "group"] {
        guest = guest.file(&format!("/etc/{name}"), &room().join("kernels").join(name));
    }
    let shipped = aarch64::shipped(Shipped::All)?;
    Ok(command::with_command(guest, &shipped))
}

/// Adds a folder of `root` with all that is in it, at the same place.
pub(crate) fn tree(mut guest: Guest, root: &Path, folder: &str) -> Result<Guest, String> {
    for path in folder::files(&root.join(folder))? {
        let place = path.strip_prefix(root).unwrap_or(&path);
        guest = guest.file(&format!("/{}", place.display()), &path);
    }
    Ok(guest)
}
