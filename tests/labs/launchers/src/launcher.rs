//! The launchers: how each is told to start a program.

use rseq_kit::needs;
use rseq_lab::Need;

/// Whether what `rseqctl run` sets gets to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaches {
    /// It does.
    Program,
    /// The launcher takes it out of the environment: it has privileges of its own
    /// (AT_SECURE), or cleans up.
    Nobody,
}

/// A launcher.
#[derive(Debug)]
pub struct Launcher {
    /// Its name, and with others below it theirs.
    pub name: &'static str,
    /// Its words. `@` stands for the program and its arguments, `FOLDER` for one of the
    /// cell's own, `RSEQCTL` for the command, `ENV` for a setuid copy of env(1).
    pub words: &'static [&'static str],
    /// Who gets what `rseqctl run` sets.
    pub reaches: Reaches,
    /// How many programs without rseq it starts beside it.
    pub beside: usize,
    /// What the machine has to have.
    pub needs: &'static [Need],
}

const ROOT: Need = Need::Host(needs::Need::ROOT);
const SETPRIV: Need = Need::Program("setpriv", "util-linux");
const FLOCK: Need = Need::Program("flock", "util-linux");
const TINI: Need = Need::Program("tini", "tini");
const GOSU: Need = Need::Program("gosu", "gosu");
const DUMB_INIT: Need = Need::Program("dumb-init", "dumb-init");
const PYTHON: Need = Need::Program("python3", "python3");
const SUPERVISOR: Need = Need::Program("supervisord", "supervisor");
const START_STOP: Need = Need::Program("start-stop-daemon", "dpkg");

/// Starts what it is given, and waits for it.
const SUBPROCESS: &str = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))";

/// What a wrapper of a service does.
const WRAPPER: &str = "ulimit -n 512; umask 027; cd /; exec \"$@\"";

/// A shell that goes on living above the program.
const PARENT: &str = "\"$@\"; exit $?";

const XARGS: &str = "printf '%s\\0' \"$@\" | xargs -0 env";

const DAEMON: &str = "program=$1; shift; exec start-stop-daemon --start --quiet --make-pidfile \
    --pidfile FOLDER/pid --startas \"$program\" -- \"$@\"";

/// Starts three programs, of which one needs another owner: `FOLDER/plain` is made by the
/// lab.
const SUPERVISED: &str = "{ echo '[supervisord]'; echo 'nodaemon=true'; echo 'logfile=/dev/null'; \
    echo 'logfile_maxbytes=0'; echo 'pidfile=FOLDER/pid'; echo 'user=root'; \
    for name in one two; do echo \"[program:$name]\"; echo \"command=FOLDER/plain FOLDER/wait-$name\"; done; \
    echo '[program:subject]'; echo \"command=$*\"; } >FOLDER/supervisord.conf; \
    exec supervisord -c FOLDER/supervisord.conf";

/// All.
pub const LAUNCHERS: [Launcher; 24] = [
    launcher("env", &["env", "A=b", "@"], &[]),
    launcher("nice", &["nice", "-n", "1", "@"], &[]),
    launcher(
        "setpriv",
        &["setpriv", "--no-new-privs", "--inh-caps=-all", "@"],
        &[SETPRIV],
    ),
    launcher("chroot", &["chroot", "/", "@"], &[ROOT]),
    launcher("prlimit", &["prlimit", "--nofile=512", "--", "@"], &[]),
    launcher("flock", &["flock", "FOLDER/lock", "@"], &[FLOCK]),
    launcher(
        "start-stop-daemon",
        &["sh", "-c", DAEMON, "sh", "@"],
        &[START_STOP],
    ),
    launcher("xargs", &["sh", "-c", XARGS, "sh", "@"], &[]),
    launcher("gosu", &["gosu", "nobody", "@"], &[ROOT, GOSU]),
    launcher("tini", &["tini", "-s", "--", "@"], &[TINI]),
    // it cannot load the shim, and is not known by name
    launcher("tini-static", &["tini-static", "-s", "--", "@"], &[TINI]),
    launcher("dumb-init", &["dumb-init", "--", "@"], &[DUMB_INIT]),
    Launcher {
        beside: 2,
        ..launcher(
            "supervisord",
            &["sh", "-c", SUPERVISED, "sh", "@"],
            &[ROOT, SUPERVISOR],
        )
    },
    launcher("wrapper script", &["sh", "-c", WRAPPER, "sh", "@"], &[]),
    launcher("shell as parent", &["sh", "-c", PARENT, "sh", "@"], &[]),
    launcher(
        "subprocess of Python",
        &["python3", "-c", SUBPROCESS, "@"],
        &[PYTHON],
    ),
    launcher(
        "su",
        &[
            "su",
            "-s",
            "/bin/sh",
            "-c",
            "exec \"$0\" \"$@\"",
            "nobody",
            "--",
            "@",
        ],
        &[ROOT],
    ),
    launcher("rseqctl run", &["RSEQCTL", "run", "--", "@"], &[]),
    launcher(
        "tini, wrapper, gosu, nice",
        &[
            "tini", "-s", "--", "sh", "-c", WRAPPER, "sh", "gosu", "nobody", "nice", "@",
        ],
        &[ROOT, TINI, GOSU],
    ),
    launcher(
        "Python, flock, setpriv",
        &[
            "python3",
            "-c",
            SUBPROCESS,
            "flock",
            "FOLDER/lock",
            "setpriv",
            "--no-new-privs",
            "@",
        ],
        &[PYTHON, FLOCK, SETPRIV],
    ),
    launcher(
        "dumb-init, rseqctl run, xargs",
        &[
            "dumb-init",
            "--",
            "RSEQCTL",
            "run",
            "--",
            "sh",
            "-c",
            XARGS,
            "sh",
            "@",
        ],
        &[DUMB_INIT],
    ),
    launcher(
        "chroot, shell as parent, prlimit",
        &[
            "chroot",
            "/",
            "sh",
            "-c",
            PARENT,
            "sh",
            "prlimit",
            "--nofile=512",
            "--",
            "@",
        ],
        &[ROOT],
    ),
    Launcher {
        name: "sudo",
        words: &["sudo", "-n", "@"],
        reaches: Reaches::Nobody,
        beside: 0,
        needs: &[ROOT, Need::Program("sudo", "sudo")],
    },
    Launcher {
        name: "a setuid launcher",
        words: &[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "ENV",
            "@",
        ],
        reaches: Reaches::Nobody,
        beside: 0,
        needs: &[ROOT, SETPRIV],
    },
];

const fn launcher(
    name: &'static str,
    words: &'static [&'static str],
    needs: &'static [Need],
) -> Launcher {
    Launcher {
        name,
        words,
        reaches: Reaches::Program,
        beside: 0,
        needs,
    }
}
