//! What is started below the command: the right owner in each program, and an
//! environment that nobody notices.

use std::fs;
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::{BUILDS, holds, run};

const GRANTED: &str = "granted 9 already 0 refused 0 denied 0\n";
const REFUSED: &str = "granted 0 already 0 refused 9 denied 0\n";
const ADOPTED: &str = "granted 0 already 9 refused 0 denied 0\n";

fn client() -> Result<String, String> {
    Ok(built("adopter", "hides")?.display().to_string())
}

/// Runs a script of the shell below the command, which sees the shell alone.
fn script(text: &str) -> Result<Program, String> {
    run(&[], &["bash", "-c", &format!("{text}\n:")])
}

/// Each program below gets the owner that it needs, and those around it keep theirs.
#[rseq_kit::test(BUILDS)]
fn each_its_own() -> Outcome {
    let client = client()?;
    let adopter = built("adopter", "exports")?.display().to_string();
    let nothing = built("nothing", "default")?.display().to_string();
    let text = format!("{nothing}; {client}; {adopter}; nice {client}; {nothing}");
    let finished = script(&text)?
        .env("RSEQ_SHIM_LOG", "stderr")
        .run()?
        .expect(0)?;
    assert_eq!(finished.out, [GRANTED, ADOPTED, GRANTED].concat());
    let owners: Vec<_> = finished
        .err
        .lines()
        .filter_map(|line| line.split_once(": owner ")?.1.split_once(':'))
        .map(|(owner, _)| owner)
        .collect();
    let expected = [
        "libc", "libc", "client", "adopter", "libc", "client", "libc",
    ];
    // nice becomes the client; the shell comes first
    assert_eq!(owners, expected, "{}", finished.err);
    // without the shim's leave, or against the user's word, nothing is started anew
    let finished = script(&client)?.env("RSEQ_SHIM_RESTART", "off").run()?;
    assert_eq!(finished.out, REFUSED);
    let tunables = ("GLIBC_TUNABLES", "glibc.pthread.rseq=1");
    let finished = script(&client)?.env(tunables.0, tunables.1).run()?;
    assert_eq!((&*finished.out, &*finished.err), (REFUSED, ""));
    let finished = run(
        &["--mode", "defer"],
        &["bash", "-c", &format!("{client}\n:")],
    )?
    .run()?;
    assert_eq!((&*finished.out, &*finished.err), (REFUSED, ""));
    Ok(())
}

/// What the libc was told for one program's sake is inherited by nobody, and what
/// the user has set by everybody.
#[rseq_kit::test(BUILDS)]
fn environment_is_the_users() -> Outcome {
    let show = "env | grep -e TUNABLES -e RESTART";
    let client = built("hidden-by-instruction", "default")?;
    let client = client.to_str().ok_or("a path that is no text")?;
    for (command, out) in [
        (vec![client, "sh", "-c", show], ""),
        (vec!["nice", client, "sh", "-c", show], ""),
        (vec![client, client, "sh", "-c", show], "granted\n"),
    ] {
        let finished = run(&[], &command)?.run()?.expect(0)?;
        let expected = format!("granted\n{out}GLIBC_TUNABLES=\nRSEQ_SHIM_RESTART=safe\n");
        let lines = |text: &str| {
            let mut lines: Vec<_> = text
                .lines()
                .filter(|line| *line != "GLIBC_TUNABLES=")
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&finished.out), lines(&expected), "{command:?}");
        let finished = run(&[], &command)?
            .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=7")
            .run()?
            .expect(0)?;
        holds(
            &finished.out,
            &["\nGLIBC_TUNABLES=glibc.malloc.tcache_count=7\n"],
        )?;
    }
    Ok(())
}

