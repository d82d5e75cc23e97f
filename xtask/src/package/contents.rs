//! What is in the packages, whatever their format.

use super::installed::Installed;

/// What a package has.
pub(super) struct Contents {
    /// The description: its first line, and the rest.
    pub(super) what: &'static str,
    pub(super) more: &'static str,
    /// What is in it.
    pub(super) files: &'static [Installed],
    /// Symbolic links in the folder of libraries.
    pub(super) links: &'static [(&'static str, &'static str)],
}

/// The command.
pub(super) const RSEQCTL: Contents = Contents {
    what: "who owns restartable sequences: audit, run, live view, host check",
    more: "The Linux kernel lets each thread register one struct rseq. rseqctl gives a\n\
           program exactly one owner of it, says which objects define or use the\n\
           shared area, and shows who owns it in every thread of live processes.",
    files: &[
        Installed::program("bin/rseqctl", "usr/bin/rseqctl"),
        Installed::folder("share/rseq-owner", "usr/share/rseq-owner"),
        Installed::page("share/man/man1", "usr/share/man/man1"),
        Installed::folder("share/bash-completion", "usr/share/bash-completion"),
        Installed::folder(
            "share/zsh/site-functions",
            "usr/share/zsh/vendor-completions",
        ),
        Installed::folder("share/fish", "usr/share/fish"),
    ],
    links: &[],
};

/// The library with the symbol.
pub(super) const ABI: Contents = Contents {
    what: "thread-local symbol __rseq_abi that a process shares",
    more: "A library whose sole purpose is the symbol, for programs that do not define\n\
           it. It is never unloaded.",
    files: &[Installed::library(
        "lib/librseq_abi.so.1",
        "librseq_abi.so.1",
    )],
    links: &[],
};

/// The preload.
pub(super) const SHIM: Contents = Contents {
    what: "preload that registers restartable sequences in every thread",
    more: "The preload decides once who owns the registration of a program, registers\n\
           its threads where nobody else does, and keeps the loading rules of rseq.",
    files: &[
        Installed::library("lib/librseq_shim.so.1", "librseq_shim.so.1"),
        Installed::page("share/man/man7", "usr/share/man/man7"),
    ],
    links: &[("librseq_shim.so", "librseq_shim.so.1")],
};

/// What programs are built with.
pub(super) const DEVELOPMENT: Contents = Contents {
    what: "headers, archive and crate to share or own restartable sequences",
    more: "The declaration of __rseq_abi, a correct definition of it, functions that any\n\
           code may call, and an archive that makes a program the owner of its\n\
           registrations, statically linked programs too. For Rust programs the crate\n\
           rseq-abi, to be used from its folder.",
    files: &[
        Installed::folder("include", "usr/include"),
        Installed::library("lib/librseq_owner.a", "librseq_owner.a"),
        Installed::settings("pkgconfig", "pkgconfig"),
        Installed::folder("share/cargo/registry", "usr/share/cargo/registry"),
    ],
    links: &[("librseq_abi.so", "librseq_abi.so.1")],
};
