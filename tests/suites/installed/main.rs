//! The shim in every program of a host: `rseqctl enable`, `disable` and `status`, in
//! images and in a root of its own, and what becomes of programs when our files are
//! damaged.

mod booted;
mod broken;
mod every;
mod images;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;
use rseq_kit::scratch;

/// Where the copy goes.
const LIBRARY: &str = "usr/local/lib/rseq-owner/librseq_shim.so";

const BUILDS: [Need; 4] = [Need::CC, Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// A folder that is a host's `/`.
struct Image(PathBuf);

impl Image {
    fn empty() -> Result<Self, String> {
        scratch::directory("image").map(Self)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Runs the command with `--root`.
    fn rseqctl(&self, words: &[&str]) -> Result<Finished, String> {
        self.command(&artifacts()?.rseqctl, words)
    }

    fn command(&self, rseqctl: &Path, words: &[&str]) -> Result<Finished, String> {
        Program::new(rseqctl)
            .args(words)
            .arg("--root")
            .arg(&self.0)
            .env("HOME", "/home/somebody")
            .run()
    }
}
