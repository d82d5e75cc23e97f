//! What must come out of each command of a guest.

use std::fmt::Write as _;

use serde_json::Value;

use super::facts::Facts;
use rseq_kit::child::Finished;
use rseq_lab_conformance::known::Judged;
use rseq_lab_conformance::{Conditions, Known, Owner, Said, Source, Verdict, answers};

/// Where the questions were asked.
pub struct Context {
    /// Version of the kernel.
    pub kernel: (u32, u32, u32),
    /// Version of glibc.
    pub glibc: (u32, u32),
    /// What this kernel did.
    pub facts: Facts,
    /// What it is known to do.
    pub known_facts: Facts,
    /// Answers of the suite that are not yes.
    pub known: Known,
}

/// Why a client that caches in `cpu_id_start` may break.
const KEPT: &str = "this kernel leaves a changed cpu_id_start alone: no owner can help a client \
                    that counts on it being overwritten";

/// Why a client with critical sections may break.
const RUNS_ON: &str = "this kernel does not abort critical sections whenever it must: no owner can \
                       help a client that has some";

/// Why one of two experiments may kill the thread.
const STRICT: &str = "above 32 bytes this kernel kills a thread that has changed cpu_id_start when \
                      it next writes the ids: seen in some runs and not in others, and what makes \
                      it write them is not known";

/// What the doctor says of an experiment that came to nothing.
const NOT_SEEN: &str = "the doctor did not see it happen, and said so: emulated machine, busy host";

/// What a command asks.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// What the kernel does.
    Facts,
    /// What the doctor finds out.
    Doctor,
    /// A client that caches in `cpu_id_start`, with nobody else there.
    CachedAlone,
    /// The same under `rseqctl run`.
    CachedUnderRun,
    /// The same, where the code stores to the field through a pointer that it
    /// carries over jumps.
    CachedByPointer,
    /// The same under `rseqctl run --mode defer`, which leaves the registration to
    /// the libc.
    CachedDeferred,
    /// The same with its definition exported, in an owner's world.
    Cached(Owner),
    /// The length of the registration.
    Length(Owner),
    /// The same where the executable exports an area of 64 bytes.
    WideLength(Owner),
    /// A program of the suite.
    Suite(&'a Source, Owner),
}

