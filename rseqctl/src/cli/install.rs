//! What `rseqctl enable`, `disable` and `status` take.

use std::path::PathBuf;

use clap::Args;

use crate::commands::install;
use crate::install::Scope;

/// What `rseqctl enable` and `rseqctl disable` take.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl enable                              every program of this host
  rseqctl enable --system                     what the system's systemd starts
  rseqctl enable --root ./image               in an image
  rseqctl disable

Without an option: every program of the host, through /etc/ld.so.preload. The library is copied to \
/usr/local/lib/rseq-owner (with --user to ~/.local/lib/rseq-owner).

Exit status: 0 done, or there was nothing to do; 2 nothing was changed.")]
pub(super) struct InstallArgs {
    /// What the system's systemd starts, through system.conf.d
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// What this user's systemd starts, through user.conf.d
    #[arg(long)]
    user: bool,
    /// The folder that is the programs' `/`, such as an unpacked image
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
}

/// What `rseqctl status` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl status
  rseqctl status --root ./image

Exit status: 0 off, or on and whole; 1 something has to be put right.")]
pub(super) struct StatusArgs {
    /// The folder that is the programs' `/`, such as an unpacked image
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    root: PathBuf,
}

impl From<InstallArgs> for install::InstallRequest {
    fn from(args: InstallArgs) -> Self {
        let scope = match (args.system, args.user) {
            (true, _) => Scope::System,
            (false, true) => Scope::User,
            (false, false) => Scope::Host,
        };
        Self {
            scope,
            root: args.root,
        }
    }
}

impl From<StatusArgs> for install::StatusRequest {
    fn from(args: StatusArgs) -> Self {
        Self { root: args.root }
    }
}
