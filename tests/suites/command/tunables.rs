//! What `GLIBC_TUNABLES` says is what the program's own libc reads in it.

use std::path::Path;

use rseq_kit::foreign::Libc;
use rseq_kit::runner::Outcome;
use serde_json::Value;

use super::{holds, run};

/// Debian's suites: glibc 2.36, which takes what is no number for 0, and 2.41 and
/// 2.43, which ignore a value, or all of them, for one fault.
pub const SUITES: [&str; 3] = ["bookworm", "trixie", "forky"];

/// Ways to write the tunable, and what is no way to.
const WRITTEN: [&str; 20] = [
    "glibc.pthread.rseq=0",
    "glibc.pthread.rseq=00",
    "glibc.pthread.rseq=",
    "glibc.pthread.rseq= 0",
    "glibc.pthread.rseq=0x0",
    "glibc.pthread.rseq=off",
    "glibc.pthread.rseq=on",
    "glibc.pthread.rseq=2",
    "glibc.pthread.rseq=0 ",
    "glibc.pthread.rseq=0,other=1",
    "glibc.pthread.rseq=0:garbage",
    "garbage:glibc.pthread.rseq=0",
    "glibc.pthread.rseq=0:",
    "glibc.pthread.rseq",
    "glibc.pthread.rseq=1:glibc.pthread.rseq=0",
    "glibc.pthread.rseq=0:glibc.pthread.rseq=off",
    "glibc.malloc.check=a=b:glibc.pthread.rseq=0",
    "a=b=c",
    "glibc.malloc.tcache_count=foo",
    "glibc.pthread.rseqs=0",
];

/// The settings of the user that the libc reads as 1, and that are kept.
const ON: [&str; 3] = [
    "glibc.pthread.rseq=1",
    "glibc.pthread.rseq=0x1",
    "glibc.pthread.rseq=0:glibc.pthread.rseq=1",
];

/// What this libc's dynamic linker says: whether it registers.
fn registers(libc: &Libc, tunables: &str) -> Result<bool, String> {
    let listed = libc
        .program(Path::new("--list-tunables"))
        .env("GLIBC_TUNABLES", tunables)
        .run()?
        .expect(0)?;
    let line = listed
        .out
        .lines()
        .find(|it| it.starts_with("glibc.pthread.rseq: "));
    match line.and_then(|line| line.split(' ').nth(1)) {
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        _ => Err(listed.out),
    }
}

pub fn read_by_the_libc(suite: &str) -> Outcome {
    let libc = Libc::of(suite)?;
    let hidden = libc.command(&libc.build("adopter", &["-DSECTION"])?);
    let nothing = libc.command(&libc.build("nothing", &[])?);
    for tunables in WRITTEN.into_iter().chain(ON) {
        let what = format!("{suite}: {tunables}");
        let is_on = ON.contains(&tunables);
        // who brings nothing is left to the libc, where it registers
        let plan = run(&["--dry-run", "--format", "json"], &nothing)?
            .env("GLIBC_TUNABLES", tunables)
            .run()?
            .expect(0)?;
        let plan: Value = serde_json::from_str(&plan.out)?;
        let owner = if registers(&libc, tunables)? {
            "libc"
        } else {
            "shim"
        };
        assert_eq!(plan["owner"], owner, "{what}: {plan}");
        // who brings its own is granted it, whatever else was written
        let finished = run(&[], &hidden)?.env("GLIBC_TUNABLES", tunables).run()?;
        let granted = if is_on { 0 } else { 9 };
        assert!(
            finished.out.starts_with(&format!("granted {granted} ")),
            "{what}: {finished:?}"
        );
        if is_on {
            let value = tunables.rsplit('=').next().unwrap_or_default();
            holds(
                &finished.err,
                &[&format!("says glibc.pthread.rseq={value}, which")],
            )?;
        } else {
            assert!(
                !finished.err.contains("already says"),
                "{what}: {finished:?}"
            );
        }
    }
    Ok(())
}

/// The size of the surplus, too; and the text repeats no number that nobody wrote.
pub fn surplus_read_by_the_libc(suite: &str) -> Outcome {
    let libc = Libc::of(suite)?;
    let nothing = libc.command(&libc.build("nothing", &[])?);
    let library = rseq_kit::scratch::directory("surplus")?.join("libbig.so");
    let source = library.with_file_name("big.c");
    std::fs::write(
        &source,
        "static __thread char big[3000] __attribute__((tls_model(\"initial-exec\")));\n\
         char *where(void) { return big; }\n",
    )?;
    rseq_kit::child::Program::with_callers_environment("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .run()?
        .expect(0)?;
    let library = library.display().to_string();
    // octal: 4096; no number: what the libc makes of it
    for written in ["010000", " 0x1000", "4096", "many"] {
        let set = format!("glibc.rtld.optional_static_tls={written}");
        let plan = run(&["--dry-run", "--may-load", &library], &nothing)?
            .env("GLIBC_TUNABLES", &set)
            .run()?
            .expect(0)?;
        let warns = plan.out.contains("already sets");
        assert_eq!(warns, written == "many", "{suite}: {set}: {}", plan.out);
    }
    Ok(())
}
