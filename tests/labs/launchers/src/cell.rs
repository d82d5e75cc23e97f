//! One cell of the table: a program below a launcher below `rseqctl run`.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::needs::program;
use rseq_kit::patience::stretched;
use rseq_lab::files::{files, folder, open_to_all};

use crate::launcher::{Launcher, Reaches};
use crate::program::Subject;
use crate::seen::{Seen, family, has_glibc, is_told, is_tuned};

/// How long a program may take until it is as it should be.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what is seen of a program that starts has to stay the same.
const STEADY: Duration = Duration::from_millis(300);

/// The file of the programs that a launcher starts beside the one that matters.
const BESIDE: &str = "plain";

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It is as it should be.
    Right(Seen),
    /// It is not, and how.
    Wrong(String),
}

/// Starts the program and looks at it.
///
/// # Errors
///
/// It could not be tried.
pub fn look(launcher: &Launcher, subject: Subject) -> Result<Cell, String> {
    let as_without = match (launcher.reaches, subject.owner()) {
        (Reaches::Program, Some(_)) => None,
        _ => Some(Started::new(None, subject)?.seen_when_ready(subject)?),
    };
    let expected = as_without.as_ref().map_or_else(
        || subject.owner().unwrap_or_default().to_owned(),
        |seen| seen.owner.clone(),
    );
    let is_it = |seen: &Seen| match &as_without {
        // a server has more threads at one time than at another
        Some(without) => seen.owner == without.owner && seen.is_whole() == without.is_whole(),
        None => seen.owner == expected && seen.is_whole(),
    };
    let started = Started::new(Some(launcher), subject)?;
    let end = Instant::now() + stretched(PATIENCE);
    loop {
        // around it others start as well: what is seen too early is looked at again
        let why = match started.seen(subject) {
            Ok(seen) if is_it(&seen) && seen.threads >= subject.threads() => {
                match started.wrong_around(subject, launcher.beside) {
                    None => return Ok(Cell::Right(seen)),
                    Some(what) => what,
                }
            }
            Ok(seen) => format!("{seen}, expected {expected}"),
            Err(error) => error,
        };
        if Instant::now() > end {
            let (out, said) = started.running.output();
            return Ok(Cell::Wrong(format!("{why}: {out} {said}")));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// A program that has been started.
struct Started {
    running: rseq_kit::child::Running,
    folder: PathBuf,
    rseqctl: PathBuf,
    file: PathBuf,
    /// Held open, so that the programs wait.
    waits: Vec<File>,
}

impl Started {
    /// Starts it below a launcher below `rseqctl run`, or by itself.
    fn new(launcher: Option<&Launcher>, subject: Subject) -> Result<Self, String> {
        let folder = folder("cell")?;
        open_to_all(&folder)?;
        let waits = ["wait", "wait-one", "wait-two"]
            .iter()
            .map(|name| fifo(&folder.join(name)))
            .collect::<Result<_, _>>()?;
        let file = subject.file()?;
        let rseqctl = files()?.rseqctl.clone();
        let mut words = vec![file.display().to_string()];
        words.extend(subject.arguments(&folder.join("wait"))?);
        let command = match launcher {
            None => words,
            Some(launcher) => {
                let mut command = vec![
                    rseqctl.display().to_string(),
                    "run".to_owned(),
                    "--".to_owned(),
                ];
                command.extend(spelled(launcher, &folder, &rseqctl, &words)?);
                command
            }
        };
        let [first, rest @ ..] = &command[..] else {
            return Err("no command".to_owned());
        };
        let running = Program::new(first)
            .args(rest)
            .limit(Duration::from_secs(120))
            .start()?;
        Ok(Self {
            running,
            folder,
            rseqctl,
            file,
            waits,
        })
    }

    /// Returns the program's process, and those around it with their files.
    fn processes(&self) -> (Option<i32>, Vec<(i32, String)>) {
        let token = self.folder.join("wait").display().to_string();
        let file = self.file.display().to_string();
        let is_it = |id: i32, executable: &str| {
            executable == file && is_told(id, &token) && !is_told(id, &format!("{token}-"))
        };
        let mut others = Vec::new();
        let mut found = None;
        for (id, executable) in family(self.running.id()) {
            if is_it(id, &executable) {
                found = Some(id);
            } else {
                others.push((id, executable));
            }
        }
        (found, others)
    }

    fn seen(&self, subject: Subject) -> Result<Seen, String> {
        let (found, _) = self.processes();
        let process = found.ok_or_else(|| format!("{} is not there", subject.name()))?;
        Seen::of(&self.rseqctl, process)
    }

    /// Looks at it until it has been the same for a while.
    fn seen_when_ready(&self, subject: Subject) -> Result<Seen, String> {
        let end = Instant::now() + stretched(PATIENCE);
        let mut last = None;
        loop {
            match self.seen(subject) {
                Ok(seen) if seen.threads >= subject.threads() => match &last {
                    Some((before, since)) if *before == seen => {
                        if Instant::now() > *since + STEADY {
                            return Ok(seen);
                        }
                    }
                    _ => last = Some((seen, Instant::now())),
                },
                other if Instant::now() > end => return other,
                _ => {}
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns what is wrong around the program: another owner than the libc, a thread that
    /// is not registered, a setting that was for the program alone, or a program beside it
    /// that is not there.
    fn wrong_around(&self, subject: Subject, beside: usize) -> Option<String> {
        let (found, others) = self.processes();
        if let Some(id) = found.filter(|&id| is_tuned(id)) {
            return Some(format!("the program's environment (process {id}) is tuned"));
        }
        let plain = self.folder.join(BESIDE).display().to_string();
        let mut ready = 0;
        for (id, executable) in others {
            if is_tuned(id) {
                return Some(format!("process {id} beside {} is tuned", subject.name()));
            }
            // one that has ended meanwhile is not beside it
            let Ok(seen) = Seen::of(&self.rseqctl, id) else {
                continue;
            };
            let is_the_libcs = seen.owner == "libc" && seen.is_whole();
            // one without libc.so may have glibc inside
            let is_right = is_the_libcs || !has_glibc(id) && seen.registered == 0;
            if !is_right {
                return Some(format!("process {id} ({executable}) beside it: {seen}"));
            }
            ready += usize::from(executable == plain && seen.threads == Subject::Plain.threads());
        }
        (ready != beside).then(|| format!("{ready} of {beside} programs beside it are ready"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // those that wait go by themselves, and others when they are told
        self.waits.clear();
        let (found, others) = self.processes();
        for id in found
            .into_iter()
            .chain(others.into_iter().map(|(id, _)| id))
        {
            if let Ok(kill) = program("kill") {
                let _ = Program::new(kill).arg(id.to_string()).run();
            }
        }
    }
}

/// Returns a launcher's words with the program's in their place.
fn spelled(
    launcher: &Launcher,
    folder: &Path,
    rseqctl: &Path,
    program: &[String],
) -> Result<Vec<String>, String> {
    let text = |path: &Path| path.display().to_string();
    let mut words = Vec::new();
    for word in launcher.words {
        match *word {
            "@" => words.extend(program.iter().cloned()),
            "RSEQCTL" => words.push(text(rseqctl)),
            "ENV" => words.push(text(&setuid_env(folder)?)),
            other => words.push(other.replace("FOLDER", &text(folder))),
        }
    }
    let plain = folder.join(BESIDE);
    if words.iter().any(|word| word.contains(&text(&plain))) {
        executable::copied(Subject::Plain.file()?, &plain, 0o755)?;
    }
    Ok(words)
}

fn setuid_env(folder: &Path) -> Result<PathBuf, String> {
    let copy = folder.join("env");
    executable::copied(&program("env")?, &copy, 0o4755)?;
    Ok(copy)
}

/// Makes a FIFO and holds it open.
fn fifo(path: &Path) -> Result<File, String> {
    Program::new(program("mkfifo")?)
        .args(["-m", "666"])
        .arg(path)
        .run()?
        .expect(0)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| format!("{}: {error}", path.display()))
}
