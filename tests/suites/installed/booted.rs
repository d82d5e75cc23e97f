//! systemd as process 1 of a container: this machine's programs, an `/etc` and an
//! `/usr/local` of its own, a process and a control group namespace. The shim is switched
//! on for what the manager starts, or for every program, its files whole or damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rseq_kit::artifacts::artifacts;
use rseq_kit::borrow::BORROW;
use rseq_kit::child::{Program, Running};
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::patience::stretched;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_lab_clients::tcmalloc::{self, Linked};
use rseq_lab_clients::workerd;
use serde_json::Value;

use super::BUILDS;

/// That systemd comes up without us.
const SYSTEMD: Need = Need::new(&Asked("systemd as process 1", comes_up));

const BOOTS: [Need; 3] = [Need::ROOT, Need::MOUNT_NAMESPACE, SYSTEMD];

/// How long a boot may take.
const LIMIT: Duration = Duration::from_secs(20);

/// `$1` is the folder to be `/`, which everybody sees; what is mounted there the container
/// alone sees. It ends when there is a file `stop`.
const OUTSIDE: &str = r#"
set -e
root=$1
mkdir "$root/groups"
mount -t cgroup2 none "$root/groups"
# process ids are not unique: somebody else may count in a namespace of their own
group=$(mktemp -d "$root/groups/rseq-tests-XXXXXX")
chmod 755 "$group"
sh -c 'echo $$ >"$0/cgroup.procs"; shift
    exec unshare --pid --mount --cgroup --uts --ipc --fork --kill-child sh -c "$@"' \
    "$group" "$@" &
container=$!
until [ -e "$root/stop" ] || ! kill -0 $container 2>/dev/null; do sleep 0.1; done
kill -s KILL $container 2>/dev/null || :
wait $container || :
until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
"#;

/// `$1` the folder, `$2` what is done before the boot, `$rseqctl` the command.
const INSIDE: &str = r#"
set -e
root=$1
borrow "" "$root" bin sbin lib lib64
mkdir -p "$root/usr" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" \
    "$root/var/log" "$root/root"
mount --rbind /usr "$root/usr"
mount -t tmpfs none "$root/usr/local"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs none "$root/sys/fs/cgroup"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
: >"$root/etc/machine-id"
mkdir "$root/rseq-owner"
mount --bind "$files" "$root/rseq-owner"
mkfifo "$root/wait"
rseqctl=$files/rseqctl
copy=$root/usr/local/lib/rseq-owner/librseq_shim.so
setting=$root/etc/ld.so.preload
eval "$2"
exec env -i container=rseq-tests PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" \
    "$systemd" --system --unit=all.target --log-target=console --show-status=no
"#;

/// Holds `/wait` open, so that the programs wait, and looks at every process, again and
/// again.
const WATCHER: &str = "/bin/sh -c 'exec 3<>/wait; while sleep 0.2; do /rseq-owner/rseqctl ps --all \
    --format ndjson --fail-on never >/seen.new; mv /seen.new /seen; done'";

/// What a manager starts, and who is to own its registrations in how many threads.
#[derive(Clone, Debug)]
struct Unit {
    name: &'static str,
    /// `@` is a program's file in the container.
    starts: String,
    program: PathBuf,
    owner: &'static str,
    threads: usize,
}

/// TCMalloc, hidden and exported and below a script, and a program without rseq.
fn units() -> Result<Vec<Unit>, String> {
    let unit = |name, program: &Path, starts: &str, owner, threads| Unit {
        name,
        starts: starts.to_owned(),
        program: program.to_owned(),
        owner,
        threads,
    };
    let (hidden, exported) = (
        tcmalloc::binary(Linked::Hidden)?,
        tcmalloc::binary(Linked::Exported)?,
    );
    let idle = built("idle", "dynamic")?;
    let threads = tcmalloc::THREADS as usize;
    let wrapper = "/bin/sh -c 'ulimit -n 512; umask 027; exec @ /wait'";
    Ok(vec![
        unit("hidden", &hidden, "@ /wait", "client", threads),
        unit("exported", &exported, "@ /wait", "adopter", threads),
        unit("script", &hidden, wrapper, "client", threads),
        unit("plain", &idle, "/bin/sh -c 'exec @ 2 </wait'", "libc", 3),
    ])
}