/// A program that inherits a tunable that was set for another one's sake (from a
/// static launcher, say) gets its libc's registration back, and one that the user has
/// set stays.
#[rseq_kit::test(BUILDS)]
fn way_back() -> Outcome {
    const OFF: &str = "glibc.pthread.rseq=0";

    let census = built("census", "default")?.display().to_string();
    let shim = artifacts()?.shim.display().to_string();
    let start = |restart: &str, tunables: &str| {
        Program::new(&census)
            .env("LD_PRELOAD", &shim)
            .env("RSEQ_SHIM_RESTART", restart)
            .env("GLIBC_TUNABLES", tunables)
            .run()?
            .expect(0)
    };
    // the libc's area is none of those that the census knows
    for (restart, tunables, holder) in [
        ("safe:tuned", OFF, "foreign"),
        ("unsafe:tuned", OFF, "foreign"),
        (
            "safe:tuned",
            "glibc.malloc.tcache_count=7:glibc.pthread.rseq=0",
            "foreign",
        ),
        ("safe", OFF, "ours"),
        ("off:tuned", OFF, "ours"),
        ("safe:tuned:again=1", OFF, "foreign"),
    ] {
        let finished = start(restart, tunables)?;
        let expected = format!("threads {holder} 8\n");
        assert!(
            finished.out.contains(&expected),
            "{restart}: {}",
            finished.out
        );
        assert_eq!(finished.err, "", "{restart}");
    }
    Ok(())
}

/// Where it must not be done, or cannot, that is said in one line.
#[rseq_kit::test(BUILDS, Need::PTRACE)]
fn said() -> Outcome {
    let client = client()?;
    let direct = |restart: &str| {
        Ok::<_, String>(
            Program::new(&client)
                .env("LD_PRELOAD", &artifacts()?.shim)
                .env("RSEQ_SHIM_RESTART", restart),
        )
    };
    let expect = |finished: Finished, word: &str| {
        assert_eq!(finished.out, REFUSED, "{word}");
        assert_eq!(finished.err.lines().count(), 1, "{}", finished.err);
        holds(
            &finished.err,
            &["librseq_shim: ", "its own rseq is refused", word],
        )
    };
    expect(direct("unsafe")?.run()?, "corrupt memory")?;
    let finished = script(&format!("/lib64/ld-linux-x86-64.so.2 {client}"))?.run()?;
    expect(finished, "ld.so was executed")?;
    let traced = direct("safe")?.trace()?.finish()?;
    expect(traced.finished, "traced")?;
    // what run has looked at is started anew all the same
    assert_eq!(direct("safe")?.run()?.expect(0)?.out, GRANTED);
    Ok(())
}

/// A program that tells what an exec keeps: it defines an area that nobody sees, so
/// that it is started anew.
const LOOK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/auxv.h>
#include <sys/stat.h>
extern const unsigned __rseq_size;
__attribute__((visibility("hidden"), aligned(32))) __thread unsigned __rseq_abi[8] = { 0, -1U };
__asm__(".pushsection __rseq_cs, \"aw\"\n.balign 32\n.fill 4, 8, 0\n.popsection");
static void show(const char *path, const char *const *words)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	while (fgets(line, sizeof line, file)) {
		const char *const *word = words;
		while (word && *word && strncmp(line, *word, strlen(*word)))
			word++;
		if (!word || *word)
			printf("%s: %s", path, line);
	}
	fclose(file);
}
static int is_tuned(void)
{
	// what /proc shows, to rseqctl ps among others
	static char bytes[1 << 16];
	FILE *file = fopen("/proc/self/environ", "r");
	size_t length = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	return memmem(bytes, length, "glibc.pthread.rseq", 18) != 0;
}
int main(int argc, char **argv)
{
	static const char *const kept[] = { "Name", "Umask", "Uid", "Gid", "Groups", "NoNewPrivs",
		"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "Cap", "Cpus_allowed",
		"Seccomp", 0 };
	if (getenv("TELL"))
		fprintf(stderr, "%s", __rseq_size ? "libc" : "client");
	for (int i = 0; i < argc; i++)
		printf("argument %s\n", argv[i]);
	printf("executed %s\n", (char *)getauxval(AT_EXECFN));
	show("/proc/self/status", kept);
	show("/proc/self/limits", 0);
	show("/proc/self/personality", 0);
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d flags %x\n", fd, fcntl(fd, F_GETFL));
	printf("tuned %d\n", is_tuned());
	char folder[4096];
	printf("folder %s leader %d session %d nice %d area %u\n", getcwd(folder, sizeof folder),
		getpgrp() == getpid(), getsid(0) == getpid(), nice(0), __rseq_abi[0] & 0);
	return 0;
}
"#;

