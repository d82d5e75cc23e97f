//! What is built of a glibc, and what is run of its own tests: the part of the key
//! of a kept build that is not the series.

use std::time::Duration;

/// For any one step, on a machine that has other things to do.
pub const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// What configure and make do not find by themselves.
pub const TOOLS: [&str; 8] = [
    "gcc",
    "make",
    "bison",
    "gawk",
    "m4",
    "python3",
    "patch",
    "dpkg-source",
];

pub(super) const CONFIGURE: [&str; 9] = [
    "--prefix=/usr",
    "--disable-werror",
    "--disable-nscd",
    "--disable-build-nscd",
    "--without-selinux",
    "--disable-profile",
    "--enable-stack-protector=no",
    "--disable-timezone-tools",
    "CFLAGS=-O2 -g0",
];

/// What configure is told besides where another machine's compiler builds: else this
/// machine's C++ compiler would be taken.
pub(super) const FOREIGN: [&str; 2] = ["--build=x86_64-linux-gnu", "libc_cv_cxx_link_ok=no"];

/// The dynamic linker: where it is built.
pub(super) const LINKER: &str = "elf/ld.so";

/// Shared libraries: where they are built, and their sonames. The dynamic linker has
/// another name on each machine.
pub(super) const SHARED: [(&str, &str); 10] = [
    (LINKER, "ld-linux-x86-64.so.2"),
    ("libc.so", "libc.so.6"),
    ("math/libm.so", "libm.so.6"),
    ("mathvec/libmvec.so", "libmvec.so.1"),
    ("nptl/libpthread.so", "libpthread.so.0"),
    ("dlfcn/libdl.so", "libdl.so.2"),
    ("rt/librt.so", "librt.so.1"),
    ("login/libutil.so", "libutil.so.1"),
    ("resolv/libanl.so", "libanl.so.1"),
    ("resolv/libresolv.so", "libresolv.so.2"),
];

/// What a program is linked with.
pub(super) const DEVELOPMENT: [&str; 7] = [
    "csu/crt1.o",
    "csu/Scrt1.o",
    "csu/rcrt1.o",
    "csu/crti.o",
    "csu/crtn.o",
    "libc.a",
    "libc_nonshared.a",
];

/// The header that the series adds.
pub(super) const HEADER: &str = "sysdeps/unix/sysv/linux/sys/rseq_abi.h";

/// Folder and names; a base that lacks one of them does not run it.
pub(super) const TESTS: [(&str, &[&str]); 4] = [
    (
        "elf",
        &[
            "tst-rseq-*",
            "tst-tls1",
            "tst-tls2",
            "tst-tls3",
            "tst-tls4",
            "tst-tls5",
            "tst-tls6",
            "tst-tls7",
            "tst-tls8",
            "tst-tls9",
            "tst-tls10",
            "tst-tls11",
            "tst-tls12",
            "tst-tls13",
            "tst-tls15",
            "tst-tls16",
            "tst-tls18",
            "tst-tls19",
            "tst-tls20",
            "tst-tls21",
            "tst-tls-surplus",
            "tst-tls1-static",
            "tst-single_threaded-static-dlopen",
            "tst-nodelete",
            "tst-nodelete2",
            "tst-nodelete-opened",
            "tst-nodelete-uniquesym",
            "tst-audit1",
            "tst-audit2",
            "tst-audit3",
            "tst-audit5",
            "tst-audit8",
            "tst-audit18",
            "tst-audit22",
            "tst-audit23",
            "tst-dlmopen1",
            "tst-dlmopen3",
            "tst-dlopen-self",
            "tst-global1",
            "tst-null-argv",
        ],
    ),
    (
        "dlfcn",
        &[
            "tststatic",
            "tststatic2",
            "tststatic3",
            "tststatic4",
            "tststatic5",
            "tst-dlinfo",
            "tst-rec-dlopen",
            "bug-dlopen1",
        ],
    ),
    (
        "misc",
        &[
            "tst-rseq",
            "tst-rseq-static",
            "tst-rseq-disable",
            "tst-rseq-disable-static",
        ],
    ),
    (
        "nptl",
        &[
            "tst-rseq-*",
            "tst-tls3",
            "tst-tls5",
            "tst-stack3",
            "tst-create1",
            "tst-getcpu1",
            "tst-minstack-exit",
            "tst-pthread-attr-affinity",
        ],
    ),
];

/// The target that compares the libraries' symbols with glibc's lists of them.
pub(super) const ABI: &str = "check-abi";
