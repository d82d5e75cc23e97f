//! Launchers: programs whose arguments name the program that matters.
//!
//! What `run` sets is in the environment, and reaches the program through them.
//! To decide, though, it has to look at the program and not at `nice`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use tls_model::protocol::variable;

/// How a launcher's arguments are read.
struct Grammar {
    name: &'static str,
    /// Short options with a value, as letters.
    valued: &'static str,
    /// Long options with a value in the next argument.
    long: &'static [&'static str],
    /// Arguments before the command that are no options.
    skip: usize,
}

const fn grammar(
    name: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
    skip: usize,
) -> Grammar {
    Grammar {
        name,
        valued,
        long,
        skip,
    }
}

/// coreutils 9, util-linux 2.38, numactl 2.0, and what containers start with.
const LAUNCHERS: [Grammar; 14] = [
    grammar("nice", "n", &["--adjustment"], 0),
    grammar("nohup", "", &[], 0),
    grammar("timeout", "ks", &["--kill-after", "--signal"], 1),
    grammar("stdbuf", "ioe", &["--input", "--output", "--error"], 0),
    grammar("setsid", "", &[], 0),
    grammar("taskset", "", &[], 1),
    grammar(
        "chrt",
        "TPD",
        &["--sched-runtime", "--sched-period", "--sched-deadline"],
        1,
    ),
    grammar("ionice", "cn", &["--class", "--classdata"], 0),
    grammar(
        "numactl",
        "iNmCpPw",
        &[
            "--interleave",
            "--cpunodebind",
            "--membind",
            "--physcpubind",
            "--preferred",
        ],
        0,
    ),
    grammar("time", "fo", &["--format", "--output"], 0),
    grammar("tini", "pe", &[], 0),
    grammar("dumb-init", "r", &["--rewrite"], 0),
    grammar("gosu", "", &[], 1),
    grammar("su-exec", "", &[], 1),
];

/// Those that keep nothing of `LD_PRELOAD`, whoever starts them.
const PRIVILEGED: [&str; 2] = ["sudo", "pkexec"];

const SHELLS: [&str; 6] = ["sh", "dash", "bash", "ksh", "zsh", "busybox"];

