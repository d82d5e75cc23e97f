//! `rseqctl run` on each glibc: with no /proc, and with descriptors that are closed.

use std::fs;

use rseq_kit::artifacts::artifacts;
use rseq_kit::foreign::Libc;
use rseq_kit::runner::Outcome;

use crate::rooted::Rooted;

/// The packages of the root.
pub const PACKAGES: [&str; 2] = ["libc6", "libgcc-s1"];

/// Where nothing is mounted at /proc the command is started all the same, and its
/// threads are registered.
pub fn without_proc(suite: &str, libc: &Libc) -> Outcome {
    let rooted = Rooted::new(suite, &PACKAGES)?;
    let census = rooted.file(&libc.build("census", &["-pthread"])?)?;
    let rseqctl = rooted.file(&artifacts()?.rseqctl)?;
    let words = [
        rseqctl,
        "run".into(),
        "--mode".into(),
        "own".into(),
        "--".into(),
        census,
    ];
    let told = rooted.enter(&words)?.run()?.expect(0)?;
    let expected = "main ours cpu\nthreads ours 8\ncpu 8 failed 0\n";
    assert_eq!((&*told.out, &*told.err), (expected, ""), "{told:?}");
    Ok(())
}

/// A standard descriptor that is closed is closed for the command, too.
pub fn closed_descriptors(suite: &str, libc: &Libc) -> Outcome {
    let rooted = Rooted::new(suite, &PACKAGES)?;
    let descriptors = rooted.file(&libc.build("descriptors", &[])?)?;
    let rseqctl = rooted.file(&artifacts()?.rseqctl)?;
    for (proc, options) in [("", ""), ("mounted", ""), ("mounted", "--verify")] {
        for (closed, expected) in [
            ("", "012"),
            ("<&-", "12"),
            (">&-", "02"),
            ("2>&-", "01"),
            ("<&- >&- 2>&-", ""),
        ] {
            let mut words = vec![rseqctl.clone(), "run".into()];
            words.extend(options.split_whitespace().map(Into::into));
            let told = rooted.place("told");
            words.extend(["--".into(), descriptors.clone(), told.clone().into()]);
            let root = rooted.enter(&words)?;
            let root = root.env("PROC", proc).env("REDIRECTION", closed);
            let finished = root.run()?.expect(0)?;
            let found = fs::read_to_string(told)?;
            assert_eq!(found, expected, "run {options} {closed} {finished:?}");
        }
    }
    Ok(())
}
