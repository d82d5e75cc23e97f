//! A host with 300 processes, of which one is a server that was refused: who follows what
//! the doctor proposes first finds it on the first screen of a terminal (pty(7)).
//!
//! The screens are those of `docs/first-steps.md`; `UPDATE_GOLDEN` writes them there.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::{artifacts, workspace};
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};

const NEEDS: [Need; 4] = [
    Need::ROOT,
    Need::MOUNT_NAMESPACE,
    Need::new(&Tool("script")),
    Need::new(&Tool("ps")),
];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Runs as the first process of a namespace of its own. `$1` is the server, `$2` rseqctl.
/// `script` gives the command a terminal; its rows are those of a screen.
const HOST: &str = r#"
    mount -t tmpfs none /srv
    cd /srv
    cp "$1" server
    rseqctl=$2
    mkfifo input output still
    exec 9<>still
    several() {
        count=$1
        shift
        while [ "$count" -gt 0 ]; do
            "$@" <&9 >/dev/null &
            count=$((count - 1))
        done
    }
    several 70 sleep 1000
    several 60 tail -f /dev/null
    several 40 cat
    several 20 sh -c 'read -r line; exit'
    several 10 "$rseqctl" run -- sleep 1000
    /srv/server --port 8080 <input >output &
    exec 8>input
    read -r ready <output
    # this shell is one of them
    several 98 sleep 1000
    # until each has executed its program, and what prepared that is gone
    while ps -eo args= | grep -c '^sh -euc\|rseqctl' | grep -qvx '[123]'; do sleep 0.1; done
    echo "processes $(ls -d /proc/[0-9]* | wc -l)"
    on_terminal() {
        echo "== $*"
        columns=$1
        shift
        # a busy machine shows the doctor less than everything in time, which is 3
        script -qec "stty cols $columns rows 24; $*" /dev/null </dev/null || test $? = 3
    }
    # as somebody types it, whose rseqctl is in the path
    mkdir bin
    ln -s "$rseqctl" bin/rseqctl
    export PATH=/srv/bin:$PATH NO_COLOR=1 TERM=xterm
    on_terminal 80 rseqctl doctor
    proposed=$(rseqctl doctor --seconds 20 --fail-on never | sed -n 's/^  \(rseqctl .*[^ ]\)   .*/\1/p' | head -1)
    on_terminal 80 $proposed
    on_terminal 120 $proposed
"#;

const ROWS: usize = 24;

/// A command on a terminal, and what it has written there.
struct Shown {
    columns: usize,
    command: String,
    screen: String,
}

fn screens() -> Result<Vec<Shown>, String> {
    let told = Program::new(program("unshare")?)
        .args(["--mount", "--pid", "--fork", "--mount-proc"])
        .args(["sh", "-euc", HOST, "sh"])
        .arg(built("addresses", "exports")?)
        .arg(&artifacts()?.rseqctl)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    let out = told.out.replace('\r', "");
    let mut parts = out.split("== ");
    let first = parts.next().unwrap_or_default();
    let processes = first
        .lines()
        .find_map(|line| line.strip_prefix("processes "));
    let processes: usize = processes
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| format!("{out}{}", told.err))?;
    // `ls` and the shell that starts it are two more
    if !(300..=303).contains(&processes) {
        return Err(format!("{processes} processes"));
    }
    let shown = |part: &str| {
        let (head, screen) = part.split_once('\n')?;
        let (columns, command) = head.split_once(' ')?;
        Some(Shown {
            columns: columns.parse().ok()?,
            command: command.to_owned(),
            screen: screen.to_owned(),
        })
    };
    let shown: Option<Vec<_>> = parts.map(shown).collect();
    shown.ok_or_else(|| format!("{out}{}", told.err))
}

#[rseq_kit::test(Need::LIVE, NEEDS)]
fn the_refused_server_is_found_on_the_first_screen() -> Outcome {
    let screens = screens()?;
    let [doctor, narrow, wide] = &screens[..] else {
        return Err(format!("{} screens", screens.len()).into());
    };
    // named before anything else, and nobody else is
    let first = doctor.screen.split("\n\n").next().unwrap_or_default();
    let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = "1 running program is refused the registration that it brings: server (";
    let (_, rest) = words.split_once(start).ok_or_else(|| first.to_owned())?;
    let (pid, _) = rest.split_once(')').ok_or_else(|| first.to_owned())?;
    let row = |line: &str| {
        line.split_whitespace().next() == Some(pid) && line.ends_with("/srv/server --port 8080")
    };
    for shown in [narrow, wide] {
        assert_eq!(shown.command, "rseqctl ps --problems");
        let lines: Vec<_> = shown.screen.lines().collect();
        let screen = &lines[..lines.len().min(ROWS)];
        assert!(screen.iter().any(|line| row(line)), "{}", shown.screen);
        assert!(
            screen.join("\n").contains("start it again"),
            "{}",
            shown.screen
        );
    }
    for shown in &screens {
        let is_wide = |line: &&str| line.chars().count() > shown.columns;
        let wide: Vec<_> = shown.screen.lines().filter(is_wide).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
    in_the_page(&screens, pid)
}

/// The heading of the page below which the screens stand.
const HEADING: &str = "## On a host with 300 processes\n";

/// Compares the screens with those of the page; the process has another id each time.
fn in_the_page(screens: &[Shown], pid: &str) -> Outcome {
    let path = workspace().join("docs/first-steps.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(HEADING).ok_or("no such heading")?;
    let (section, after) = rest.split_once("\n## ").ok_or("no heading behind it")?;
    let prose = section.split("\n    $").next().unwrap_or_default();
    let mut text = format!("{before}{HEADING}{}\n", prose.trim_end());
    for shown in screens {
        let _ = write!(text, "\n    $ {}", shown.command);
        let screen = shown.screen.replace(pid, &"2044"[..pid.len().min(4)]);
        if shown.command.ends_with("doctor") {
            // what is said about this kernel and libc is another page's
            let parts: Vec<_> = screen.split("\n\n").collect();
            let (first, last) = (parts.first(), parts.last());
            for part in [first, Some(&"..."), last].into_iter().flatten() {
                indented(&mut text, part);
            }
        } else {
            indented(&mut text, &screen);
        }
        text.push('\n');
    }
    let _ = write!(text, "\n## {after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text)?;
    } else {
        assert!(
            page == text,
            "docs/first-steps.md is out of date: cargo xtask golden\n{text}"
        );
    }
    Ok(())
}

fn indented(text: &mut String, part: &str) {
    for line in part.trim_end().lines() {
        let line = format!("    {line}");
        let _ = write!(text, "\n{}", line.trim_end());
    }
}