/// What a command is besides a program.
#[derive(Debug, PartialEq, Eq)]
pub enum Launch {
    /// The program itself.
    Program,
    /// It starts this command.
    Command(Vec<OsString>),
    /// It starts something that is not known, and why.
    Unknown(&'static str),
}

/// Returns what the command starts besides itself, by the name of its file and its
/// arguments.
pub fn command_behind(program: &Path, arguments: &[OsString]) -> Launch {
    let name = program.file_name().unwrap_or_default();
    if name == "env" {
        return env(arguments);
    }
    if PRIVILEGED.iter().any(|launcher| name == *launcher) {
        return Launch::Unknown(
            "it drops LD_PRELOAD before its program starts, and with it what is set here; put \
             rseqctl run behind it: sudo rseqctl run -- PROGRAM",
        );
    }
    if name == "busybox" {
        return match arguments {
            [applet, rest @ ..] if applet == "sh" || applet == "ash" => shell(rest),
            _ => Launch::Program,
        };
    }
    if is_shell(program) {
        return shell(arguments);
    }
    match LAUNCHERS.iter().find(|launcher| name == launcher.name) {
        Some(launcher) => match options(launcher, arguments) {
            [] => Launch::Program,
            command => Launch::Command(command.to_vec()),
        },
        None => Launch::Program,
    }
}

/// Returns what a script that a shell runs starts with these arguments.
pub fn command_behind_script(script: &Path, arguments: &[OsString]) -> Launch {
    const MOST: u64 = 256 << 10;
    let mut text = Vec::new();
    // what cannot be read is not known; what comes through a pipe can be read
    // once only, and is the shell's
    let read = if script.is_file() {
        File::open(script).and_then(|file| file.take(MOST).read_to_end(&mut text))
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    };
    let hands_over = text
        .split(|&byte| byte == b'\n')
        .any(|line| line.trim_ascii() == b"exec \"$@\"");
    if read.is_ok() && hands_over && !arguments.is_empty() {
        return Launch::Command(arguments.to_vec());
    }
    Launch::Unknown(
        "it is a shell script: in each program that it starts the decision is made anew; to see it, \
         put rseqctl run before the program that matters, inside the script",
    )
}

/// Returns whether the path has the name of a shell's file.
pub fn is_shell(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default();
    SHELLS.iter().any(|shell| name == *shell)
}

/// Returns what follows a launcher's options.
fn options<'a>(launcher: &Grammar, arguments: &'a [OsString]) -> &'a [OsString] {
    let mut rest = arguments;
    while let [first, more @ ..] = rest {
        let bytes = first.as_bytes();
        if bytes == b"--" {
            rest = more;
            break;
        }
        if !bytes.starts_with(b"-") || bytes == b"-" {
            break;
        }
        rest = more;
        let takes_next = if bytes.starts_with(b"--") {
            launcher.long.iter().any(|option| first == option)
        } else {
            // -n5 has its value, -n takes the next argument; so does -an
            bytes
                .last()
                .is_some_and(|last| launcher.valued.as_bytes().contains(last))
                && !bytes
                    .get(1..bytes.len().saturating_sub(1))
                    .unwrap_or_default()
                    .iter()
                    .any(|letter| launcher.valued.as_bytes().contains(letter))
        };
        if takes_next {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    let mut rest = rest.get(launcher.skip..).unwrap_or_default();
    // tini PROGRAM, tini -- PROGRAM; gosu USER PROGRAM
    if let [first, more @ ..] = rest
        && first == "--"
    {
        rest = more;
    }
    rest
}

/// Names that what is set here is carried by.
const OURS: [&[u8]; 4] = [
    variable::PRELOAD.as_bytes(),
    variable::TUNABLES.as_bytes(),
    variable::MODE.as_bytes(),
    variable::RESTART.as_bytes(),
];

fn env(arguments: &[OsString]) -> Launch {
    let mut rest = arguments;
    while let [first, more @ ..] = rest {
        let bytes = first.as_bytes();
        let unset = match bytes {
            b"-u" | b"--unset" => more.first().map(|name| name.as_bytes()),
            _ => bytes
                .strip_prefix(b"--unset=")
                .or_else(|| bytes.strip_prefix(b"-u")),
        };
        let set = bytes
            .iter()
            .position(|&byte| byte == b'=')
            .filter(|_| !bytes.starts_with(b"-"))
            .map(|end| &bytes[..end]);
        let (flags, has_value) = flags_of_env(bytes);
        if matches!(bytes, b"-" | b"--ignore-environment") || flags.contains(&b'i') {
            return Launch::Unknown(
                "env -i drops what is set here before its program starts; put rseqctl run behind \
                 it: env -i ... rseqctl run -- PROGRAM",
            );
        }
        if let Some(name) = unset.or(set)
            && OURS.contains(&name)
        {
            return Launch::Unknown(
                "env changes a variable that is set here before its program starts; set it for \
                 rseqctl run instead: env NAME=VALUE rseqctl run -- PROGRAM",
            );
        }
        if bytes.starts_with(b"-S")
            || bytes.starts_with(b"--split-string")
            || set == Some(b"PATH")
            || has_value && !flags.is_empty()
        {
            return Launch::Unknown("in the program that env starts the decision is made anew");
        }
        if bytes == b"--" {
            rest = more;
            break;
        }
        if set.is_none() && !bytes.starts_with(b"-") {
            break;
        }
        rest = match bytes {
            b"-u" | b"--unset" | b"-C" | b"--chdir" => more.get(1..).unwrap_or_default(),
            _ => more,
        };
    }
    match rest {
        [] => Launch::Program,
        command => Launch::Command(command.to_vec()),
    }
}

/// Returns the letters of an argument of short options before the first that takes a
/// value, and whether there is such a one.
fn flags_of_env(argument: &[u8]) -> (&[u8], bool) {
    let letters = argument
        .strip_prefix(b"-")
        .filter(|letters| !letters.starts_with(b"-"))
        .unwrap_or_default();
    match letters.iter().position(|letter| b"uCS".contains(letter)) {
        Some(end) => (&letters[..end], true),
        None => (letters, false),
    }
}

/// Reads `sh -c 'exec PROGRAM ARGUMENT...'`, and nothing that is more than words.
fn shell(arguments: &[OsString]) -> Launch {
    let unknown = Launch::Unknown(
        "it is a shell: in each program that it starts the decision is made anew; to see it, put \
         rseqctl run before the program that matters",
    );
    match arguments {
        [option, text, ..] if option == "-c" => match words(text.as_bytes()) {
            Some(command) => Launch::Command(command),
            None => unknown,
        },
        [script, rest @ ..] if !script.as_bytes().starts_with(b"-") => {
            command_behind_script(Path::new(script), rest)
        }
        _ => unknown,
    }
}

/// Returns the words of a simple command, if it is one.
fn words(text: &[u8]) -> Option<Vec<OsString>> {
    const PLAIN: &[u8] = b"-_./:,=+@%";
    let is_plain = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || PLAIN.contains(byte) || *byte == b' ');
    let mut words: Vec<OsString> = text
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    if words.first().is_some_and(|word| word == "exec") {
        words.remove(0);
    }
    let first = words.first()?;
    let is_command =
        !first.as_bytes().contains(&b'=') && !BUILT_IN.iter().any(|word| first == word);
    (is_plain && is_command).then_some(words)
}

