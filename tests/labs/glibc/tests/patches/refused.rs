//! A definer that a static program opens would be used and never be registered:
//! it is refused. (The other refusals: glibc's own `elf/tst-rseq-abi-dlopen`.)

use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_lab_glibc::Patched;
use rseq_lab_glibc::link::Kind;

pub fn add(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    suite.add(format!("{base}::refused::by-static"), needs, move || {
        by_static(base)
    });
}

fn by_static(base: &str) -> Outcome {
    let patched = Patched::of(base)?;
    let program = patched.compile("opens", Kind::Static, &[])?;
    let definer = built("definer-library", "nodelete")?;
    let open = |off: bool| {
        let program = Program::new(&program)
            .arg(&definer)
            .env("LD_LIBRARY_PATH", patched.libraries());
        if off {
            program.env("GLIBC_TUNABLES", "glibc.pthread.rseq=0").run()
        } else {
            program.run()
        }
    };
    let refused = open(false)?.expect(1)?;
    assert_eq!(
        refused.out,
        format!(
            "{}: defines __rseq_abi, but so does the static program\n",
            definer.display()
        )
    );
    // no rules where nobody registers
    let opened = open(true)?.expect(0)?;
    assert_eq!(opened.out, "opened\n");
    Ok(())
}