impl Asked<'_> {
    /// Who is asked.
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Facts => "kernel",
            Self::Doctor => "doctor",
            Self::CachedAlone => "client",
            Self::CachedUnderRun | Self::CachedByPointer => "run",
            Self::CachedDeferred => "run --mode defer",
            Self::Cached(owner)
            | Self::Length(owner)
            | Self::WideLength(owner)
            | Self::Suite(_, owner) => owner.name(),
        }
    }

    /// In whose world it is asked; none where the kernel or the command is asked.
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Cached(owner)
            | Self::Length(owner)
            | Self::WideLength(owner)
            | Self::Suite(_, owner) => Some(*owner),
            _ => None,
        }
    }

    /// Judges what came out.
    pub fn judge(&self, context: &Context, result: Result<Finished, String>) -> Vec<Judged> {
        let judged = result.and_then(|finished| self.try_judge(context, &finished));
        judged.unwrap_or_else(|why| vec![wrong(self.name(), why)])
    }

    fn name(&self) -> &str {
        match self {
            Self::Facts => "facts",
            Self::Doctor => "doctor-agrees",
            Self::CachedByPointer => "cached-memory-by-pointer",
            Self::CachedAlone | Self::CachedUnderRun | Self::CachedDeferred | Self::Cached(_) => {
                "cached-memory"
            }
            Self::Length(_) => "registered-length",
            Self::WideLength(_) => "registered-length-of-64-bytes",
            Self::Suite(program, _) => &program.name,
        }
    }

    fn try_judge(&self, context: &Context, finished: &Finished) -> Result<Vec<Judged>, String> {
        if let Self::Suite(program, owner) = self {
            let conditions = Conditions {
                owner: *owner,
                glibc: context.glibc,
                kernel: context.kernel,
            };
            let answers = answers::parse(&finished.out)
                .map_err(|error| format!("{error}; {}", finished.err.trim_end()))?;
            let ended = finished.code();
            let mut judged = context.known.judge(program, &conditions, ended, &answers);
            for one in &mut judged {
                if let Verdict::Wrong(why) = &mut one.verdict
                    && ended != 0
                {
                    let _ = write!(why, "; {}", finished.err.trim_end());
                }
                if matches!(one.verdict, Verdict::Wrong(_))
                    && one.said == Some(Said::No)
                    && needs_aborts(&one.question)
                    && !context.known_facts.aborts()?
                {
                    one.verdict = Verdict::Known(RUNS_ON.to_owned());
                }
            }
            return Ok(judged);
        }
        let verdict = match self {
            Self::Facts => return Ok(context.facts.judge(&context.known_facts)),
            Self::Doctor => return doctor(context, finished),
            Self::CachedUnderRun | Self::CachedByPointer => under_run(context, finished)?,
            Self::CachedAlone => cached(context, finished, true)?,
            // where the libc does not register, the client does, unless it is refused
            Self::CachedDeferred if context.glibc < (2, 35) && finished.code() == 125 => {
                under_run(context, finished)?
            }
            Self::CachedDeferred => cached(context, finished, context.glibc < (2, 35))?,
            Self::Cached(owner) => cached(context, finished, adopts(*owner, context.glibc))?,
            Self::Length(owner) => length(finished, &owners_length(context, *owner)?)?,
            Self::WideLength(_) => {
                // above 32 bytes where the kernel says that it knows more
                let takes_more = context.facts.number("feature-size")? > 0;
                length(finished, if takes_more { "64" } else { "32" })?
            }
            Self::Suite(..) => unreachable!("see above"),
        };
        Ok(vec![Judged {
            question: self.name().to_owned(),
            said: None,
            detail: finished.out.trim_end().replace('\t', " "),
            verdict,
        }])
    }
}

fn wrong(question: &str, why: String) -> Judged {
    Judged {
        question: question.to_owned(),
        said: None,
        detail: String::new(),
        verdict: Verdict::Wrong(why),
    }
}

/// An area that a program exports is registered in this world: by the shim, or by
/// the program itself, because nobody else is there.
fn adopts(owner: Owner, glibc: (u32, u32)) -> bool {
    match owner {
        Owner::Libc | Owner::Passive => glibc < (2, 35),
        // the suite's adopter finds the executable's definition, and takes it for
        // its own
        _ => true,
    }
}

/// The client is safe: with rseq where its area can be registered, without where
/// another is. Where the kernel does not overwrite `cpu_id_start` it is broken,
/// and that is seen.
fn cached(context: &Context, finished: &Finished, is_its_area: bool) -> Result<Verdict, String> {
    let answers = answers::parse(finished.expect_ref(0)?.out.as_str())?;
    let [answer] = &answers[..] else {
        return Err(format!("not one answer: {:?}", finished.out));
    };
    let with_rseq = answer.detail.contains(" 0 without rseq");
    let is_safe = answer.said == Said::Yes;
    Ok(match (is_its_area, why_unsafe(context)?.is_none()) {
        (true, false) if with_rseq && !is_safe => {
            Verdict::Known(why_unsafe(context)?.unwrap_or_default().to_owned())
        }
        (true, true) if with_rseq && is_safe => Verdict::Right,
        (false, _) if is_safe && !with_rseq => Verdict::Right,
        _ => Verdict::Wrong(answer.detail.clone()),
    })
}

/// Whether a question of the suite is about critical sections that abort, or about a
/// counter that is kept by them.
fn needs_aborts(question: &str) -> bool {
    ["counter-under-", "aborted-by-"]
        .iter()
        .any(|beginning| question.starts_with(beginning))
}

/// Why the client is broken here, whoever owns the registration.
fn why_unsafe(context: &Context) -> Result<Option<&'static str>, String> {
    Ok(if !context.facts.aborts()? {
        Some(RUNS_ON)
    } else if !context.facts.rewrites()? {
        Some(KEPT)
    } else {
        None
    })
}

