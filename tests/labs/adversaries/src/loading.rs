//! Loading where the file system, the kernel or the libc is not as usual.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs;
use rseq_lab::{Case, Need, Row, Seen};

use crate::sources::{plugin, plugins, program};

/// A file system that stops answering, in a mount namespace of its own. What
/// waits for it is let go when its server is killed.
const HUNG: &str = r#"
mkdir there
mkdir here
cp "$2" there/a.so
cp "$2" here/b.so
cp "$2" here/c.so
mkdir mounted
exec unshare --mount sh -c '
bindfs -f -o attr_timeout=0,entry_timeout=0,negative_timeout=0 there mounted >bindfs.log 2>&1 &
server=$!
tries=0
until mountpoint -q mounted; do
    sleep 0.05
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then cat bindfs.log >&2; exit 77; fi
done
status=0
env $WORLD LD_LIBRARY_PATH="$PWD/here" "$1" $server mounted/a.so here/b.so c.so || status=$?
kill -KILL $server
umount -l mounted
exit $status
' sh "$1"
"#;

/// A libc whose file has another name.
const PRIVATE: &str = r#"
cp "$(cc -print-file-name=libc.so.6)" other-name.so
exec env $WORLD LD_PRELOAD="$PRELOAD $PWD/other-name.so" "$@"
"#;

pub fn rows() -> Vec<Row> {
    let mount = Need::Host(needs::Need::MOUNT_NAMESPACE);
    let strict = |name, asks, way: &'static str| {
        Row::new(name, asks, move |case| {
            let program = Program::new(program("strict.c", &[])?);
            case.run(program.arg(plugin()?).arg(way))
        })
    };
    vec![
        Row::new(
            "loading/hung-mount",
            "a plug-in lies on a mount that hangs: others are opened, exceptions are thrown",
            |case| {
                let script = case
                    .script(HUNG)?
                    .arg(program("hung.cc", &["-pthread"])?)
                    .arg(plugin()?);
                Ok(Seen::of(script.limit(Duration::from_secs(20)).run()))
            },
        )
        .needs(&[
            Need::Device("/dev/fuse"),
            Need::Program("bindfs", "bindfs"),
            mount,
        ]),
        strict(
            "loading/strict-null",
            "dlopen(NULL) under SECCOMP_MODE_STRICT",
            "null",
        ),
        strict(
            "loading/strict-noload",
            "RTLD_NOLOAD of what is open, likewise",
            "noload",
        ),
        strict(
            "loading/strict-again",
            "dlopen and dlclose of what is open, likewise",
            "again",
        ),
        strict("loading/strict-symbol", "dlsym, likewise", "symbol"),
        Row::new("loading/bind-now", "LD_BIND_NOW", |case| {
            case.run(threads("env")?.env("LD_BIND_NOW", "1"))
        }),
        Row::new(
            "loading/private-libc",
            "a libc whose file has another name",
            |case| Ok(Seen::of(with_threads(case.script(PRIVATE)?)?.run())),
        ),
        Row::new(
            "loading/by-the-linker",
            "the dynamic linker started as a program",
            by_the_linker,
        ),
    ]
}

fn threads(starter: &str) -> Result<Program, String> {
    with_threads(Program::new(starter))
}

fn with_threads(starter: Program) -> Result<Program, String> {
    Ok(starter
        .arg(program("threads.c", &["-pthread"])?)
        .arg(plugins()?)
        .args(["20", "3"]))
}

fn by_the_linker(case: &Case) -> Result<Seen, String> {
    case.run(threads("/lib64/ld-linux-x86-64.so.2")?)
}
