//! Puts the two shared libraries into the executable, if it is told where they
//! are (`RSEQCTL_EMBED=DIR cargo build -p rseqctl`), and links the executable so
//! that it starts on old systems as well, if it is told to (`RSEQCTL_FLOOR=2.17`).
//! Without these variables it does nothing.

#![forbid(unsafe_code)]

mod floor;

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build");
    embed();
    if let Err(reason) = floor::link() {
        println!("cargo::warning=this rseqctl may not start on older systems: {reason}");
    }
}

fn embed() {
    println!("cargo::rustc-check-cfg=cfg(embedded_libraries)");
    println!("cargo::rerun-if-env-changed=RSEQCTL_EMBED");
    let Some(directory) = env::var_os("RSEQCTL_EMBED") else {
        return;
    };
    for (variable, name) in [
        ("RSEQCTL_EMBED_SHIM", "librseq_shim.so"),
        ("RSEQCTL_EMBED_ABI", "librseq_abi.so"),
    ] {
        let path = Path::new(&directory).join(name);
        assert!(
            path.is_file(),
            "RSEQCTL_EMBED: there is no {}",
            path.display()
        );
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-env={variable}={}", path.display());
    }
    println!("cargo::rustc-cfg=embedded_libraries");
}