/// A tracer that detaches as soon as its child waits. It starts the given program, traced
/// from its first instruction, and exits with its status.
const GLANCE: &str = r#"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int waits(pid_t child)
{
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/%d/syscall", child);
	int file = open(path, O_RDONLY);
	if (file < 0)
		return 0;
	if (read(file, text, sizeof text - 1) < 0)
		text[0] = 0;
	close(file);
	return atoi(text) == SYS_clock_nanosleep;
}
int main(int argc, char **argv)
{
	int go[2], status, is_traced = 1;
	char byte = 0;
	if (argc < 2 || pipe(go))
		return 99;
	pid_t child = fork();
	if (!child) {
		if (read(go[0], &byte, 1) == 1)
			execv(argv[1], argv + 1);
		_exit(98);
	}
	if (ptrace(PTRACE_SEIZE, child, 0, 0) || write(go[1], &byte, 1) != 1)
		return 97;
	for (;;) {
		pid_t seen = waitpid(child, &status, is_traced ? WNOHANG : 0);
		if (seen < 0)
			return 96;
		if (seen && !WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : 95;
		if (seen) {
			ptrace(PTRACE_DETACH, child, 0, 0);
			is_traced = 0;
		} else if (is_traced == 1 && waits(child)) {
			ptrace(PTRACE_INTERRUPT, child, 0, 0);
			is_traced = 2;
		} else {
			usleep(200);
		}
	}
}
"#;

/// Somebody may be looking at it just then, as `rseqctl ps` does: a tracer that has left
/// is no debugger.
#[rseq_kit::test(BUILDS, Need::PTRACE)]
fn looked_at() -> Outcome {
    let finished = Program::new(compiled("glance", GLANCE)?)
        .arg(client()?)
        .env("LD_PRELOAD", &artifacts()?.shim)
        .env("RSEQ_SHIM_RESTART", "safe")
        .run()?;
    assert_eq!((&*finished.out, &*finished.err), (GRANTED, ""));
    finished.expect(0)?;
    Ok(())
}

/// Compiles a C program. Returns its path.
fn compiled(name: &str, text: &str) -> Result<PathBuf, String> {
    let folder = scratch::directory(name)?;
    let (source, out) = (folder.join(format!("{name}.c")), folder.join(name));
    fs::write(&source, text).map_err(|error| error.to_string())?;
    Program::with_callers_environment(program("cc")?)
        .arg("-o")
        .args([&out, &source])
        .run()?
        .expect(0)?;
    Ok(out)
}

/// The second exec leaves everything as the first one did: compared with a start
/// without the command.
#[rseq_kit::test(BUILDS)]
fn as_the_first_exec_left_it() -> Outcome {
    let look = compiled("look", LOOK)?;
    let folder = look.parent().unwrap_or(Path::new("/"));
    fs::write(
        folder.join("script"),
        format!("#!{} word\n", look.display()),
    )
    .map_err(|error| error.to_string())?;
    let place = folder.display().to_string();
    for command in [
        "exec PLACE/look a 'b  c' ''",
        "exec -a another PLACE/look a",
        "ln -sf look PLACE/link; exec PLACE/link a",
        "cd PLACE; exec ./look a",
        "exec setsid -w PLACE/look",
        "exec nice -n 3 PLACE/look",
        "exec setarch -R PLACE/look",
        "chmod +x PLACE/script; exec PLACE/script a b",
        "cp PLACE/look PLACE/gone; exec 6<PLACE/gone; rm PLACE/gone; exec /proc/self/fd/6 x",
    ] {
        let text = format!(
            "cd /; ulimit -n 99; umask 027; trap '' USR1; exec 7</etc/passwd 9>>/dev/null\n\
             export TELL=1\n{}",
            command.replace("PLACE", &place)
        );
        let plain = Program::new("bash").args(["-c", &text]).run()?.expect(0)?;
        let below = run(&[], &["bash", "-c", &text])?.run()?.expect(0)?;
        assert_eq!((&*plain.err, &*below.err), ("libc", "client"), "{command}");
        let is_unnamed = command.contains("script") || command.contains("gone");
        let lines = |text: &str| {
            let lines = text
                .lines()
                .filter(|it| !is_unnamed || !it.starts_with("executed "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(&below.out), lines(&plain.out), "{command}");
    }
    Ok(())
}
