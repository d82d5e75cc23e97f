//! The tarball's own script, and the tarball itself.

use std::fs;
use std::time::Duration;

use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::{release, scratch};

const NEEDS: [Need; 1] = [Need::X86_64];

fn script(words: &[&str], prefix: &str, stage: &str) -> Result<Finished, String> {
    let script = release::unpacked()?.join("install.sh");
    Program::with_callers_environment(script)
        .args(words)
        .env("PREFIX", prefix)
        .env("DESTDIR", stage)
        .limit(Duration::from_secs(60))
        .run()
}

#[rseq_kit::test(NEEDS)]
fn installed_twice_and_removed() -> Outcome {
    let stage = scratch::directory("stage")?;
    let words = stage.to_str().ok_or("a path that is no text")?;
    // a file of somebody else's stays
    let theirs = stage.join("opt/rseq/bin/theirs");
    fs::create_dir_all(theirs.with_file_name(""))?;
    fs::write(&theirs, "")?;
    for _ in 0..2 {
        script(&[], "/opt/rseq", words)?.expect(0)?;
    }
    let rseqctl = stage.join("opt/rseq/bin/rseqctl");
    let told = Program::new(rseqctl).args(["--version"]).run()?.expect(0)?;
    assert!(told.out.starts_with("rseqctl "), "{}", told.out);
    let page = stage.join("opt/rseq/share/man/man1/rseqctl-run.1");
    assert!(fs::read_to_string(page)?.contains("rseqctl"));
    script(&["--remove"], "/opt/rseq", words)?.expect(0)?;
    let left = Program::new(program("find")?)
        .arg(&stage)
        .args(["!", "-type", "d"])
        .run()?
        .expect(0)?;
    assert_eq!(left.out.trim_end(), theirs.to_string_lossy());
    Ok(())
}

#[rseq_kit::test(NEEDS)]
fn wrong_words_change_nothing() -> Outcome {
    let told = script(&["--help"], "/usr", "/nowhere")?.expect(2)?;
    assert!(told.err.contains("usage:"), "{}", told.err);
    let told = script(&[], "usr", "")?.expect(2)?;
    assert!(told.err.contains("not an absolute path"), "{}", told.err);
    Ok(())
}

#[rseq_kit::test(NEEDS)]
fn the_same_files_give_the_same_tarball() -> Outcome {
    let (first, second) = (release::made_anew()?, release::made_anew()?);
    assert!(fs::read(first)? == fs::read(second)?, "two tarballs differ");
    Ok(())
}
