//! What the shim reads of its environment, and what it says about it.
//!
//! The kernel that it writes to is one of ours: it takes as many bytes at a time as it
//! is told to, and keeps them.

/// As the shim's, of what its texts need.
mod kernel {
    use std::cell::{Cell, RefCell};

    thread_local! {
        static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        static ANSWERS: RefCell<Vec<isize>> = const { RefCell::new(Vec::new()) };
        static DESCRIPTOR: Cell<i32> = const { Cell::new(-1) };
    }

    pub fn write_without_sigpipe(descriptor: i32, bytes: &[u8]) -> isize {
        DESCRIPTOR.set(descriptor);
        let answer = ANSWERS.with_borrow_mut(|all| (!all.is_empty()).then(|| all.remove(0)));
        let answer = answer.unwrap_or(isize::MAX).min(bytes.len() as isize);
        if let Some(taken) = usize::try_from(answer).ok().and_then(|it| bytes.get(..it)) {
            SAID.with_borrow_mut(|said| said.extend(taken));
        }
        answer
    }

    pub fn getcwd(buffer: &mut [u8]) -> isize {
        let path = b"/here\0";
        buffer[..path.len()].copy_from_slice(path);
        path.len() as isize
    }

    /// What the next calls answer at most.
    pub fn answers(answers: &[isize]) {
        ANSWERS.set(answers.to_vec());
    }

    /// What was written since the last time, and where to.
    pub fn said() -> (i32, String) {
        let text = String::from_utf8(SAID.take()).expect("text");
        (DESCRIPTOR.replace(-1), text)
    }
}

/// As the shim's, with an environment of our choice.
mod process {
    use std::ffi::CStr;

    pub struct Process {
        pub is_secure: bool,
        pub variables: Vec<&'static CStr>,
    }

    impl Process {
        pub fn is_secure(&self) -> bool {
            self.is_secure
        }

