//! Where there is little room: static TLS, stacks, address space; and threads.

use rseq_tests::runner::Outcome;

use crate::driver::{Room, driver, lines, run, same, says, without};

/// The hint is there, and the number in it is enough: for one library, and for
/// one that brings another along.
pub fn static_tls_hint() -> Outcome {
    for case in ["large", "large-needs-large"] {
        let script = format!("open n {{{case}}}");
        let plain = run("plain", driver("default", &script)?)?.out;
        let plain = plain.trim_end();
        assert!(
            plain.ends_with("cannot allocate memory in static TLS block"),
            "{plain}"
        );
        let out = run("libc", driver("default", &script)?)?.out;
        let hint = out
            .trim_end()
            .strip_prefix(plain)
            .ok_or_else(|| out.clone())?;
        let tunable = hint
            .strip_prefix(" (start the program with GLIBC_TUNABLES=")
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or_else(|| out.clone())?;
        let program = driver("default", &script)?.env("GLIBC_TUNABLES", tunable);
        lines(&run("libc", program)?, "opened")?;
        // the number is not simply huge: a quarter is not enough
        let (name, number) = tunable.split_once('=').ok_or("no number")?;
        let number: u64 = number.parse().map_err(|_| "no number")?;
        let program =
            driver("default", &script)?.env("GLIBC_TUNABLES", format!("{name}={}", number / 4));
        let finished = run("libc", program)?;
        assert!(
            finished.out.contains("static TLS block"),
            "{}",
            finished.out
        );
        // what is set already counts
        let again = finished.out.rsplit_once('=').ok_or("no hint")?.1;
        let again: u64 = again
            .trim_end()
            .trim_end_matches(')')
            .parse()
            .map_err(|_| finished.out.clone())?;
        assert!(
            again > number / 4 && again < number * 2,
            "{number} and {again}"
        );
    }
    Ok(())
}

pub fn threads(world: &'static str) -> Outcome {
    says(
        world,
        "default",
        "threads 4 {definer} {needs-definer} {plain} {second} mapped libdefiner mapped libsecond mapped libplain",
        "0 failed; mapped; mapped; not mapped",
    )
}

/// What dlopen needs of the caller's stack is all that is needed.
pub fn small_stack(world: &'static str) -> Outcome {
    let script = "small {plain} small {definer} small {needs-definer} small {second}";
    let expected = "opened and closed; opened and closed; opened and closed; opened and closed";
    same(world, "default", script, expected)?;
    let room = Room::new()?;
    room.put("lib", "needs-definer")?;
    for world in [without(world), world] {
        let program = room.program("loading-driver", "runpath", "small libneeds.so")?;
        lines(&run(world, program)?, "opened and closed")?;
    }
    Ok(())
}

/// The rules are kept where there is little room left for keeping them.
pub fn little_memory(world: &'static str) -> Outcome {
    let script = "limit 200 open nd {definer}";
    says(without(world), "default", script, "limited; opened")?;
    let out = run(world, driver("default", script)?)?.out;
    assert!(out.contains("definer-with-deepbind"), "{out}");
    Ok(())
}
