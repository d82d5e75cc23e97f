//! What is around a program: another libc, another root, other privileges, another copy
//! of the shim, files that are left, and where the report goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{LIMIT, Program};
use rseq_kit::container;
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::patience::stretched;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::Report;

use super::{BUILDS, holds, run};

const GRANTED: &str = "granted 9 already 0 refused 0 denied 0\n";
const REFUSED: &str = "granted 0 already 0 refused 9 denied 0\n";

fn compiled(compiler: &str, text: &str) -> Result<PathBuf, String> {
    let folder = scratch::directory("compiled")?;
    let (source, out) = (folder.join("program.c"), folder.join("program"));
    fs::write(&source, text).map_err(|error| error.to_string())?;
    Program::with_callers_environment(program(compiler)?)
        .arg("-o")
        .args([&out, &source])
        .run()?
        .expect(0)?;
    Ok(out)
}

/// A program with musl, started by one with glibc, notices nothing.
#[rseq_kit::test(BUILDS, Need::new(&Tool("musl-gcc")))]
fn a_child_with_musl() -> Outcome {
    let text = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";
    let hello = compiled("musl-gcc", text)?.display().to_string();
    let script = format!("{hello}; exec {hello}");
    let finished = run(&[], &["bash", "-c", &script])?.run()?.expect(0)?;
    assert_eq!((&*finished.out, &*finished.err), ("hello\nhello\n", ""));
    Ok(())
}

/// Nothing registers in time: the program is ended, where that was asked for.
#[rseq_kit::test(BUILDS)]
fn fatal() -> Outcome {
    const NEVER: &str = r#"
        #include <stdlib.h>
        #include <unistd.h>
        __attribute__((visibility("hidden"), aligned(32))) __thread unsigned __rseq_abi[8];
        __asm__(".pushsection __rseq_cs, \"aw\"\n.balign 32\n.fill 4, 8, 0\n.popsection");
        int main(int argc, char **argv)
        {
            sleep(argc == 2 && !__rseq_abi[0] ? atoi(argv[1]) : 1);
            return 7;
        }
    "#;
    let never = compiled("cc", NEVER)?;
    let finished = run(
        &["--verify=3", "--fatal"],
        &[never.as_os_str(), "60".as_ref()],
    )?
    .run()?;
    assert_eq!(finished.code(), -libc::SIGTERM, "{finished:?}");
    holds(&finished.err, &["the owner was to be client"])?;
    let finished = run(&["--verify=3"], &[never.as_os_str(), "5".as_ref()])?.run()?;
    assert_eq!(finished.code(), 7, "{finished:?}");
    holds(&finished.err, &["the owner was to be client"])?;
    Ok(())
}

/// The report goes where it is asked to, and the command's output stays its own.
#[rseq_kit::test(BUILDS)]
fn reports_to_a_descriptor() -> Outcome {
    let census = built("census", "default")?.display().to_string();
    let file = scratch::directory("report")?.join("report.json");
    let script = format!(
        "\"$0\" run --report fd:7 -- \"$1\" 7>'{}'; \"$0\" run --report fd:8 -- true || echo $?",
        file.display()
    );
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    let finished = Program::new("sh")
        .args(["-c", &script, &rseqctl, &census])
        .run()?
        .expect(0)?;
    holds(&finished.out, &["threads foreign 8\n", "\n125\n"])?;
    assert!(!finished.out.contains('{'), "{}", finished.out);
    assert_eq!(Report::read(&file)?.owner()?, "libc");
    let finished = run(&["--report", "stderr"], &[&census])?.run()?.expect(0)?;
    assert!(!finished.out.contains('{'), "{}", finished.out);
    assert_eq!(Report::parse(&finished.err)?.owner()?, "libc");
    Ok(())
}

/// Another copy of the shim in the user's LD_PRELOAD is replaced: there is one in the
/// process.
#[rseq_kit::test(BUILDS)]
fn another_copy_of_the_shim() -> Outcome {
    let folder = scratch::directory("another")?;
    executable::installed(&folder)?;
    let another = folder.join("librseq_shim.so");
    let client = built("adopter", "hides")?.display().to_string();
    let script = format!("{client}; grep -c 'r-xp.*librseq_shim.so' /proc/self/maps");
    for command in [
        vec!["bash", "-c", &script],
        vec!["nice", "bash", "-c", &script],
    ] {
        let finished = run(&[], &command)?
            .env("LD_PRELOAD", &another)
            .run()?
            .expect(0)?;
        assert_eq!(finished.out, format!("{GRANTED}1\n"), "{}", finished.err);
        assert_eq!(finished.err, "");
    }
    // two of them, without the command: no thread is lost, and nothing is said
    let preload = format!("{}:{}", another.display(), artifacts()?.shim.display());
    let census = built("census", "default")?;
    let finished = Program::new(census)
        .env("LD_PRELOAD", preload)
        .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
        .run()?
        .expect(0)?;
    holds(&finished.out, &["threads ours 8\n"])?;
    assert_eq!(finished.err, "");
    Ok(())
}

