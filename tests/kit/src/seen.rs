//! What tools see of a program that runs under them.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use crate::child::Program;
use crate::needs::program;
use crate::scratch;

/// A program under a tool: the words that start it, and the variables that the tool sets
/// for it alone.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a, W> {
    /// The words.
    pub words: &'a [W],
    /// The variables.
    pub variables: &'a [(&'static str, String)],
}

impl<W: AsRef<OsStr>> Watched<'_, W> {
    /// Returns the system calls after the first line that says "opened", without
    /// addresses (strace).
    ///
    /// # Errors
    ///
    /// There is no strace, or the program fails.
    pub fn calls(self) -> Result<Vec<String>, String> {
        let log = scratch::directory("calls")?.join("log");
        let mut strace = Program::new(program("strace")?).args(["-f", "-qq", "-s", "256", "-o"]);
        strace = strace.arg(&log);
        for (name, value) in self.variables {
            strace = strace.arg(format!("-E{name}={value}"));
        }
        strace.args(self.words).run()?.expect(0)?;
        let log = fs::read_to_string(&log).map_err(|error| error.to_string())?;
        let calls = log.lines().skip_while(|line| !line.contains("opened"));
        Ok(calls.skip(1).map(without_addresses).collect())
    }

    /// Goes through a function of the shim's instruction by instruction and looks from
    /// each of the shim's own for `main` (gdb). Returns how many there were; an error
    /// where `main` is not found.
    ///
    /// # Errors
    ///
    /// There is no gdb, the program fails, or a backtrace is broken.
    pub fn backtraces(self, function: &str) -> Result<u32, String> {
        let file = scratch::directory("steps")?.join("steps.py");
        let steps = STEPS.replace("HOOK", function);
        fs::write(&file, steps).map_err(|error| error.to_string())?;
        let mut gdb = Program::new(program("gdb")?).args(["-nx", "-q", "-batch"]);
        for (name, value) in self.variables {
            gdb = gdb.args(["-ex", &format!("set environment {name} {value}")]);
        }
        let gdb = gdb.arg("-x").arg(file).arg("--args").args(self.words);
        let found = gdb.limit(Duration::from_secs(300)).run()?.expect(0)?;
        let found = found.out + &found.err;
        let seen = found.lines().find_map(|line| line.strip_prefix("SEEN "));
        match seen.and_then(|seen| seen.parse().ok()) {
            Some(seen) if !found.contains("BROKEN") => Ok(seen),
            _ => Err(format!("{function}: {found}")),
        }
    }
}

fn without_addresses(line: &str) -> String {
    // its number comes first; random bytes are never the same
    let call = line.split_once(' ').map_or(line, |(_, call)| call).trim();
    if call.starts_with("getrandom(") {
        return "getrandom".to_owned();
    }
    let mut text = String::new();
    let mut rest = call;
    while let Some((before, after)) = rest.split_once("0x") {
        let end = after.find(|letter: char| !letter.is_ascii_hexdigit());
        let (digits, others) = after.split_at(end.unwrap_or(after.len()));
        text += before;
        text += if digits.len() > 6 { "ADDRESS" } else { digits };
        rest = others;
    }
    text + rest
}

/// What gdb is told.
const STEPS: &str = r#"
import gdb
for words in ("pagination off", "confirm off", "breakpoint pending on"):
    gdb.execute("set " + words)
gdb.execute("break main")
gdb.execute("run")
gdb.execute("delete")

def value(register):
    return int(gdb.parse_and_eval(register)) & (1 << 64) - 1

# A loop comes by the same places again, with the same frames below.
checked = set()

def is_whole():
    place = value("$pc"), value("$sp"), value("$rbp")
    if place in checked:
        return
    checked.add(place)
    names, frame = [], gdb.newest_frame()
    try:
        while frame is not None:
            # the debugger's guesses may come back from places without code
            named = frame.name() or gdb.solib_name(frame.pc())
            names.append(named or "nowhere")
            frame = frame.older()
    except gdb.error as error:
        names.append(str(error))
    if "main" not in names or "nowhere" in names:
        print("BROKEN", hex(value("$pc")), names)

def alive():
    return gdb.selected_inferior().pid != 0

# By page: no page holds code of two objects.
pages = {}

def in_shim():
    page = value("$pc") >> 12
    if page not in pages:
        pages[page] = "librseq_shim" in (gdb.solib_name(page << 12) or "")
    return pages[page]

# What the shim calls of the libc is left at once, but for the walk that calls back.
def step(start):
    was_in_shim = in_shim()
    gdb.execute("stepi", to_string=True)
    if not alive() or not was_in_shim or in_shim() or value("$sp") > start:
        return
    if "iterate" not in (gdb.newest_frame().name() or ""):
        gdb.execute("tbreak *%d" % gdb.newest_frame().older().pc())
        gdb.execute("continue", to_string=True)

gdb.execute("break *HOOK")
gdb.execute("continue")
seen = 0
while alive():
    start = value("$sp")
    while alive() and value("$sp") <= start:
        if in_shim():
            seen += 1
            is_whole()
        step(start)
    if alive():
        gdb.execute("continue", to_string=True)
print("SEEN", seen)
"#;