/// Words that the shell itself understands, as far as they are likely.
const BUILT_IN: [&str; 12] = [
    "exit", "kill", "echo", "cd", "set", "export", "trap", "wait", "test", "true", "false",
    "ulimit",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn launch_of(line: &str) -> Launch {
        let mut words = line.split(' ').map(OsString::from);
        let program = words.next().expect("a word");
        let arguments: Vec<_> = words.collect();
        command_behind(Path::new(&program), &arguments)
    }

    fn command(line: &str) -> Launch {
        Launch::Command(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn launchers_are_looked_through() {
        for line in [
            "env mongod --x 1",
            "env -v mongod --x 1",
            "/usr/bin/env A=1 -u B -C /tmp mongod --x 1",
            "nice mongod --x 1",
            "nice -n 5 mongod --x 1",
            "nice -n5 mongod --x 1",
            "nice --adjustment=5 mongod --x 1",
            "nohup mongod --x 1",
            "timeout -k 5 -s TERM 10 mongod --x 1",
            "timeout --kill-after=5 10 mongod --x 1",
            "timeout --foreground 10 mongod --x 1",
            "stdbuf -oL -e 0 mongod --x 1",
            "setsid -w mongod --x 1",
            "taskset -c 0-1 mongod --x 1",
            "taskset 3 mongod --x 1",
            "chrt -f 10 mongod --x 1",
            "ionice -c 2 -n 0 mongod --x 1",
            "numactl --interleave=all mongod --x 1",
            "numactl -i all mongod --x 1",
            "tini -- mongod --x 1",
            "tini -g -- mongod --x 1",
            "gosu mongodb mongod --x 1",
        ] {
            assert_eq!(launch_of(line), command("mongod --x 1"), "{line}");
        }
        assert_eq!(launch_of("mongod --x 1"), Launch::Program);
        assert_eq!(launch_of("nice"), Launch::Program);
        assert_eq!(launch_of("taskset -p 1"), Launch::Program);
    }

    #[test]
    fn what_would_be_lost_is_not_looked_through() {
        for line in [
            "env -i mongod",
            "env - mongod",
            "env -vi mongod",
            "env -iC /tmp mongod",
            "env -vuLD_PRELOAD mongod",
            "env -u LD_PRELOAD mongod",
            "env -uLD_PRELOAD mongod",
            "env GLIBC_TUNABLES=glibc.pthread.rseq=0 mongod",
            "env --unset=GLIBC_TUNABLES mongod",
            "env PATH=/opt mongod",
            "sh -s mongod",
            "sudo mongod",
            "/usr/bin/sudo -u mongodb mongod",
        ] {
            assert!(matches!(launch_of(line), Launch::Unknown(_)), "{line}");
        }
    }

    #[test]
    fn simple_commands_of_a_shell() {
        let launch_of_script = |text: &str| {
            let arguments = ["-c".into(), text.into()];
            command_behind(Path::new("/bin/sh"), &arguments)
        };
        assert_eq!(
            launch_of_script("exec mongod --x 1"),
            command("mongod --x 1")
        );
        assert_eq!(launch_of_script("mongod --x 1"), command("mongod --x 1"));
        for text in [
            "a; b",
            "a && b",
            "echo $A",
            "A=1 mongod",
            "",
            "exit 3",
            "'a b'",
        ] {
            assert!(
                matches!(launch_of_script(text), Launch::Unknown(_)),
                "{text}"
            );
        }
    }
}
