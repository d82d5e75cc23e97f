//! Starts a server in each world in turn, loads it, and counts one thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rseq_kit::child::{Program, Running};
use rseq_lab::World;
use rseq_lab::files::{files, folder, open_to_all};
use rseq_lab::host::{free_port, unprivileged};

use crate::client::{Client, Way};
use crate::count::Counter;
use crate::figures::{Figures, Worlds};
use crate::server::{Server, Serving};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);

/// Starts the server so many times in each world.
pub fn measure(server: &Server, rounds: u32) -> Result<Worlds, String> {
    // built before anything is timed
    files()?;
    let folder = folder(server.name)?;
    open_to_all(&folder)?;
    script(server.prepare, &folder, 0)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)
        .map_err(|error| format!("cannot be prepared: {error}"))?;
    let mut worlds: Worlds = World::ALL
        .iter()
        .map(|world| (*world, Figures::default()))
        .collect();
    for _ in 0..rounds {
        for (world, figures) in &mut worlds {
            let started = Started::new(server, *world, &folder)?;
            figures.rates.push(started.load()?);
            figures.instructions.push(f64::from(started.count()?));
            started.stop()?;
        }
    }
    // what is left over is removed with the lab's own folder
    let _ = fs::remove_dir_all(folder);
    Ok(worlds)
}

/// A shell script in the folder of a server, outside of every world.
fn script(text: &str, folder: &Path, port: u16) -> Program {
    unprivileged()
        .args(["sh", "-eu", "-c", text])
        .directory(folder)
        .env("HOME", folder)
        .env("PORT", port.to_string())
}

struct Started<'a> {
    server: &'a Server,
    folder: PathBuf,
    port: u16,
    running: Running,
}

impl<'a> Started<'a> {
    fn new(server: &'a Server, world: World, folder: &Path) -> Result<Self, String> {
        let port = free_port()?;
        let running = script(server.serve, folder, port)
            .env("WORLD", world.words()?)
            .limit(Duration::from_secs(600))
            .start()?;
        let started = Self {
            server,
            folder: folder.to_owned(),
            port,
            running,
        };
        started.wait()?;
        Ok(started)
    }

    /// Waits until it answers.
    fn wait(&self) -> Result<(), String> {
        let end = Instant::now() + START;
        loop {
            match self.client().and_then(|mut client| client.ask()) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn client(&self) -> Result<Client, String> {
        let program = unprivileged().directory(&self.folder);
        Client::connect(self.server.way, self.port, program)
    }

    /// Requests per second.
    fn load(&self) -> Result<f64, String> {
        let request = match self.server.way {
            Way::Http(path) => path,
            Way::Line(_) | Way::Sql { .. } => "",
        };
        let said = script(self.server.load, &self.folder, self.port)
            .env("REQUEST", request)
            .limit(Duration::from_secs(120))
            .run()?
            .expect(0)?;
        let rate = said.out.trim().parse();
        rate.map_err(|_| format!("no requests per second in {:?} {:?}", said.out, said.err))
    }

    /// Instructions of one request.
    fn count(&self) -> Result<u32, String> {
        let mut client = self.client()?;
        for _ in 0..self.server.warm {
            client.ask()?;
        }
        let counter = Counter::of(self.serving(&mut client)?)?;
        // the first meets the counter half-way
        client.ask()?;
        let mut least = u64::MAX;
        for _ in 0..self.server.counted {
            let before = counter.when_idle()?;
            client.ask()?;
            let one = counter.when_idle()? - before;
            least = least.min(one);
        }
        // Java's stubs save the processor's flags, that of single steps among them, and
        // restore them when nobody waits for a step any more: the process ends by
        // SIGTRAP. All has been counted by then.
        counter.finish(|| client.ask().or(Ok(())))?;
        u32::try_from(least).map_err(|_| format!("{least} instructions"))
    }

    fn serving(&self, client: &mut Client) -> Result<i32, String> {
        let process = self.running.id();
        match self.server.serving {
            Serving::First => Ok(process),
            Serving::Query(query) => {
                let answer = client.query(query)?;
                answer.parse().map_err(|_| format!("no id: {answer}"))
            }
            Serving::Named(name) => {
                let tasks = rseq_kit::folder::sorted(Path::new(&format!("/proc/{process}/task")))?;
                let named = |task: &&PathBuf| {
                    fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name)
                };
                let task = tasks.iter().find(named).ok_or("no such thread")?;
                let id = task.file_name().and_then(|id| id.to_str()?.parse().ok());
                id.ok_or_else(|| format!("no id: {}", task.display()))
            }
        }
    }

    /// Asks it to end, and waits for that: the next one takes its place.
    fn stop(self) -> Result<(), String> {
        self.running.terminate();
        self.running.finish().map(drop)
    }
}
