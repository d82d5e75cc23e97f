//! This machine's own programs, in a mount namespace with an `/etc` and an `/usr/local`
//! of their own.

use std::fs;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::BUILDS;

const OWN_ETC: [Need; 2] = [Need::ROOT, Need::MOUNT_NAMESPACE];

/// Runs a script there: `$0` is rseqctl, `$1` and those behind it the arguments.
fn with_own_etc(script: &str, arguments: &[&str]) -> Result<Finished, String> {
    let script = format!(
        "set -e; mount -t tmpfs none /etc; mount -t tmpfs none /usr/local; : >/etc/ld.so.conf; \
         PATH=$PATH:/sbin:/usr/sbin ldconfig; {script}"
    );
    Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", &script])
        .arg(&artifacts()?.rseqctl)
        .args(arguments)
        .run()
}

fn path(fixture: &str, case: &str) -> Result<String, String> {
    Ok(built(fixture, case)?.display().to_string())
}

/// Each program has the right owner, whoever starts it, and the command knows about it.
#[rseq_kit::test(BUILDS, OWN_ETC)]
fn right_owners() -> Outcome {
    let script = "$0 enable >/dev/null; $0 status | grep -c 'loaded in this very'; \
                  \"$1\" | tail -1; \"$2\" | tail -1; nice env \"$1\"; \"$3\" | grep threads; \
                  GLIBC_TUNABLES=glibc.pthread.rseq=0 \"$3\" | grep threads; \
                  $0 run -- \"$1\"; $0 run --mode own -- \"$3\" | grep threads; \
                  RSEQ_SHIM_MODE=off \"$1\" || :; $0 run --mode off -- \"$1\" || :; \
                  $0 disable >/dev/null; \"$1\" || :; $0 status | grep -c off";
    let census = path("census", "default")?;
    let (client, adopter) = (path("adopter", "hides")?, path("adopter", "exports")?);
    let finished = with_own_etc(script, &[&client, &adopter, &census])?.expect(0)?;
    let granted = "granted 9 already 0 refused 0 denied 0\n";
    let refused = "granted 0 already 0 refused 9 denied 0\n";
    let already = "granted 0 already 9 refused 0 denied 0\n";
    // the census knows __rseq_abi alone, which a copy for every program has not
    let expected = [
        "1\n",
        granted,
        already,
        granted,
        "threads foreign 8\n",
        "threads foreign 8\n",
        granted,
        "threads foreign 8\n",
        refused,
        refused,
        refused,
        "3\n",
    ];
    assert_eq!(finished.out, expected.concat(), "{}", finished.err);
    assert_eq!(finished.err, "");
    Ok(())
}

