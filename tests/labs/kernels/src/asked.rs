//! What is asked of the shim on other architectures. Every thread asks the kernel whether
//! it is registered, whatever has started it; libraries stay where they must.

use rseq_kit::runner::{Outcome, none_of};
use rseq_kit::world::GLIBC_OFF;

use crate::guest::{Command, Kernel, Machine, Results};
use crate::shim::{self, Code};

/// Who registers.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Nobody,
    Libc,
    /// The shim.
    Shim,
    /// The libc, and the shim stands by.
    Both,
    /// The shim, which takes over from the libc.
    TakeOver,
    /// The shim, which promotes definers besides.
    Enforcing,
    /// The shim, which starts the program once more where the libc is in the way.
    Restarting,
}
use Owner::{Both, Enforcing, Libc, Nobody, Restarting, Shim, TakeOver};

/// Who registers, what is run, and what it says.
static QUESTIONS: [(Owner, &str, &str); 58] = [
    (
        Libc,
        "census",
        "main foreign -; threads foreign 8; cpu 0 failed 0",
    ),
    (
        Nobody,
        "census",
        "main nobody -; threads nobody 8; cpu 0 failed 0",
    ),
    (
        Shim,
        "census",
        "main ours cpu; threads ours 8; cpu 8 failed 0",
    ),
    (
        Both,
        "census",
        "main foreign -1; threads foreign 8; cpu 0 failed 0",
    ),
    (
        TakeOver,
        "census",
        "main ours cpu; threads ours 8; cpu 8 failed 0",
    ),
    (Shim, "endings exit", "16 ended by pthread_exit"),
    (Shim, "endings cancel", "16 cancelled 16 cleaned up"),
    (Shim, "endings keys", "32 destructors"),
    (TakeOver, "endings cancel", "16 cancelled 16 cleaned up"),
    (Nobody, "unwound", "8 cleaned up, 8 traced"),
    (Shim, "unwound", "8 cleaned up, 8 traced"),
    (TakeOver, "unwound", "8 cleaned up, 8 traced"),
    (Nobody, "routes pthread_create", "8 begun; 0 registered"),
    (Shim, "routes pthread_create", "8 begun; 8 registered"),
    (
        Shim,
        "routes thrd_create",
        "8 results; 8 begun; 8 registered",
    ),
    (Shim, "routes timer_create", "8 begun; 8 registered"),
    (Shim, "routes mq_notify", "8 begun; 8 registered"),
    (Shim, "routes getaddrinfo_a", "8 begun; 8 registered"),
    (Nobody, "by-handle", "8 begun; 0 registered"),
    (Shim, "by-handle", "8 begun; 8 registered"),
    (Shim, "constructor", "8 begun; 8 registered"),
    (TakeOver, "constructor", "8 begun; 8 registered"),
    (
        Nobody,
        "next-indirect",
        "8 passed by; 16 begun; 0 registered",
    ),
    (
        Shim,
        "next-indirect",
        "8 passed by; 16 begun; 16 registered",
    ),
    (Shim, "step-back", "main 0 old 0 new 0"),
    (Shim, "swarm 100", "400 begun; 400 registered"),
    (Shim, "creators", ""),
    (Shim, "aio read", "begun 8 unchanged 8 registered 0 later 8"),
    (Shim, "aio list", "begun 9 unchanged 8 registered 0 later 9"),
    (Nobody, "adopter", "granted 9 already 0 refused 0 denied 0"),
    (Shim, "adopter", "granted 0 already 9 refused 0 denied 0"),
    (
        Restarting,
        "adopter",
        "granted 0 already 9 refused 0 denied 0",
    ),
    (Nobody, "linked", "granted 9 already 0 refused 0 denied 0"),
    (Shim, "linked", "granted 0 already 9 refused 0 denied 0"),
    (Shim, "hides", "granted 9 already 0 refused 0 denied 0"),
    (Libc, "adopts", "adopted 9 registered 0 refused 0"),
    // the shim leaves it to register its own, where the libc has none
    (Shim, "adopts", "adopted 0 registered 9 refused 0"),
    // its area is the libc's, so nobody switches that off
    (Restarting, "adopts", "adopted 9 registered 0 refused 0"),
    (Nobody, OPEN, "opened; not global; closed 0; not mapped"),
    (Both, OPEN, "opened; not global; closed 0; mapped"),
    (Shim, OPEN, "opened; not global; closed 0; mapped"),
    (Enforcing, OPEN, "opened; global; closed 0; mapped"),
    (Nobody, NEEDED, "opened; closed 0; not mapped; not mapped"),
    (Shim, NEEDED, "opened; closed 0; not mapped; mapped"),
    (Enforcing, NEEDED, "opened; closed 0; not mapped; mapped"),
    (
        Nobody,
        CLIENT,
        "registered; closed; not mapped; what came later is damaged",
    ),
    (
        Shim,
        CLIENT,
        "registered; closed; mapped; what came later is intact",
    ),
    (Nobody, SYSV, "opened; not global; closed 0; not mapped"),
    (Shim, SYSV, "opened; not global; closed 0; mapped"),
    (
        Nobody,
        LARGE,
        "/p/liblarge.so: cannot allocate memory in static TLS block",
    ),
    (Shim, LARGE, WHAT_WOULD_HELP),
    (Nobody, FAILS, NO_FILE),
    (Shim, FAILS, NO_FILE),
    (Enforcing, FAILS, NO_FILE),
    (Nobody, STRICT, "alive"),
    (Both, STRICT, "alive"),
    (Shim, STRICT, "alive"),
    (Enforcing, STRICT, "alive"),
];

