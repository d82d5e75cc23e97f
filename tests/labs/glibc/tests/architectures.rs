//! What this project knows of each architecture that has rseq, beside the kernel's headers
//! and glibc's: the number of the system call, and the signature.

use std::path::Path;
use std::process::ExitCode;

use rseq_kit::child::Program;
use rseq_kit::debian::Suite as Debian;
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_lab_glibc::series::Series;
use rseq_lab_glibc::source;
use tls_model::critical::signature_of;
use tls_model::elf::{Class, Endian, Layout};
use tls_model::rseq::arch::{self, ARCHES, Arch};

/// Whose headers of the kernel are asked: those of every architecture of Debian.
const RELEASE: &str = "forky";
const PACKAGE: &str = "linux-libc-dev";

/// The glibc whose signatures are asked.
const GLIBC: &str = "2.43";

const HEADERS: Need = Need::new(&Asked("the kernel's headers", || {
    Debian::open(RELEASE)?.root(&[PACKAGE]).map(drop)
}));

/// An architecture, the folder of its headers in the kernel, that in glibc, and what its
/// compiler defines, for data of either byte order.
struct Row {
    arch: Arch,
    kernel: Option<&'static str>,
    glibc: Option<&'static str>,
    defines: &'static [&'static str],
    big_endian: &'static [&'static str],
}

const fn row(
    arch: Arch,
    kernel: &'static str,
    glibc: &'static str,
    defines: &'static [&'static str],
) -> Row {
    Row {
        arch,
        kernel: Some(kernel),
        glibc: Some(glibc),
        defines,
        big_endian: &[],
    }
}

const ROWS: [Row; ARCHES.len()] = [
    row(arch::X86_64, "x86", "x86", &["__x86_64__"]),
    row(arch::X32, "x86", "x86", &["__x86_64__", "__ILP32__"]),
    row(arch::I386, "x86", "x86", &["__i386__"]),
    Row {
        big_endian: &["__AARCH64EB__"],
        ..row(
            arch::AARCH64,
            "arm64",
            "aarch64",
            &["__aarch64__", "__LP64__"],
        )
    },
    Row {
        big_endian: &["__ARMEB__"],
        ..row(arch::ARM, "arm", "arm", &["__arm__", "__ARM_EABI__"])
    },
    row(arch::POWERPC64, "powerpc", "powerpc", &["__powerpc64__"]),
    row(arch::POWERPC, "powerpc", "powerpc", &[]),
    row(arch::S390X, "s390", "s390", &["__s390x__"]),
    row(arch::RISCV64, "riscv", "riscv", &["__riscv", "__LP64__"]),
    row(arch::RISCV32, "riscv", "riscv", &["__riscv"]),
    row(arch::MIPS64, "mips", "mips", &["__mips__", "_MIPS_SIM=3"]),
    row(arch::MIPS, "mips", "mips", &["__mips__", "_MIPS_SIM=1"]),
    row(
        arch::LOONGARCH64,
        "loongarch",
        "loongarch",
        &["__loongarch__"],
    ),
    // Debian has no headers for it, and glibc no signature
    Row {
        kernel: None,
        glibc: None,
        ..row(arch::OPENRISC, "", "", &[])
    },
];

/// The byte order of RISC-V, as its signature asks.
const ENDIAN: &str = "#define __LITTLE_ENDIAN 1234\n#define __BYTE_ORDER __LITTLE_ENDIAN\n";

fn main() -> ExitCode {
    let mut suite = Suite::new();
    suite.add("architectures::all", &[], || {
        let rows = ROWS.map(|row| row.arch);
        assert_eq!(rows, ARCHES);
        Ok(())
    });
    suite.add("architectures::numbers", &[Need::CC, HEADERS], numbers);
    let needs = [Need::CC, source(GLIBC)];
    suite.add("architectures::signatures", &needs, signatures);
    suite.run()
}

/// The kernel's headers give each number; where it has a table of its own, that one.
fn numbers() -> Outcome {
    let root = Debian::open(RELEASE)?.root(&[PACKAGE])?;
    let common = root.join("usr/include");
    for row in &ROWS {
        // what has no headers there has the generic table
        let (folder, header) = row
            .kernel
            .map_or(("arm64", "asm-generic"), |it| (it, "asm"));
        let folders = [&*root.join("usr/lib/linux/uapi").join(folder), &common];
        let number = row.arch.syscall;
        let text =
            format!("#include <{header}/unistd.h>\n_Static_assert(__NR_rseq == {number}, \"\");\n");
        compiles(row.arch.name, &folders, row.defines, &text)?;
    }
    Ok(())
}

/// glibc's headers give each signature, as data of either byte order.
fn signatures() -> Outcome {
    let described = Series::read(GLIBC)?.source()?;
    let archive = described.with_file_name(format!("glibc_{GLIBC}.orig.tar.xz"));
    let folder = scratch::directory("signatures")?;
    Program::with_callers_environment(program("tar")?)
        .args(["-x", "--wildcards", "--strip-components=5", "-f"])
        .arg(&archive)
        .arg("*/unix/sysv/linux/*/bits/rseq.h")
        .directory(&folder)
        .run()?
        .expect(0)?;
    // what some of them include is of another folder, and needs more of glibc
    let bits = folder.join("bits");
    std::fs::create_dir(&bits)
        .and_then(|()| std::fs::write(bits.join("endian.h"), ENDIAN))
        .map_err(|error| format!("{}: {error}", bits.display()))?;
    for row in &ROWS {
        let Some(glibc) = row.glibc else {
            continue;
        };
        let header = folder.join(glibc).join("bits/rseq.h");
        for endian in [Endian::Little, Endian::Big] {
            if endian == Endian::Big && row.big_endian.is_empty() {
                continue;
            }
            let class = match row.arch.bits {
                32 => Class::Elf32,
                _ => Class::Elf64,
            };
            let layout = Layout { class, endian };
            let signature = signature_of(row.arch.machine, layout).ok_or("no signature")?;
            let text = format!(
                "#define _SYS_RSEQ_H\n#include \"{}\"\n\
                 _Static_assert(RSEQ_SIG == {signature}u, \"\");\n",
                header.display()
            );
            let mut defines = row.defines.to_vec();
            if endian == Endian::Big {
                defines.extend(row.big_endian);
            }
            compiles(row.arch.name, &[&folder], &defines, &text)?;
        }
    }
    Ok(())
}

/// This machine's compiler takes the text as another machine's would.
fn compiles(name: &str, folders: &[&Path], defines: &[&str], text: &str) -> Result<(), String> {
    let source = scratch::directory(name)?.join("asks.c");
    std::fs::write(&source, text).map_err(|error| format!("{}: {error}", source.display()))?;
    let mut compiler = Program::with_callers_environment(program("cc")?)
        .args(["-fsyntax-only", "-undef", "-nostdinc"])
        .args(defines.iter().map(|name| format!("-D{name}")));
    for folder in folders {
        compiler = compiler.arg("-I").arg(folder);
    }
    let said = compiler.arg(&source).run()?;
    if said.code() == 0 {
        Ok(())
    } else {
        Err(format!("{name}: {}", said.err))
    }
}
