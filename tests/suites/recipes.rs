//! The files in `docs/recipes`, as they stand there: systemd's opinion of the
//! drop-ins, and the container's root made from packages.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rseq_kit::artifacts::{artifacts, room};
use rseq_kit::child::{Finished, Program};
use rseq_kit::container;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

/// What a program with an area of its own says when the kernel has granted it to
/// all of its nine threads.
const GRANTED: &str = "granted 9 already 0 refused 0 denied 0\n";

const BUILDS: [Need; 4] = [Need::CC, Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];

fn main() -> ExitCode {
    Suite::collected().run()
}

fn recipe(name: &str) -> PathBuf {
    room().join("../docs/recipes").join(name)
}

/// A folder with a service and a drop-in for it, with the paths of this machine.
fn service(drop_in: &str) -> Result<PathBuf, String> {
    let say = |error: std::io::Error| error.to_string();
    let folder = scratch::directory("units")?;
    let path = |path: &Path| path.display().to_string();
    let here = |text: &str| -> Result<String, String> {
        Ok(text
            .replace("/usr/local/bin/rseqctl", &path(&artifacts()?.rseqctl))
            .replace("/usr/bin/mongod", &path(&built("adopter", "hides")?)))
    };
    let unit = "[Unit]\nDescription=A database\n[Service]\nType=exec\n\
                ExecStart=/usr/bin/mongod --config /etc/mongod.conf\n";
    fs::write(folder.join("mongod.service"), here(unit)?).map_err(say)?;
    fs::create_dir(folder.join("mongod.service.d")).map_err(say)?;
    let text = fs::read_to_string(recipe(drop_in)).map_err(say)?;
    fs::write(folder.join("mongod.service.d/rseq.conf"), here(&text)?).map_err(say)?;
    Ok(folder)
}

/// systemd takes the drop-ins, and would say if it did not.
#[rseq_kit::test(BUILDS, Need::SYSTEMD)]
fn systemd_drop_in() -> Outcome {
    let verify = |folder: &Path| {
        Program::new(program("systemd-analyze")?)
            .args(["verify", "--man=no"])
            .arg(folder.join("mongod.service"))
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()))
            .run()
    };
    for drop_in in ["systemd/rseq.conf", "systemd/tunable-only.conf"] {
        let folder = service(drop_in)?;
        let finished = verify(&folder)?.expect(0)?;
        assert!(!finished.err.contains("mongod"), "{}", finished.err);
        // two commands are what the empty line is there to prevent
        let file = folder.join("mongod.service.d/rseq.conf");
        let text = fs::read_to_string(&file)?;
        fs::write(&file, format!("{text}ExecStart=/no/such/program\n"))?;
        assert_ne!(verify(&folder)?.code(), 0, "{drop_in}: anything passes");
    }
    Ok(())
}

/// The commands and variables of a service, as systemd puts files together.
fn settings(folder: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut commands, mut variables) = (Vec::new(), Vec::new());
    for name in ["mongod.service", "mongod.service.d/rseq.conf"] {
        let text = fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())?;
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("ExecStart=") {
                if command.is_empty() {
                    commands.clear();
                } else {
                    commands.push(command.to_owned());
                }
            }
            variables.extend(line.strip_prefix("Environment=").map(str::to_owned));
        }
    }
    Ok((commands, variables))
}

/// What the service would start, started: the program gets its registration.
#[rseq_kit::test(BUILDS)]
fn systemd_runs() -> Outcome {
    for drop_in in ["systemd/rseq.conf", "systemd/tunable-only.conf"] {
        let (commands, variables) = settings(&service(drop_in)?)?;
        let [command] = &commands[..] else {
            return Err(format!("{drop_in}: {commands:?}").into());
        };
        let mut words = command.split(' ');
        let mut program = Program::new(words.next().unwrap_or_default()).args(words);
        for variable in &variables {
            let (name, value) = variable.split_once('=').ok_or("no variable")?;
            program = program.env(name, value);
        }
        let finished = program.run()?.expect(0)?;
        assert_eq!(finished.out, GRANTED, "{drop_in}: {}", finished.err);
        assert_eq!(finished.err, "", "{drop_in}");
    }
    Ok(())
}

