//! What else RSEQ_SHIM_LOADING, RSEQ_SHIM_LOG and RSEQ_SHIM_MODE select.

use rseq_kit::runner::Outcome;

use crate::driver::{driver, lines, run, says, without};

pub const BREACHES: &str = "open n {definer} close open n {definer} close mapped libdefiner open nd {second} close \
                        open n {symbolic} close new n {definer} close open n {needs-definer} close mapped libdefiner";
pub const TOLERATED: &str = "opened; closed 0; opened; closed 0; not mapped; opened; closed 0; \
                         constructor of symbolic; opened; closed 0; opened; closed 0; opened; closed 0; not mapped";

pub fn warn(world: &'static str) -> Outcome {
    let program = driver("default", BREACHES)?.env("RSEQ_SHIM_LOADING", "warn");
    let mut finished = run(world, program)?;
    let said = std::mem::take(&mut finished.err);
    lines(&finished, TOLERATED)?;
    // once per object, whatever else is done with it
    for (object, rule) in [
        ("libdefiner.so", "definer-not-promoted"),
        ("libsecond.so", "definer-with-deepbind"),
        ("libsymbolic.so", "definer-binds-to-itself"),
    ] {
        let about: Vec<_> = said.lines().filter(|line| line.contains(object)).collect();
        assert_eq!(about.len(), 1, "{object}: {said}");
        assert!(
            about[0].starts_with("librseq_shim: ") && about[0].contains(rule),
            "{said}"
        );
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    Ok(())
}

pub fn off(world: &'static str) -> Outcome {
    let program = driver("default", BREACHES)?.env("RSEQ_SHIM_LOADING", "off");
    lines(&run(world, program)?, TOLERATED)?;
    says(without(world), "default", BREACHES, TOLERATED)
}

pub fn mode_off() -> Outcome {
    says("off", "default", BREACHES, TOLERATED)
}

/// Once for each object and matter.
pub fn log() -> Outcome {
    let script = "open n {definer} close open nd {second} open n {needs-definer} close close";
    for (policy, words) in [
        (
            "keep",
            "libsecond.so: defines __rseq_abi, and with RTLD_DEEPBIND it uses its own (rule definer-with-deepbind)",
        ),
        (
            "enforce",
            "libsecond.so: defines __rseq_abi, and with RTLD_DEEPBIND it uses its own (rule definer-with-deepbind)",
        ),
    ] {
        let program = driver("default", script)?
            .env("RSEQ_SHIM_LOG", "stderr")
            .env("RSEQ_SHIM_LOADING", policy);
        let said = run("shim", program)?.err;
        for words in [
            "libdefiner.so: stays: it defines __rseq_abi",
            "libsecond.so: stays: it defines __rseq_abi",
            words,
        ] {
            let count = said.lines().filter(|line| line.ends_with(words)).count();
            assert_eq!(count, 1, "{policy}: {words}: {said}");
        }
    }
    Ok(())
}