        pub fn each_variable(&self, prefix: &[u8], visit: impl FnMut(&'static CStr)) {
            let all = self.variables.iter().copied();
            all.filter(|it| it.to_bytes().starts_with(prefix))
                .for_each(visit);
        }
    }
}

#[path = "../../../../loader-shim/shim/src/environment.rs"]
mod environment;
#[path = "../../../../loader-shim/shim/src/text.rs"]
mod text;

use std::ffi::CStr;

use environment::{Environment, LEDGER_PATH, LOG_PATH, Loading, Log, REPORT_PATH};
use process::Process;
use text::Text;
use tls_model::owner::Mode;
use tls_model::protocol::restart::Permission;

/// What is read of these variables, and what is said.
fn read(variables: &[&'static CStr]) -> (Environment, String) {
    let process = Process {
        is_secure: false,
        variables: variables.to_vec(),
    };
    let environment = Environment::read(&process);
    let (descriptor, said) = kernel::said();
    assert_eq!(descriptor, if said.is_empty() { -1 } else { 2 });
    (environment, said)
}

#[track_caller]
fn is_default(environment: &Environment) {
    assert!(environment.mode == Mode::Auto);
    assert!(environment.loading == Loading::Keep);
    assert!(environment.log == Log::Off);
    assert!(environment.plan.is_none() && environment.restart.is_none());
}

#[test]
fn nothing_is_asked_for() {
    let others = [
        c"PATH=/bin",
        c"RSEQ_SHIMMODE=off",
        c"NOT_RSEQ_SHIM_MODE=off",
    ];
    let (environment, said) = read(&others);
    is_default(&environment);
    assert_eq!(said, "");
}

#[test]
fn every_mode() {
    for (variable, mode) in [
        (c"RSEQ_SHIM_MODE=auto", Mode::Auto),
        (c"RSEQ_SHIM_MODE=own", Mode::Own),
        (c"RSEQ_SHIM_MODE=defer", Mode::Defer),
        (c"RSEQ_SHIM_MODE=takeover", Mode::Takeover),
        (c"RSEQ_SHIM_MODE=off", Mode::Off),
    ] {
        let (environment, said) = read(&[variable]);
        assert!(environment.mode == mode, "{variable:?}");
        assert_eq!(said, "");
    }
}

#[test]
fn every_loading() {
    for (variable, loading) in [
        (c"RSEQ_SHIM_LOADING=keep", Loading::Keep),
        (c"RSEQ_SHIM_LOADING=enforce", Loading::Enforce),
        (c"RSEQ_SHIM_LOADING=warn", Loading::Warn),
        (c"RSEQ_SHIM_LOADING=off", Loading::Off),
    ] {
        // the last one holds
        let (environment, said) = read(&[c"RSEQ_SHIM_LOADING=warn", variable]);
        assert!(environment.loading == loading, "{variable:?}");
        assert_eq!(said, "");
    }
}

#[test]
fn logs_that_are_no_files() {
    let (environment, said) = read(&[c"RSEQ_SHIM_LOG=stderr"]);
    assert!(environment.log == Log::Stderr);
    let (environment, more) = read(&[c"RSEQ_SHIM_LOG=stderr", c"RSEQ_SHIM_LOG=off"]);
    assert!(environment.log == Log::Off);
    assert_eq!((&*said, &*more), ("", ""));
}

#[test]
fn what_is_wrong_is_said_and_the_default_holds() {
    for (variable, words) in [
        (
            c"RSEQ_SHIM_MODE=Own",
            "is not one of auto, own, defer, takeover, off; taking auto",
        ),
        (
            c"RSEQ_SHIM_MODE=",
            "is not one of auto, own, defer, takeover, off; taking auto",
        ),
        (
            c"RSEQ_SHIM_LOADING=on",
            "is not one of keep, enforce, warn, off; taking keep",
        ),
        (
            c"RSEQ_SHIM_LOG=file",
            "is not off, stderr or a path with a slash; taking off",
        ),
        (c"RSEQ_SHIM_REPORT=", "names no file; writing no report"),
        (
            c"RSEQ_SHIM_MOD=own",
            "is not a variable of the shim; ignored",
        ),
    ] {
        let (environment, said) = read(&[variable]);
        is_default(&environment);
        let name = variable.to_str().expect("text");
        assert_eq!(said, format!("librseq_shim: {name} {words}\n"));
    }
    // what is handed over by another release is left alone, and a name is a name only
    // with its value
    for variable in [
        c"RSEQ_SHIM_PLAN=999:of another release",
        c"RSEQ_SHIM_RESTART=what",
        c"RSEQ_SHIM_LEDGER=",
        c"RSEQ_SHIM_MODE",
    ] {
        let (environment, said) = read(&[variable]);
        is_default(&environment);
        assert_eq!(said, "", "{variable:?}");
    }
}

#[test]
fn what_is_handed_over() {
    let (environment, said) = read(&[c"RSEQ_SHIM_RESTART=safe:tuned"]);
    let handed = environment.restart.expect("it was handed over");
    assert!(handed.permission == Permission::Safe && handed.is_tuned);
    assert_eq!(said, "");
}

#[test]
fn a_privileged_program_is_not_steered() {
    let process = Process {
        is_secure: true,
        variables: vec![
            c"RSEQ_SHIM_MODE=own",
            c"RSEQ_SHIM_LOADING=off",
            c"RSEQ_SHIM_X=1",
        ],
    };
    let environment = Environment::read(&process);
    assert!(environment.mode == Mode::Defer);
    assert!(environment.loading == Loading::Keep);
    assert_eq!(kernel::said(), (-1, String::new()));
}

/// All that stores paths, as each place takes one once.
#[test]
fn paths_are_kept_and_made_absolute() {
    let (_, said) = read(&[c"RSEQ_SHIM_LEDGER="]);
    assert_eq!(said, "");
    assert!(LEDGER_PATH.get().is_none(), "it names no file");
    assert!(LOG_PATH.get().is_none() && REPORT_PATH.get().is_none());
    let (environment, said) = read(&[
        c"RSEQ_SHIM_LOG=./log",
        c"RSEQ_SHIM_REPORT=/a/report=1",
        c"RSEQ_SHIM_LEDGER=ledger",
    ]);
    assert!(environment.log == Log::File);
    assert_eq!(LOG_PATH.get(), Some(c"/here/./log"));
    assert_eq!(REPORT_PATH.get(), Some(c"/a/report=1"));
    assert_eq!(LEDGER_PATH.get(), Some(c"/here/ledger"));
    assert_eq!(said, "");
}

#[test]
fn text_is_cut_off_where_the_buffer_ends() {
    let mut text = Text::<8>::new();
    assert_eq!(text.as_bytes(), b"");
    text.push(b"abc").push(b"").push(b"def");
    assert_eq!(text.as_bytes(), b"abcdef");
    text.push(b"ghi").push(b"j");
    assert_eq!(text.as_bytes(), b"abcdefgh");
    text.clear();
    assert_eq!(text.as_bytes(), b"");
    text.push(b"z");
    assert_eq!(text.as_bytes(), b"z");
}

#[test]
fn numbers_are_decimal() {
    for number in [0, 7, 10, 99, 100, 12_345, u64::MAX / 10, u64::MAX] {
        let mut text = Text::<32>::new();
        text.push(b"=").push_number(number);
        assert_eq!(text.as_bytes(), format!("={number}").as_bytes());
    }
}

#[test]
fn all_of_a_line_is_written() {
    const INTERRUPTED: isize = -libc::EINTR as isize;
    const NOBODY_READS: isize = -libc::EPIPE as isize;

    let mut line = Text::<16>::new();
    line.push(b"a line\n");
    for (answers, written) in [
        (&[][..], "a line\n"),
        (&[2, 1, 3], "a line\n"),
        (&[INTERRUPTED, 3, INTERRUPTED], "a line\n"),
        // nobody takes more
        (&[3, NOBODY_READS], "a l"),
        (&[3, 0], "a l"),
    ] {
        kernel::answers(answers);
        line.write_to(5);
        assert_eq!(kernel::said(), (5, written.to_owned()), "{answers:?}");
    }
    Text::<16>::new().write_to(5);
    assert_eq!(kernel::said(), (-1, String::new()));
}