/// In a library that a program brings or opens, the area is found as without us.
#[rseq_kit::test(BUILDS, OWN_ETC)]
fn with_the_thin_library() -> Outcome {
    let script = "$0 enable >/dev/null; GLIBC_TUNABLES=glibc.pthread.rseq=0 \
                  LD_PRELOAD=$2 \"$1\" | grep threads; \
                  LD_PRELOAD=$3 GLIBC_TUNABLES=glibc.pthread.rseq=0 \"$1\" | grep threads";
    let files = artifacts()?;
    let text = |path: &std::path::Path| path.display().to_string();
    let arguments = [
        path("census", "default")?,
        text(&files.abi),
        text(&files.shim),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = with_own_etc(script, &arguments)?.expect(0)?;
    assert_eq!(
        finished.out, "threads ours 8\nthreads ours 8\n",
        "{}",
        finished.err
    );
    assert_eq!(finished.err, "");
    Ok(())
}

/// Switched on already, the host gets a new copy: for one that is longer, that has lost its
/// end, that has no byte left, that is gone, and for that of another release; also where
/// temporary files cannot be mapped as code.
#[rseq_kit::test(BUILDS, OWN_ETC)]
fn renewed() -> Outcome {
    let folder = scratch::directory("release")?;
    let other = executable::installed(&folder)?;
    let mut bytes = fs::read(&other.shim)?;
    bytes.extend([0; 8]);
    fs::write(&other.shim, &bytes)?;
    // a copy that runs is replaced, never written to
    let script = "lib=/usr/local/lib/rseq-owner/librseq_shim.so; \
        mount -t tmpfs -o noexec none /mnt; export TMPDIR=/mnt; \
        renew() { \"$@\" enable >/dev/null || echo failed; \"$client\"; \
            cmp -s $lib $lib.good && echo same || echo other; }; \
        change() { cp $lib $lib.new; \"$@\" $lib.new; mv $lib.new $lib; }; \
        client=$1; $0 enable >/dev/null; cp $lib $lib.good; \
        change sh -c 'echo >>$0'; renew $0; \
        change truncate -s -4096; renew $0; \
        change truncate -s 0; renew $0; \
        rm $lib; renew $0; \
        renew $2; renew $0; \
        ls /usr/local/lib/rseq-owner | grep -c trial || :";
    let (client, other) = (
        path("adopter", "hides")?,
        other.rseqctl.display().to_string(),
    );
    let finished = with_own_etc(script, &[&client, &other])?.expect(0)?;
    let granted = "granted 9 already 0 refused 0 denied 0\n";
    let same = [granted, "same\n"].concat();
    let another = [granted, "other\n"].concat();
    let expected = [&same, &same, &same, &same, &another, &same, "0\n"];
    assert_eq!(finished.out, expected.concat(), "{}", finished.err);
    Ok(())
}

/// A shim that does not load, or says something, is not switched on.
#[rseq_kit::test(BUILDS, OWN_ETC)]
fn tried_first() -> Outcome {
    let folder = scratch::directory("bad")?;
    let files = executable::installed(&folder)?;
    // for another system (gABI, "ELF Header": EI_OSABI)
    let mut bytes = fs::read(&files.shim)?;
    bytes[7] = 255;
    fs::write(&files.shim, &bytes)?;
    let script =
        "\"$1\" enable || echo $?; ls /etc/ld.so.preload /usr/local/lib/* 2>/dev/null || :";
    let rseqctl = files.rseqctl.display().to_string();
    let finished = with_own_etc(script, &[&rseqctl])?.expect(0)?;
    assert_eq!(finished.out, "2\n");
    assert!(finished.err.contains("not switched on"), "{}", finished.err);
    Ok(())
}

/// A program that cannot be started any more with what somebody else preloads: the shell
/// that runs gets out.
#[rseq_kit::test(BUILDS, OWN_ETC)]
fn out_again() -> Outcome {
    let folder = scratch::directory("broken")?;
    let (source, library) = (folder.join("broken.c"), folder.join("broken.so"));
    fs::write(
        &source,
        "#include <stdlib.h>\n__attribute__((constructor)) static void no(void) { abort(); }\n",
    )?;
    Program::with_callers_environment(program("cc")?)
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .run()?
        .expect(0)?;
    let script = "echo \"$1\" >/etc/ld.so.preload; (/bin/true) 2>/dev/null || echo nothing starts; \
                  : >/etc/ld.so.preload; /bin/true && echo all starts";
    let library = library.display().to_string();
    let finished = with_own_etc(script, &[&library])?.expect(0)?;
    assert_eq!(finished.out, "nothing starts\nall starts\n");
    Ok(())
}

/// A manager's environment holds for musl's programs and static ones as well: they do
/// not notice.
#[rseq_kit::test(BUILDS, OWN_ETC, Need::new(&Tool("musl-gcc")), Need::STATIC_LIBC)]
fn unnoticed() -> Outcome {
    let folder = scratch::directory("musl")?;
    let source = folder.join("hello.c");
    fs::write(
        &source,
        "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n",
    )?;
    let build = |name: &str, compiler: &str, options: &[&str]| -> Result<String, String> {
        let out = folder.join(name);
        Program::with_callers_environment(program(compiler)?)
            .args(options)
            .arg("-o")
            .args([&out, &source])
            .run()?
            .expect(0)?;
        Ok(out.display().to_string())
    };
    let musl = build("musl", "musl-gcc", &[])?;
    let fixed = build("static", "cc", &["-static"])?;
    let script = "$0 enable --system >/dev/null; \
         value=$(sed -n 's/.*\"\\(LD_PRELOAD=.*\\)\"/\\1/p' /etc/systemd/system.conf.d/*.conf); \
         env \"$value\" \"$1\"; env \"$value\" \"$2\"; env \"$value\" \"$3\" | tail -1; \
         $0 enable >/dev/null; \"$1\"; \"$2\"";
    let client = path("adopter", "hides")?;
    let finished = with_own_etc(script, &[&musl, &fixed, &client])?.expect(0)?;
    let granted = "granted 9 already 0 refused 0 denied 0\n";
    let expected = format!("hello\nhello\n{granted}hello\nhello\n");
    assert_eq!((&*finished.out, &*finished.err), (&*expected, ""));
    Ok(())
}
