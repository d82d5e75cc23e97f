//! Programs with privileges that their caller does not have (AT_SECURE): a
//! setuid program that another user runs, in a root of its own where the shim is on for
//! every program, on this machine's glibc and on one that registers nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::borrow::BORROW;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::foreign;
use rseq_kit::foreign::Libc;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

const PRIVILEGED: [Need; 5] = [
    Need::CC,
    Need::X86_64,
    Need::RSEQ,
    Need::ROOT,
    Need::MOUNT_NAMESPACE,
];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Which user's rights the program has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rights {
    /// Those of its caller.
    Own,
    /// Root's: setuid.
    Roots,
}

/// Which file `/etc/ld.so.preload` names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    /// The shim as it is built, with `librseq_abi.so` beside it.
    AsBuilt,
    /// The copy that `rseqctl enable` installs.
    Installed,
}

/// A root with the libc of `libc`, or of this machine.
struct Place {
    libc: Option<Libc>,
    program: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn here() -> Result<Self, String> {
        Self::with(None, built("privileged", "default")?)
    }

    fn with(libc: Option<Libc>, program: PathBuf) -> Result<Self, String> {
        Ok(Self {
            libc,
            program,
            folder: scratch::directory("privileged")?,
        })
    }

    /// Runs the program there as nobody, with every variable that the shim obeys
    /// where it obeys any.
    fn run(&self, rights: Rights, file: File, library: Option<&Path>) -> Result<Finished, String> {
        // a root of its own that nobody else sees, and that goes by itself
        const SCRIPT: &str = r#"
            set -e
            from=$1 root=$2 mode=$3 file=$4 rseqctl=$5
            mount -t tmpfs none "$root"
            borrow "$from" "$root" lib lib64 usr
            mkdir "$root/shim" "$root/etc"
            mkdir -m 1777 "$root/tmp"
            cp "$6" "$root/program"
            shift 6
            cp "$@" "$root/shim"
            chmod "$mode" "$root/program"
            if [ "$file" = installed ]; then
                for folder in "$root/usr" "$root/usr/local" "$root/usr/local/lib"; do
                    [ -d "$folder" ] || mkdir "$folder"
                done
                mount -t tmpfs none "$root/usr/local/lib"
                "$rseqctl" enable --root "$root" >/dev/null
            else
                echo /shim/librseq_shim.so > "$root/etc/ld.so.preload"
            fi
            echo /shim > "$root/etc/ld.so.conf"
            ldconfig -r "$root"
            library=/shim/libdefiner.so
            [ -e "$root$library" ] || library=
            status=0
            env -i RSEQ_SHIM_MODE=own RSEQ_SHIM_LOADING=off RSEQ_SHIM_BOGUS=1 \
                RSEQ_SHIM_REPORT=/tmp/report GLIBC_TUNABLES=glibc.pthread.rseq=0 \
                "$(command -v chroot)" --userspec=65534:65534 "$root" /program $library || status=$?
            [ ! -e "$root/tmp/report" ] || echo reported
            exit $status
        "#;
        let shim = artifacts()?.shim.clone();
        let word = match file {
            File::AsBuilt => "as-built",
            File::Installed => "installed",
        };
        let mode = match rights {
            Rights::Own => "755",
            Rights::Roots => "4755",
        };
        let from = self.libc.as_ref().map_or(Path::new(""), Libc::root);
        Program::new(program("unshare")?)
            .args(["--mount", "sh", "-c", &[BORROW, SCRIPT].concat(), "sh"])
            .arg(from)
            .arg(&self.folder)
            .args([mode, word])
            .arg(&artifacts()?.rseqctl)
            .arg(&self.program)
            .arg(&shim)
            .arg(&artifacts()?.abi)
            .args(library)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .run()
    }
}

fn expect(finished: Finished, expected: &str) -> Outcome {
    let finished = finished.expect(0)?;
    assert_eq!(
        (finished.out.as_str(), finished.err.as_str()),
        (expected, "")
    );
    Ok(())
}

/// glibc registers, whatever the variables say, and the shim writes no report.
#[rseq_kit::test(PRIVILEGED)]
fn passive() -> Outcome {
    let place = Place::here()?;
    for file in [File::Installed, File::AsBuilt] {
        let finished = place.run(Rights::Own, file, None)?;
        let finished = finished.expect(0)?;
        // the oracle is not blind: without privileges all of this is obeyed
        assert_eq!(finished.out, "not secure; owner 4; yes, yes\nreported\n");
        assert!(finished.err.contains("RSEQ_SHIM_BOGUS"), "{}", finished.err);
    }
    let finished = place.run(Rights::Roots, File::Installed, None)?;
    expect(finished, "secure; owner 1; no, no\n")
}

/// The same where nobody else registers: then nobody does.
#[rseq_kit::test(PRIVILEGED, foreign::need("bullseye"))]
fn without_libc() -> Outcome {
    let libc = Libc::of("bullseye")?;
    let program = libc.build("privileged", &[])?;
    let place = Place::with(Some(libc), program)?;
    let finished = place.run(Rights::Own, File::Installed, None)?;
    assert_eq!(
        finished.expect(0)?.out,
        "not secure; owner 4; yes, yes\nreported\n"
    );
    let finished = place.run(Rights::Roots, File::Installed, None)?;
    expect(finished, "secure; owner 3; no, no\n")
}

/// They protect memory, and no variable switches them off.
#[rseq_kit::test(PRIVILEGED)]
fn loading_rules() -> Outcome {
    let place = Place::here()?;
    let definer = built("loading-library", "definer")?;
    let finished = place.run(Rights::Own, File::Installed, Some(&definer))?;
    let out = finished.expect(0)?.out;
    assert!(out.contains("\nopened\ngone\n"), "{out}");
    let finished = place.run(Rights::Roots, File::Installed, Some(&definer))?;
    let out = finished.expect(0)?.out;
    assert!(out.contains("\nopened\nstays\n"), "{out}");
    Ok(())
}

/// Why `/etc/ld.so.preload` must not name the shim as it is built: the dynamic linker
/// takes no $ORIGIN here.
#[rseq_kit::test(PRIVILEGED)]
fn beside() -> Outcome {
    let finished = Place::here()?.run(Rights::Roots, File::AsBuilt, None)?;
    assert_eq!(finished.code(), 127, "{finished:?}");
    assert!(finished.err.contains("$ORIGIN"), "{}", finished.err);
    Ok(())
}