/// Returns the same as they are without us: the libc's.
fn refused() -> Result<Vec<Unit>, String> {
    let units = units()?.into_iter();
    Ok(units
        .map(|unit| Unit {
            owner: "libc",
            ..unit
        })
        .collect())
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn systemd() -> Result<PathBuf, String> {
    ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or_else(|| "needs systemd".to_owned())
}

/// A container that has been started.
struct Booted {
    running: Running,
    root: PathBuf,
}

impl Booted {
    /// Boots it: a script that is run before, its units, and others as they are.
    fn new(before: &str, units: &[Unit], others: &[(&str, &str)]) -> Result<Self, String> {
        let root = scratch::directory("booted")?;
        let say = |error: std::io::Error| format!("{}: {error}", root.display());
        let folder = root.join("etc/systemd/system");
        fs::create_dir_all(&folder).map_err(say)?;
        fs::create_dir(root.join("programs")).map_err(say)?;
        // a failing test prints what the shim has complained about
        let service =
            |starts: &str| format!("[Service]\nExecStart={starts}\nStandardError=append:/said\n");
        let mut wants = String::from("watcher.service");
        fs::write(folder.join("watcher.service"), service(WATCHER)).map_err(say)?;
        for unit in units {
            let file = Path::new("programs").join(name_of(&unit.program));
            executable::copied(&unit.program, &root.join(&file), 0o755)?;
            let file = Path::new("/").join(file).display().to_string();
            let name = format!("{}.service", unit.name);
            let text = service(&unit.starts.replace('@', &file));
            fs::write(folder.join(&name), text).map_err(say)?;
            wants.extend([" ", &*name]);
        }
        for (name, text) in others {
            fs::write(folder.join(name), text).map_err(say)?;
            wants.extend([" ", name]);
        }
        let target = format!("[Unit]\nRequires=basic.target\nWants={wants}\n");
        fs::write(folder.join("all.target"), target).map_err(say)?;
        let files = artifacts()?.rseqctl.with_file_name("");
        let running = Program::new(program("unshare")?)
            .args(["--mount", "sh", "-c", OUTSIDE, "sh"])
            .arg(&root)
            .args([&[BORROW, INSIDE].concat(), "sh"])
            .arg(&root)
            .arg(before)
            .env("files", files)
            .env("systemd", systemd()?)
            .limit(LIMIT * 20)
            .start()?;
        Ok(Self { running, root })
    }

    /// Waits until what is seen is as it should be; what is wrong at the end is the error.
    fn until(&self, is_right: impl Fn(&[Value]) -> Result<(), String>) -> Result<(), String> {
        let end = Instant::now() + stretched(LIMIT);
        loop {
            let text = fs::read_to_string(self.root.join("seen")).unwrap_or_default();
            let rows: Vec<Value> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            let Err(why) = is_right(&rows) else {
                return Ok(());
            };
            if Instant::now() > end {
                let (out, err) = self.running.output();
                let said = fs::read_to_string(self.root.join("said")).unwrap_or_default();
                let owners: Vec<String> = rows
                    .iter()
                    .map(|row| format!("{} {} {}", row["pid"], row["name"], row["owner"]))
                    .collect();
                return Err(format!("{why}: {owners:?}\n{said}{out}{err}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until each unit's program has its owner, every thread is registered, and every
    /// other process, the first one included, is the libc's.
    fn until_right(&self, units: &[Unit]) -> Result<(), String> {
        self.until(|rows| {
            let mut missing: Vec<&str> = units.iter().map(|unit| unit.name).collect();
            for row in rows {
                let unit = row["unit"].as_str().unwrap_or_default();
                let unit = units
                    .iter()
                    .find(|it| unit.strip_suffix(".service") == Some(it.name));
                let owner = unit.map_or("libc", |unit| unit.owner);
                let threads = row["threads"].as_array().map_or(0, Vec::len);
                let expected = unit.map_or(threads, |unit| unit.threads);
                let registered = row["registered"].as_u64().unwrap_or(0) as usize;
                let is_whole = registered == threads && threads >= expected;
                if row["owner"] != owner || !is_whole {
                    return Err(format!(
                        "{} (process {}): {} {registered}/{threads}, expected {owner}",
                        row["name"], row["pid"], row["owner"]
                    ));
                }
                if let Some(unit) = unit {
                    missing.retain(|name| *name != unit.name);
                }
            }
            let has_first = rows.iter().any(|row| row["pid"] == 1);
            match (&missing[..], has_first) {
                ([], true) => Ok(()),
                ([], false) => Err("nothing was seen".to_owned()),
                (missing, _) => Err(format!("not there: {missing:?}")),
            }
        })
    }

    /// Makes an empty file that a unit waits for.
    fn tell(&self, name: &str) -> Result<(), String> {
        let path = self.root.join(name);
        fs::write(&path, "").map_err(|error| format!("{}: {error}", path.display()))
    }

    fn until_there(&self, name: &str) -> Result<(), String> {
        let path = self.root.join(name);
        self.until(|_| {
            path.exists()
                .then_some(())
                .ok_or_else(|| format!("no {name}"))
        })
    }

    /// Ends it.
    fn stop(self) -> Result<String, String> {
        self.tell("stop")?;
        Ok(self.running.finish()?.expect(0)?.err)
    }
}

/// Whether systemd is process 1 of such a container, without us.
fn comes_up() -> Result<(), String> {
    static TRIED: LazyLock<Result<(), String>> = LazyLock::new(|| {
        systemd()?;
        let said = |error: String| {
            let last = error.lines().last().unwrap_or_default().to_owned();
            format!("needs systemd as process 1 of a container: {last}")
        };
        let booted = Booted::new(":", &[], &[]).map_err(said)?;
        booted.until_right(&[]).map_err(said)?;
        booted.stop().map(drop).map_err(said)
    });
    TRIED.clone()
}

/// What the manager starts, by a drop-in of its own.
#[rseq_kit::test(BUILDS, BOOTS, Need::CXX, tcmalloc::NEED)]
fn the_managers_units() -> Outcome {
    let units = units()?;
    let booted = Booted::new("\"$rseqctl\" enable --system --root \"$root\"", &units, &[])?;
    booted.until_right(&units)?;
    booted.stop()?;
    Ok(())
}

/// What a user's manager starts, which the system's has started.
#[rseq_kit::test(BUILDS, BOOTS, Need::CXX, tcmalloc::NEED)]
fn a_users_units() -> Outcome {
    let units = units()?;
    let manager = format!(
        "[Service]\nDelegate=yes\nRuntimeDirectory=user\n\
         Environment=HOME=/root XDG_RUNTIME_DIR=/run/user\n\
         ExecStart={} --user --unit=mine.target\n",
        systemd()?.display()
    );
    let script = "folder=$root/root/.config/systemd/user; mkdir -p \"$folder\"; \
         for unit in hidden exported script plain; do \
             mv \"$root/etc/systemd/system/$unit.service\" \"$folder\"; done; \
         echo '[Unit]' >\"$folder/mine.target\"; \
         echo Wants=hidden.service exported.service script.service plain.service \
             >>\"$folder/mine.target\"; \
         HOME=/root \"$rseqctl\" enable --user --root \"$root\"";
    let booted = Booted::new(script, &units, &[("manager.service", &manager)])?;
    booted.until_right(&units)?;
    booted.stop()?;
    Ok(())
}

/// Every program, the first one included.
#[rseq_kit::test(BUILDS, BOOTS, Need::CXX, tcmalloc::NEED)]
fn every_program() -> Outcome {
    let units = units()?;
    let booted = Booted::new("\"$rseqctl\" enable --root \"$root\"", &units, &[])?;
    booted.until_right(&units)?;
    let units_said = fs::read_to_string(booted.root.join("said"))?;
    let said = booted.stop()? + &units_said;
    assert!(!said.contains("ld.so"), "{said}");
    Ok(())
}

/// In a running host: what is running stays as it is, what is started then is right, and
/// out again.
#[rseq_kit::test(BUILDS, BOOTS, Need::CXX, tcmalloc::NEED)]
fn on_and_off_again() -> Outcome {
    for (option, reread) in [("--system", "systemctl daemon-reexec"), ("", ":")] {
        let (before, after) = (refused()?, units()?);
        let script = format!(
            "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'until [ -e /on ]; do sleep 0.1; done; \
             /rseq-owner/rseqctl enable {option} >>/said 2>&1 && {reread} && touch /is-on; \
             cat /run/rseqctl/kernel.json >>/said; \
             until [ -e /restart ]; do sleep 0.1; done; \
             systemctl restart hidden exported script plain; \
             until [ -e /off ]; do sleep 0.1; done; /rseq-owner/rseqctl disable {option} && \
             {reread} && systemctl restart hidden exported script plain; touch /is-off; \
             sleep infinity'\n"
        );
        let booted = Booted::new(":", &before, &[("admin.service", &script)])?;
        booted.until_right(&before)?;
        booted.tell("on")?;
        booted.until_there("is-on")?;
        fs::remove_file(booted.root.join("seen"))?;
        booted.until_right(&before)?;
        booted.tell("restart")?;
        booted.until_right(&after)?;
        booted.tell("off")?;
        booted.until_there("is-off")?;
        booted.until_right(&before)?;
        booted.stop()?;
    }
    Ok(())
}

/// A real server as a unit.
#[rseq_kit::test(BUILDS, BOOTS, workerd::NEED)]
fn a_server() -> Outcome {
    let arguments = workerd::arguments()?;
    let config = arguments.last().ok_or("workerd has no arguments")?;
    let server = Unit {
        name: "workerd",
        starts: "@ serve /config.capnp".to_owned(),
        program: workerd::binary()?.to_owned(),
        owner: "client",
        threads: 2,
    };
    // it reads the certificates of the host
    let script = format!(
        "\"$rseqctl\" enable --system --root \"$root\"; cp '{config}' \"$root\"; \
         mkdir \"$root/etc/ssl\"; mount --bind /etc/ssl \"$root/etc/ssl\""
    );
    let units = [server];
    let booted = Booted::new(&script, &units, &[])?;
    booted.until_right(&units)?;
    booted.stop()?;
    Ok(())
}

/// A damaged copy or setting keeps no machine from booting: the units are there, as without
/// us.
#[rseq_kit::test(BUILDS, BOOTS, Need::CXX, tcmalloc::NEED)]
fn boots_when_broken() -> Outcome {
    let units = refused()?;
    for damage in [
        "rm \"$copy\"",
        ": >\"$copy\"",
        "truncate -s 60 \"$copy\"",
        "truncate -s $(($(stat -c %s \"$copy\") / 2)) \"$copy\"",
        "chmod 0 \"$copy\"; rm \"$copy\"; mkdir \"$copy\"",
        "dd if=/dev/urandom of=\"$copy\" bs=4096 count=30 conv=notrunc 2>/dev/null",
        "rm -r \"${copy%/*}\"",
        "head -c 4096 /dev/urandom >\"$setting\"",
    ] {
        for option in ["", "--system"] {
            if option == "--system" && damage.contains("$setting") {
                continue;
            }
            let script = format!("\"$rseqctl\" enable {option} --root \"$root\"; {damage}");
            let booted = Booted::new(&script, &units, &[])?;
            booted
                .until_right(&units)
                .map_err(|error| format!("{option} {damage}: {error}"))?;
            booted.stop()?;
        }
    }
    Ok(())
}
