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
for words in (
    "pagination off",
    "confirm off",
    "breakpoint pending on",
    # else all are written and removed again at each step
    "breakpoint always-inserted on",
    # what a step would print is not read
    "print frame-info location",
):
    gdb.execute("set " + words)
gdb.execute("break main")
gdb.execute("run")
gdb.execute("delete")

def alive():
    return gdb.selected_inferior().pid != 0

# By page: no page holds code of two objects.
pages = {}

# Where the program stands. Asked once for each instruction: it is what takes time.
class Place:
    def __init__(self):
        self.frame = gdb.newest_frame()
        self.pc, self.sp, self.fp = map(self.value, ("rip", "rsp", "rbp"))

    def value(self, register):
        return int(self.frame.read_register(register)) & (1 << 64) - 1

    def in_shim(self):
        page = self.pc >> 12
        if page not in pages:
            pages[page] = "librseq_shim" in (gdb.solib_name(page << 12) or "")
        return pages[page]

def after(command):
    gdb.execute(command, to_string=True)
    return Place() if alive() else None

# A loop comes by the same places again, with the same frames below.
checked = set()

def check(place):
    key = place.pc, place.sp, place.fp
    if key in checked:
        return
    checked.add(key)
    names, frame = [], place.frame
    try:
        while frame is not None:
            # the debugger's guesses may come back from places without code
            named = frame.name() or gdb.solib_name(frame.pc())
            names.append(named or "nowhere")
            frame = frame.older()
    except gdb.error as error:
        names.append(str(error))
    if "main" not in names or "nowhere" in names:
        print("BROKEN", hex(place.pc), names)

# What the shim calls of the libc is left at once, to where it comes back to the shim, which
# for a walk is its callback, too.
callbacks = set()

def back(place):
    caller = place.frame.older()
    called = caller.read_register("rsp") - place.sp == 8
    if called and "iterate" in (place.frame.name() or ""):
        callback = place.value("rdi")
        if callback not in callbacks:
            callbacks.add(callback)
            gdb.execute("break *%d" % callback)
    gdb.execute("tbreak *%d" % caller.pc())
    return after("continue")

gdb.execute("break *HOOK")
place = after("continue")
seen = 0
while place:
    start = place.sp
    while place and place.sp <= start:
        if place.in_shim():
            seen += 1
            check(place)
            place = after("stepi")
        else:
            place = back(place)
    if place:
        place = after("continue")
print("SEEN", seen)
"#;
