//! Where there is little room: static TLS, stacks, address space; and threads.

use rseq_kit::runner::Outcome;

use crate::driver::{Room, driver, enforced, lines, run, same, says, without};

const TUNABLE: &str = "glibc.rtld.optional_static_tls";

/// The hint is there, and the number in it is enough: for one library at once,
/// for one that brings another along after a hint for each.
pub fn static_tls_hint() -> Outcome {
    for (case, hints) in [("large", 1), ("large-needs-large", 2)] {
        let script = format!("open n {{{case}}} error");
        let run = |world: &str, reserve: Option<u64>| {
            let mut program = driver("default", &script)?;
            if let Some(reserve) = reserve {
                program = program.env("GLIBC_TUNABLES", format!("{TUNABLE}={reserve}"));
            }
            Ok::<_, String>(run(world, program)?.out)
        };
        let mut reserve = None;
        for _ in 0..hints {
            let plain = run("plain", reserve)?;
            let plain = plain.trim_end().trim_end_matches("\nno error");
            assert!(
                plain.ends_with("cannot allocate memory in static TLS block"),
                "{plain}"
            );
            let out = run("libc", reserve)?;
            let number = hinted(&out, plain).ok_or_else(|| out.clone())?;
            // the number is not simply huge: a quarter of it is not enough, and
            // what is set already counts
            let less = run("libc", Some(number / 4))?;
            let again = less.rsplit_once('=').ok_or_else(|| less.clone())?.1;
            let again = again.trim_end().trim_end_matches("\nno error");
            let again = again.trim_end_matches(')').parse().unwrap_or(0);
            assert!(again > number / 4 && again < number * 2, "{number}: {less}");
            reserve = Some(number);
        }
        assert_eq!(run("libc", reserve)?, "opened\nno error\n");
    }
    Ok(())
}

/// The number that is hinted behind the dynamic linker's own words.
fn hinted(out: &str, plain: &str) -> Option<u64> {
    let hint = out.strip_prefix(plain)?.strip_suffix(")\nno error\n")?;
    let start = " (start the program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=";
    hint.strip_prefix(start)?.parse().ok()
}

/// What dlerror has answered stays as it is, whatever others ask meanwhile.
pub fn text_stays(world: &'static str) -> Outcome {
    let script = "texts {large} {large-needs-large}";
    says(world, "default", script, "8 threads kept their text")
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
    // and on request
    let script = "small {definer} small {needs-definer}";
    lines(
        &run(world, enforced("default", script)?)?,
        "opened and closed; opened and closed",
    )
}

/// They are kept where no memory can be had.
pub fn little_memory(world: &'static str) -> Outcome {
    let script = "open n {definer} limit 0 close mapped libdefiner";
    let end = |world, mapped: &str| {
        let expected = format!("opened; limited; closed 0; {mapped}");
        says(world, "default", script, &expected)
    };
    end(without(world), "not mapped")?;
    end(world, "mapped")
}
