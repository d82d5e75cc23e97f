//! A row: one question, asked of one program in several worlds.

use std::path::PathBuf;

use rseq_kit::child::{Finished, Program};

use rseq_kit::needs::Prerequisite as _;

use crate::files::{files, folder};
use crate::judge::{Seen, Verdict, judge};
use crate::need::Need;
use crate::told::Told;
use crate::world::World;

/// What runs the program once.
type Run = Box<dyn Fn(&Case) -> Result<Seen, String>>;

/// One question.
pub struct Row {
    /// `group/what`.
    pub name: &'static str,
    /// What is asked.
    pub asks: &'static str,
    needs: Vec<Need>,
    worlds: Vec<World>,
    times: usize,
    run: Run,
}

/// One run.
pub struct Case {
    /// Where.
    pub world: World,
    /// A folder of its own.
    pub folder: PathBuf,
}

impl Case {
    /// Runs a program in this case's world and folder.
    ///
    /// # Errors
    ///
    /// The shim does not build.
    pub fn finish(&self, program: Program) -> Result<Result<Finished, String>, String> {
        Ok(self.world.prepare(program)?.directory(&self.folder).run())
    }

    /// The same, looked at as [`Seen::of`] does.
    ///
    /// # Errors
    ///
    /// As [`Self::finish`].
    pub fn run(&self, program: Program) -> Result<Seen, String> {
        self.finish(program).map(Seen::of)
    }

    /// A shell script in this case's folder and in no world. What it starts as
    /// `env $WORLD PROGRAM` is in this case's; `$PRELOAD` is the shim, or empty.
    ///
    /// # Errors
    ///
    /// The shim does not build.
    pub fn script(&self, text: &str) -> Result<Program, String> {
        let preload = match self.world {
            World::Without => String::new(),
            World::Shim | World::Libc => files()?.shim.display().to_string(),
        };
        Ok(Program::new("sh")
            .args(["-eu", "-c", text, "sh"])
            .env("WORLD", self.world.words()?)
            .env("PRELOAD", preload)
            .directory(&self.folder))
    }
}

impl Row {
    /// A row whose program is run once in each world.
    pub fn new(
        name: &'static str,
        asks: &'static str,
        run: impl Fn(&Case) -> Result<Seen, String> + 'static,
    ) -> Self {
        Self {
            name,
            asks,
            needs: Vec::new(),
            worlds: World::ALL.to_vec(),
            times: 1,
            run: Box::new(run),
        }
    }

    /// Adds what it needs.
    #[must_use]
    pub fn needs(mut self, needs: &[Need]) -> Self {
        self.needs.extend_from_slice(needs);
        self
    }

    /// How often it is run in each world: for what depends on chance.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Only where the shim owns: the libc as owner is no other case.
    #[must_use]
    pub fn shim_only(mut self) -> Self {
        self.worlds.retain(|world| *world != World::Libc);
        self
    }

    /// What the lab says of it without running it.
    #[must_use]
    pub fn told(&self) -> Told<'_> {
        Told {
            name: self.name,
            asks: self.asks,
            needs: &self.needs,
        }
    }

    /// Runs the program in all worlds and judges. The worlds take turns, so that
    /// what else happens on the machine meets them alike.
    #[must_use]
    pub fn ask(&self) -> Answer {
        if let Some(reason) = self.needs.iter().find_map(|need| need.check().err()) {
            return self.answer(Vec::new(), Verdict::Skipped(reason));
        }
        let mut columns: Vec<_> = self
            .worlds
            .iter()
            .map(|world| (*world, Vec::new()))
            .collect();
        for _ in 0..self.times {
            for (world, seen) in &mut columns {
                match self.once(*world) {
                    Ok(one) => seen.push(one),
                    Err(reason) => {
                        let why = format!("{}: cannot be run: {reason}", world.name());
                        return self.answer(columns, Verdict::Undecided(why));
                    }
                }
            }
        }
        let verdict = judge(&columns[0].1, &columns[1..]);
        self.answer(columns, verdict)
    }

    fn once(&self, world: World) -> Result<Seen, String> {
        let folder = folder("row")?;
        let seen = (self.run)(&Case {
            world,
            folder: folder.clone(),
        });
        // what is left over is removed with the lab's own folder
        let _ = std::fs::remove_dir_all(folder);
        seen
    }

    fn answer(&self, columns: Vec<(World, Vec<Seen>)>, verdict: Verdict) -> Answer {
        Answer {
            name: self.name,
            columns,
            verdict,
        }
    }
}

/// What came out.
#[derive(Debug)]
pub struct Answer {
    /// The row's name.
    pub name: &'static str,
    /// What was seen, world by world.
    pub columns: Vec<(World, Vec<Seen>)>,
    /// What is said of it.
    pub verdict: Verdict,
}
