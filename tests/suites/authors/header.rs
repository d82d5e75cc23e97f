//! `rseq_abi.h`: clean in every language and compiler, and right where the libc
//! registers, where nobody does, and where the kernel refuses.

use std::path::PathBuf;

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::emulated;
use crate::installed::{include, source};

/// A compiler, the languages to try, and what makes it read a source as such.
const COMPILERS: [(&str, &[&str], &[&str]); 4] = [
    ("gcc", &["c89", "c99", "c17"], &[]),
    ("g++", &["c++98", "c++20"], &["-x", "c++"]),
    ("clang", &["c89", "c99", "c17"], &[]),
    ("clang++", &["c++98", "c++20"], &["-x", "c++"]),
];

const OFF: &str = "glibc.pthread.rseq=0";

/// Adds one test per compiler and language.
pub fn add(suite: &mut Suite) {
    for (compiler, languages, options) in COMPILERS {
        for language in languages {
            let needs = [
                Need::of(Tool(compiler)),
                Need::X86_64,
                Need::GLIBC_2_35,
                Need::RSEQ,
            ];
            suite.add(
                format!("header::{compiler}::{language}"),
                &needs,
                move || in_language(compiler, language, options),
            );
        }
    }
}

fn build(compiler: &str, language: &str, options: &[&str]) -> Result<PathBuf, String> {
    let binary = scratch::directory("ask")?.join("ask");
    Program::with_callers_environment(program(compiler)?)
        .arg(format!("-std={language}"))
        .args(["-O2", "-pedantic", "-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(include()?)
        .args(options)
        .arg(source("ask.c"))
        .arg("-o")
        .arg(&binary)
        .run()?
        .expect(0)?;
    Ok(binary)
}

fn in_language(compiler: &str, language: &str, options: &[&str]) -> Outcome {
    let build = |more: &[&str]| build(compiler, language, &[options, more].concat());
    let refers = build(&["-DREGISTER"])?;
    let defines = build(&["-DDEFINE", "-DREGISTER"])?;
    let extensible = build(&["-DEXTENSIBLE", "-DREGISTER"])?;

    // the libc has registered its own area, which answers
    said(
        &refers,
        Some("rseq=1"),
        "symbol absent, registered 1, register -2, registered 1 own 0",
    )?;
    said(
        &defines,
        None,
        "symbol there, registered 1, register -22, registered 1 own 0",
    )?;
    // nobody has
    said(
        &refers,
        Some(OFF),
        "symbol absent, registered 0, register -2, mm_cid unknown",
    )?;
    for binary in [&defines, &extensible] {
        said(
            binary,
            Some(OFF),
            "symbol there, aligned yes, registered 0, register 0, registered 1 own 1, unregister 0",
        )?;
    }
    said(&defines, Some(OFF), "same 1")?;
    // nobody can
    for errno in [libc::ENOSYS, libc::EPERM] {
        let refused = Program::new(&defines)
            .env("GLIBC_TUNABLES", OFF)
            .deny(errno)
            .run()?
            .expect(0)?;
        says(
            &refused.out,
            &format!(
                "registered 0, register -{errno}, cpu known, node known, mm_cid unknown, errno kept"
            ),
        )?;
    }
    Ok(())
}

fn said(binary: &PathBuf, tunables: Option<&str>, lines: &str) -> Outcome {
    let mut program = Program::new(binary);
    if let Some(tunables) = tunables {
        program = program.env("GLIBC_TUNABLES", tunables);
    }
    let done = program.run()?.expect(0)?;
    says(&done.out, lines)?;
    says(&done.out, "cpu known, node known, errno kept")
}

fn says(out: &str, lines: &str) -> Outcome {
    for line in lines.split(", ") {
        if !out.lines().any(|said| said == line) {
            return Err(format!("not said: {line:?}\n{out}").into());
        }
    }
    Ok(())
}

/// The same for AArch64, where it runs without rseq(2).
#[rseq_kit::test(Need::of(Tool("aarch64-linux-gnu-gcc")), emulated::need())]
fn runs_on_aarch64() -> Outcome {
    for more in ["-DDEFINE", "-DEXTENSIBLE", "-UDEFINE"] {
        let binary = scratch::directory("aarch64")?.join("ask");
        Program::with_callers_environment(program("aarch64-linux-gnu-gcc")?)
            .args(["-std=c89", "-O2", "-pedantic", "-Wall", "-Wextra"])
            .args(["-Werror", "-static", "-DREGISTER", more, "-I"])
            .arg(include()?)
            .arg(source("ask.c"))
            .arg("-o")
            .arg(&binary)
            .run()?
            .expect(0)?;
        let done = emulated::program(&binary)?.run()?.expect(0)?;
        says(
            &done.out,
            "registered 0, cpu known, node known, mm_cid unknown, errno kept",
        )?;
        let answer = if more == "-UDEFINE" {
            -2
        } else {
            -libc::ENOSYS
        };
        says(&done.out, &format!("register {answer}"))?;
    }
    Ok(())
}
