//! Programs that the shim cannot get into: said, and started all the same.

use super::BUILDS;
use rseq_kit::executable;
use rseq_kit::needs::Need;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::{holds, run};

/// A program that cannot be preloaded is said to be one, and runs all the same.
fn said_and_started(path: &Path, words: &[&str]) -> Outcome {
    said(path, words)?;
    started(path, words)
}

fn started(path: &Path, words: &[&str]) -> Outcome {
    let finished = run(&[], &[path])?.run()?.expect(0)?;
    holds(&finished.err, words)?;
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    Ok(())
}

fn said(path: &Path, words: &[&str]) -> Outcome {
    let finished = run(&["--dry-run"], &[path])?.run()?.expect(0)?;
    holds(&finished.out, words)?;
    assert!(!finished.out.contains("LD_PRELOAD="), "{}", finished.out);
    Ok(())
}

/// A static program loads nothing, and what it starts is not without.
fn handed_on(path: &Path) -> Outcome {
    let finished = run(&["--dry-run"], &[path])?.run()?.expect(0)?;
    holds(&finished.out, &["statically linked", "LD_PRELOAD="])?;
    assert!(!finished.out.contains("RSEQ_SHIM_PLAN"), "{}", finished.out);
    started(path, &["statically linked"])
}

#[rseq_kit::test(Need::CC, Need::X86_64, Need::STATIC_LIBC)]
fn static_program() -> Outcome {
    let path = built("definer-executable", "static")?;
    handed_on(&path)
}

#[rseq_kit::test(Need::CC, Need::X86_64, Need::STATIC_LIBC)]
fn static_pie() -> Outcome {
    let path = built("definer-executable", "static-pie")?;
    handed_on(&path)
}

/// A copy of a fixture, changed.
fn changed(name: &str, change: impl FnOnce(&mut [u8])) -> Result<PathBuf, String> {
    let path = scratch::directory("changed")?.join(name);
    let mut bytes = fs::read(built("nothing", "default")?).map_err(|error| error.to_string())?;
    change(&mut bytes);
    executable::written(&path, bytes, 0o755)?;
    Ok(path)
}

#[rseq_kit::test(Need::CC, Need::X86_64, Need::ROOT)]
fn set_user_id() -> Outcome {
    let path = changed("set-user-id", |_| ())?;
    std::os::unix::fs::chown(&path, Some(65534), Some(65534))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755))?;
    said_and_started(&path, &["setuid"])
}

#[rseq_kit::test(BUILDS)]
fn other_class() -> Outcome {
    // e_ident[EI_CLASS] = ELFCLASS32, e_machine = EM_386
    let path = changed("class", |bytes| {
        bytes[4] = 1;
        bytes[18] = 3;
    })?;
    said(&path, &["32-bit", "i386"])
}

#[rseq_kit::test(BUILDS)]
fn other_machine() -> Outcome {
    // e_machine = EM_AARCH64
    let path = changed("machine", |bytes| bytes[18] = 183)?;
    said(&path, &["aarch64"])
}

#[rseq_kit::test(BUILDS)]
fn musl() -> Outcome {
    const GLIBC: &[u8] = b"/lib64/ld-linux-x86-64.so.2";
    const MUSL: &[u8] = b"/lib/ld-musl-x86_64.so.1\0\0\0";
    let path = changed("musl", |bytes| {
        let place = bytes.windows(GLIBC.len()).position(|part| part == GLIBC);
        let place = place.unwrap_or_default();
        bytes[place..place + MUSL.len()].copy_from_slice(MUSL);
    })?;
    said(&path, &["musl"])
}
