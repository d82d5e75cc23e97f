//! What somebody chooses to see: which processes, which findings, in which order; and what
//! cannot be seen.

use std::fs;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::look::{ends, idle, ps, ready};

/// Two that are served, and between them one that was refused in five threads.
#[rseq_kit::test(Need::LIVE)]
fn findings() -> Outcome {
    let first = ready(idle("dynamic", 1)?)?;
    let refused = ready(Program::new(built("addresses", "exports")?))?;
    let last = ready(idle("dynamic", 1)?)?;
    let ids = [&first, &refused, &last].map(|it| it.id().to_string());
    let asked = |words: &[&str]| -> Result<Finished, String> { ps()?.args(words).args(&ids).run() };
    let rows = |told: &Finished| -> Vec<String> {
        let mut rows = told.out.lines().filter_map(|line| {
            let word = line.split_whitespace().next()?;
            ids.iter().find(|id| *id == word)
        });
        rows.by_ref().cloned().collect()
    };

    // what is wrong comes first, once for all threads
    let told = asked(&[])?.expect(0)?;
    assert_eq!(rows(&told)[0], ids[1], "{}", told.out);
    assert_eq!(rows(&told).len(), 3, "{}", told.out);
    let reasons = told.out.matches("[refused-client]").count();
    assert_eq!(reasons, 1, "{}", told.out);
    // and alone, where that is asked for
    for words in [&["--problems"][..], &["--rule", "refused-client"]] {
        let told = asked(words)?.expect(0)?;
        assert_eq!(rows(&told), [ids[1].clone()], "{words:?}: {}", told.out);
    }
    // what somebody does not want to hear of, does not count either
    let strict = ["--fail-on", "warning"];
    assert_eq!(asked(&strict)?.code(), 1);
    let told = asked(&[&strict[..], &["--ignore", "refused-client"]].concat())?.expect(0)?;
    assert!(!told.out.contains("[refused-client]"), "{}", told.out);
    // nor what was known before
    let known = scratch::directory("known")?.join("ps.json");
    fs::write(&known, asked(&["--format", "json"])?.expect(0)?.out)?;
    let known = known.to_str().ok_or("a path that is no text")?;
    let told = asked(&[&strict[..], &["--baseline", known]].concat())?.expect(0)?;
    assert!(told.out.contains(" known warning: "), "{}", told.out);

    let told = asked(&["-o", "owner,pid", "--no-headers"])?.expect(0)?;
    let words: Vec<_> = told
        .out
        .lines()
        .map(|line| line.split_whitespace().count())
        .collect();
    assert_eq!(words, [2, 2, 2], "{}", told.out);
    for running in [first, refused, last] {
        ends(running)?;
    }
    Ok(())
}

/// Without /proc nothing can be said, and that is an error of the whole command.
#[rseq_kit::test(Need::LIVE, Need::MOUNT_NAMESPACE)]
fn no_proc() -> Outcome {
    let script = "mount -t tmpfs none /proc && exec \"$0\" ps --all";
    let told = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", script])
        .arg(&artifacts()?.rseqctl)
        .run()?
        .expect(2)?;
    assert_eq!(told.out, "");
    assert!(
        told.err.contains("/proc") && told.err.contains("mounted"),
        "{}",
        told.err
    );
    Ok(())
}

/// What a plain user cannot see of a whole host is one line at the end, and no failure.
#[rseq_kit::test(Need::LIVE, Need::ROOT, Need::SETPRIV)]
fn plain_user() -> Outcome {
    let others = ready(idle("dynamic", 1)?)?;
    let told = Program::new(program("setpriv")?)
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(&artifacts()?.rseqctl)
        .args(["ps", "--problems", "--fail-on", "never"])
        .run()?
        .expect(0)?;
    let last = told.out.lines().last().unwrap_or_default();
    assert!(
        last.contains("could not be inspected for want of permission; root may see"),
        "{}{}",
        told.out,
        told.err
    );
    assert_eq!(told.err, "");
    ends(others)?;
    Ok(())
}