const OPEN: &str = "driver open n /p/libdefiner.so global definer_cpu close mapped libdefiner";
const SYSV: &str = "driver open n /p/libsysv.so global definer_cpu close mapped libsysv";
const LARGE: &str = "driver open n /p/liblarge.so";
const WHAT_WOULD_HELP: &str = "/p/liblarge.so: cannot allocate memory in static TLS block \
    (start the program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=6528)";
const NEEDED: &str = "driver open n /p/libneeds.so close mapped libneeds mapped libdefiner";
const CLIENT: &str = "clients /p/libclient.so /p/libreuser.so main";
const FAILS: &str = "driver open n /p/none.so open n /p/libplain.so close mapped libplain";
const NO_FILE: &str = "/p/none.so: cannot open shared object file: No such file or directory; \
    opened; closed 0; not mapped";
const STRICT: &str = "hooks strict /p/libplain.so /p/libneeds.so /p/libdefiner.so";

/// Besides, on s390x: what timers are in programs of before glibc 2.3.3.
const OF_S390X: &[(Owner, &str, &str)] = &[
    (Nobody, "old-timer", "an int; expired: unregistered"),
    (Shim, "old-timer", "an int; expired: registered"),
];

/// All that is asked on a machine.
fn questions(
    machine: Machine,
) -> impl Iterator<Item = &'static (Owner, &'static str, &'static str)> {
    let own = (machine == Machine::S390x).then_some(OF_S390X);
    QUESTIONS.iter().chain(own.into_iter().flatten())
}

/// In MiB.
const MEMORY: u32 = 1024;

/// Asks everything of a kernel with pages of so many KiB, on the processor that qemu calls
/// so, of code that is compiled so.
///
/// # Errors
///
/// Something does not build, the machine does not start, its pages have another size, or
/// answers are wrong: all of them.
pub fn ask(kernel: Kernel, processor: Option<&str>, pages: u32, code: Code) -> Outcome {
    // larger pages take more memory
    let mut guest = shim::guest(kernel.machine, code)?.memory(MEMORY);
    if let Some(processor) = processor {
        guest = guest.processor(processor);
    }
    // ld.so tells what the kernel says
    guest = guest.run(command(Libc, "census").env("LD_SHOW_AUXV", "1"));
    for (owner, line, _) in questions(kernel.machine) {
        guest = guest.run(command(*owner, line));
    }
    guest.ask(&kernel, |answers| judge(answers, kernel.machine, pages))
}

/// What is wrong with the answers.
fn judge(answers: Results, machine: Machine, pages: u32) -> Outcome {
    let mut answers = answers.into_iter();
    let auxiliary = answers.next().ok_or("no answers")??.out;
    let size = auxiliary
        .lines()
        .find_map(|line| line.strip_prefix("AT_PAGESZ:"));
    if size.map(str::trim) != Some(&*(1024 * pages).to_string()) {
        return Err(format!("pages are not of {pages} KiB: {auxiliary}").into());
    }
    none_of(
        questions(machine)
            .zip(answers)
            .filter_map(|((owner, line, expected), answer)| {
                let said = match answer {
                    Ok(ended) => {
                        let out = ended.out.trim_end().replace('\n', "; ");
                        if ended.code() == 0 && ended.err.is_empty() && out == *expected {
                            return None;
                        }
                        format!("{} {out} {}", ended.status, ended.err)
                    }
                    Err(error) => error,
                };
                Some(format!(
                    "{owner:?}: {line}\n expected {expected}\n found    {said}"
                ))
            }),
    )
}

fn command(owner: Owner, line: &str) -> Command {
    let mut words = line.split(' ');
    let program = format!("/p/{}", words.next().unwrap_or_default());
    let mut command = Command::new(&program).args(words);
    if !matches!(owner, Libc | Both | TakeOver | Restarting) {
        command = command.env("GLIBC_TUNABLES", GLIBC_OFF);
    }
    if !matches!(owner, Nobody | Libc) {
        command = command.env("LD_PRELOAD", "/lib/librseq_shim.so");
    }
    match owner {
        TakeOver => command.env("RSEQ_SHIM_MODE", "takeover"),
        Enforcing => command.env("RSEQ_SHIM_LOADING", "enforce"),
        Restarting => command.env("RSEQ_SHIM_RESTART", "safe"),
        _ => command,
    }
}