/// The image, built as the Dockerfile says, and its command.
struct Image {
    /// What `COPY` puts there, with its file.
    files: Vec<(PathBuf, PathBuf)>,
    command: Vec<String>,
}

impl Image {
    fn read() -> Result<Self, String> {
        let text = fs::read_to_string(recipe("oci/Dockerfile")).map_err(|it| it.to_string())?;
        let libraries = artifacts()?;
        let (mut files, mut command) = (Vec::new(), Vec::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "FROM" => assert!(rest.starts_with("debian:bookworm"), "{rest}"),
                "COPY" => {
                    let mut names: Vec<_> = rest.split(' ').collect();
                    let to = names.pop().ok_or("COPY without a place")?;
                    for name in names {
                        let from = match name {
                            "rseqctl" => libraries.rseqctl.clone(),
                            "librseq_shim.so" => libraries.shim.clone(),
                            "librseq_abi.so.1" => libraries.abi.clone(),
                            "server" => built("adopter", "hides")?,
                            other => recipe("oci").join(other),
                        };
                        files.push((from, Path::new(to).join(name)));
                    }
                }
                "ENTRYPOINT" | "CMD" => {
                    let words: Vec<String> =
                        serde_json::from_str(rest).map_err(|error| error.to_string())?;
                    command.extend(words);
                }
                other => return Err(format!("the test does not know {other}")),
            }
        }
        Ok(Self { files, command })
    }

    /// Starts it as the first process of namespaces of its own.
    fn run(&self, chroot: &[&str]) -> Result<Finished, String> {
        // $0: the folder to be the root; $1: the packages' files
        let mut script = "set -e; root=$0; base=$1; shift; mount -t tmpfs none \"$root\"; \
             cp -a \"$base\"/. \"$root\"/; mkdir -p \"$root/proc\"; "
            .to_owned();
        for (from, to) in &self.files {
            let to = format!("\"$root{}\"", to.display());
            // writing to a String does not fail
            let _ = write!(
                script,
                "mkdir -p \"$(dirname {to})\"; cp '{}' {to}; ",
                from.display()
            );
        }
        script += "mount -t proc proc \"$root/proc\"; exec chroot \"$@\"";
        let root = scratch::directory("root")?;
        let finished = Program::new(program("unshare")?)
            .args(["--mount", "--pid", "--fork", "sh", "-c", &script])
            .arg(&root)
            .arg(container::root()?)
            .args(chroot)
            .arg(&root)
            .args(&self.command)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .run()?;
        assert_eq!(finished.err, "");
        Ok(finished)
    }
}

#[rseq_kit::test(BUILDS, Need::ROOT, Need::MOUNT_NAMESPACE, container::NEED)]
fn container_of_root() -> Outcome {
    assert_eq!(Image::read()?.run(&[])?.expect(0)?.out, GRANTED);
    // without rseqctl in front it is refused: the recipe makes the difference
    let mut plain = Image::read()?;
    let end = plain.command.iter().position(|word| word == "--");
    plain
        .command
        .drain(..=end.ok_or("no -- in the entry point")?);
    let finished = plain.run(&[])?;
    assert_eq!(finished.out, "granted 0 already 0 refused 9 denied 0\n");
    Ok(())
}

#[rseq_kit::test(BUILDS, Need::ROOT, Need::MOUNT_NAMESPACE, container::NEED)]
fn container_of_user() -> Outcome {
    let finished = Image::read()?.run(&["--userspec=65534:65534"])?;
    assert_eq!(finished.expect(0)?.out, GRANTED);
    Ok(())
}