/// `rseqctl run` lets the client be safe, or refuses to start it and says why.
fn under_run(context: &Context, finished: &Finished) -> Result<Verdict, String> {
    let Some(why) = why_unsafe(context)? else {
        return cached(context, finished, true);
    };
    let word = if why == KEPT {
        "cpu_id_start"
    } else {
        "critical sections"
    };
    let refuses = finished.code() == 125 && finished.out.is_empty() && finished.err.contains(word);
    if refuses {
        return Ok(Verdict::Known(format!("refused, with a message: {why}")));
    }
    let (code, err) = (finished.code(), finished.err.trim_end());
    Ok(Verdict::Wrong(format!(
        "started; exit status {code}; {err}; {}",
        finished.out
    )))
}

/// What an owner must have registered here.
fn owners_length(context: &Context, owner: Owner) -> Result<String, String> {
    Ok(match owner {
        Owner::Nobody => "-".to_owned(),
        Owner::Libc | Owner::Passive if context.glibc >= (2, 41) => {
            context.facts.number("feature-size")?.max(32).to_string()
        }
        // The legacy mode, which clients that cache in cpu_id_start need: their
        // area is adopted, or they may come later.
        _ => "32".to_owned(),
    })
}

/// The area is registered with this length.
fn length(finished: &Finished, expected: &str) -> Result<Verdict, String> {
    let found = finished.expect_ref(0)?.out.trim_end();
    let found = found.strip_prefix("length\t").ok_or(found)?;
    Ok(if found == expected {
        Verdict::Right
    } else {
        Verdict::Wrong(format!("{found}, should be {expected}"))
    })
}

/// Whether the kernel has left the field alone, or killed for it.
fn is_strict(fact: &str) -> bool {
    ["kept", "killed"].contains(&fact)
}

/// The doctor has seen what the facts say.
fn doctor(context: &Context, finished: &Finished) -> Result<Vec<Judged>, String> {
    // 3: not everything could be tried, which it then says
    let told: Value = serde_json::from_str(finished.out.trim_end())
        .map_err(|error| format!("{error}: {:?} {:?}", finished.out, finished.err))?;
    let lengths = told["self_test"]["lengths"].as_array();
    let mut judged = Vec::new();
    for tried in lengths.into_iter().flatten() {
        let length = &tried["length"];
        for (how, seen) in tried["cpu_id_start"].as_object().into_iter().flatten() {
            let seen = seen.as_str().unwrap_or("?");
            let fact = context.facts.get(&format!("changed-{length}-{how}"))?;
            judged.push(Judged {
                question: format!("doctor-changed-{length}-{how}"),
                said: None,
                detail: seen.to_owned(),
                verdict: if seen == fact {
                    Verdict::Right
                } else if seen == "unknown" {
                    Verdict::Skipped(NOT_SEEN.to_owned())
                } else if length != 32 && [seen, fact].map(is_strict) == [true; 2] {
                    Verdict::Known(STRICT.to_owned())
                } else {
                    Verdict::Wrong(format!("{seen}, the kernel did {fact}"))
                },
            });
        }
        for (how, seen) in tried["aborts"].as_object().into_iter().flatten() {
            let seen = seen.as_str().unwrap_or("?");
            let fact = context.facts.get(&format!("section-{length}-{how}"))?;
            judged.push(Judged {
                question: format!("doctor-{length}-aborts-on-{how}"),
                said: None,
                detail: seen.to_owned(),
                verdict: if seen == fact {
                    Verdict::Right
                } else if seen == "unknown" {
                    Verdict::Skipped(NOT_SEEN.to_owned())
                } else {
                    Verdict::Wrong(format!("{seen}, the kernel did {fact}"))
                },
            });
        }
    }
    if judged.is_empty() {
        return Err(format!("nothing tried: {}", finished.out.trim_end()));
    }
    Ok(judged)
}