/// A program with privileges of its own below the command is as without it.
#[rseq_kit::test(BUILDS, Need::ROOT, Need::MOUNT_NAMESPACE, Need::SETPRIV)]
fn privileges() -> Outcome {
    let place = scratch::directory("privileged")?;
    let from = scratch::directory("from")?;
    executable::installed(&from)?;
    let client = from.join("client");
    executable::copied(built("adopter", "hides")?, &client, 0o755)?;
    // a file system that every user may look into, and that allows setuid
    let script = "set -e; mount -t tmpfs -o mode=755 none \"$1\"; cp \"$2\"/* \"$1\"; \
                  mount --bind \"$1\" /mnt; cp /mnt/client /mnt/root; chmod 4755 /mnt/root; \
                  exec setpriv --reuid=65534 --regid=65534 --clear-groups \
                      env HOME=/nonexistent /mnt/rseqctl run -- sh -c '/mnt/client; /mnt/root; :'";
    let finished = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", script, "sh"])
        .args([&place, &from])
        .run()?
        .expect(0)?;
    assert_eq!(
        finished.out,
        [GRANTED, REFUSED].concat(),
        "{}",
        finished.err
    );
    assert_eq!(finished.err, "");
    Ok(())
}

/// In a root without our libraries programs start, and the dynamic linker says what it
/// did not find.
#[rseq_kit::test(BUILDS, Need::ROOT, container::NEED)]
fn another_root() -> Outcome {
    let root = container::root()?.display().to_string();
    let command = ["chroot", &root, "/bin/sh", "-c", "echo in"];
    let finished = run(&[], &command)?.run()?.expect(0)?;
    assert_eq!(finished.out, "in\n", "{}", finished.err);
    holds(&finished.err, &["librseq_shim.so", "ignored"])?;
    assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
    Ok(())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// `--dry-run` writes no file: neither what the kernel does, nor a copy of the libraries,
/// which a place that LD_PRELOAD cannot name takes.
#[rseq_kit::test(BUILDS)]
fn a_dry_run_leaves_nothing() -> Outcome {
    let place = scratch::directory("dry")?.join("a:b");
    fs::create_dir(&place)?;
    let rseqctl = executable::installed(&place)?.rseqctl;
    let cache = scratch::directory("cache")?;
    let client = built("adopter", "hides")?;
    let start = |options: &[&str]| {
        Program::new(&rseqctl)
            .arg("run")
            .args(options)
            .arg("--")
            .arg(&client)
            .env("XDG_CACHE_HOME", &cache)
            .env("HOME", &cache)
            .run()?
            .expect(0)
    };
    let told = start(&["--dry-run"])?;
    holds(&told.out, &["LD_PRELOAD", "librseq_shim.so"])?;
    assert_eq!(files_below(&cache), Vec::<PathBuf>::new());
    let end = Instant::now() + stretched(LIMIT);
    loop {
        let started = start(&[])?;
        assert_eq!(started.out, GRANTED, "{}", started.err);
        // a busy machine may show too little of the kernel to be remembered
        let files = files_below(&cache.join("rseqctl"));
        if files.len() == 2 {
            return Ok(());
        }
        assert!(Instant::now() < end, "{files:?}");
    }
}

/// What the kernel does is asked once for a boot, and what is remembered is handed on.
#[rseq_kit::test(BUILDS)]
fn the_kernel_is_asked_once() -> Outcome {
    let cache = scratch::directory("cache")?;
    let handed = || {
        let finished = run(&[], &["sh", "-c", "echo $RSEQ_SHIM_RESTART"])?
            .env("XDG_CACHE_HOME", &cache)
            .run()?
            .expect(0)?;
        Ok::<_, String>(finished.out)
    };
    let file = cache.join("rseqctl/kernel.json");
    let end = Instant::now() + stretched(LIMIT);
    let mut first = handed()?;
    // a busy machine shows it less than everything in the time that it takes for that, and
    // half an answer is not remembered
    while !file.exists() && Instant::now() < end {
        first = handed()?;
    }
    let text = fs::read_to_string(&file)?;
    // another answer under the same key: it is believed, and so not asked for again
    let other = if first == "safe\n" {
        text.replace("Rewritten", "Kept")
            .replace("rewritten", "kept")
    } else {
        text.replace("Kept", "Rewritten")
            .replace("kept", "rewritten")
    };
    assert_ne!(other, text, "{text}");
    fs::write(&file, &other)?;
    assert_ne!(handed()?, first);
    assert_eq!(fs::read_to_string(&file)?, other);
    Ok(())
}
