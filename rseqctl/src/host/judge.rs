//! From what was seen to verdicts.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rseq::ORIGINAL_LENGTH;
use tls_model::rules::{Level, Rule, RuleId, host};
use tls_model::static_tls;

use super::facts::{Facts, SeccompMode};
use crate::kernel::{Abort, Field, Length, Refusal, SelfTest};
use crate::report::Word;
use crate::sys::thread::Registration;
use crate::tunables::RseqTunable;

/// A verdict about this host.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Verdict {
    /// Its stable name; `rseqctl explain` knows it.
    pub verdict: &'static str,
    /// How much it matters.
    pub level: Word<Level>,
    /// What it comes to.
    pub title: &'static str,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub action: String,
    /// What it goes by in code.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) id: RuleId,
}

impl Verdict {
    fn new(rule: &'static Rule, seen: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            verdict: rule.name,
            level: Word(rule.level),
            title: rule.title,
            seen: seen.into(),
            action: action.into(),
            id: rule.id,
        }
    }

    /// Returns its rule.
    #[must_use]
    pub fn rule(&self) -> &'static Rule {
        self.id.rule()
    }
}

/// Returns everything there is to say, errors first.
#[must_use]
pub fn judge(facts: &Facts, test: &SelfTest) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(refusal(facts, test));
    for length in &test.lengths {
        of_length(length, &mut verdicts);
    }
    verdicts.extend(no_abort(test));
    if !test.not_seen.is_empty() {
        verdicts.push(incomplete(test));
    }
    if test.refused.is_none() && facts.auxv.rseq_feature_size.is_none() {
        verdicts.push(Verdict::new(
            &host::NO_FEATURE_SIZE,
            "no AT_RSEQ_FEATURE_SIZE in the auxiliary vector",
            "nothing; programs that need more ask first",
        ));
    }
    verdicts.extend(of_libc(facts, test));
    of_settings(facts, &mut verdicts);
    // in the order of the registry
    verdicts.sort_by_key(|verdict| verdict.id as usize);
    verdicts
}

fn refusal(facts: &Facts, test: &SelfTest) -> Option<Verdict> {
    let refused = test.refused?;
    let is_filtered = facts.seccomp.mode == Some(SeccompMode::Filter);
    let allow = "allow the system call rseq in the seccomp filter of the container or service; \
                 until then nobody can register";
    Some(match refused {
        Refusal::NoSystemCall if !is_filtered => Verdict::new(
            &host::RSEQ_MISSING,
            refused.to_string(),
            "use a kernel with CONFIG_RSEQ (Linux 4.18); until then programs run on their slow paths",
        ),
        Refusal::NoSystemCall | Refusal::Denied | Refusal::Killed => {
            let mut seen = refused.to_string();
            if is_filtered {
                seen.push_str(", and a seccomp filter is on");
            }
            Verdict::new(&host::RSEQ_DENIED, seen, allow)
        }
        Refusal::Other(_) => Verdict::new(
            &host::REGISTRATION_REFUSED,
            refused.to_string(),
            "report this with the kernel's release",
        ),
        Refusal::Occupied | Refusal::NoAnswer => Verdict::new(
            &host::SELF_TEST_INCOMPLETE,
            refused.to_string(),
            match refused {
                Refusal::Occupied => "start rseqctl without LD_PRELOAD",
                _ => "try again where processes may be started",
            },
        ),
    })
}

fn of_length(length: &Length, verdicts: &mut Vec<Verdict>) {
    let bytes = length.length;
    match length.answers.registration {
        Some(0) | None => {}
        Some(errno) => verdicts.push(Verdict::new(
            &host::REGISTRATION_REFUSED,
            format!("a registration of {bytes} bytes is answered with errno {errno}"),
            "report this with the kernel's release",
        )),
    }
    let surprises = length.answers.surprises();
    if !surprises.is_empty() {
        let mut seen = format!("registrations of {bytes} bytes:");
        for (what, answer, expected) in surprises {
            let _ = write!(seen, " {what} is answered {answer} and not {expected};");
        }
        seen.pop();
        verdicts.push(Verdict::new(
            &host::UNEXPECTED_ANSWERS,
            seen,
            "report this with the kernel's release",
        ));
    }
    if length.answers.writes_cpu_id == Some(false) {
        verdicts.push(Verdict::new(
            &host::UNEXPECTED_ANSWERS,
            format!("a registration of {bytes} bytes is granted, and cpu_id stays unset"),
            "report this with the kernel's release",
        ));
    }
    of_fields(length, verdicts);
}

/// Adds what becomes of a changed `cpu_id_start`.
fn of_fields(length: &Length, verdicts: &mut Vec<Verdict>) {
    let bytes = length.length;
    let fields = &length.cpu_id_start;
    let after = |seen: Field| {
        let names = [
            ("a sleep", fields.sleep),
            ("a preemption", fields.preemption),
            ("a signal", fields.signal),
            ("a migration", fields.migration),
        ];
        let names: Vec<_> = names
            .into_iter()
            .filter(|(_, found)| *found == seen)
            .map(|(name, _)| name)
            .collect();
        names.join(", ")
    };
    let slow = "leave the registration of programs with TCMalloc to the libc (remove \
                glibc.pthread.rseq=0 from their GLIBC_TUNABLES), or use another kernel; \
                rseqctl run refuses to start them otherwise";
    if bytes == ORIGINAL_LENGTH {
        if fields.any(Field::Kept) {
            verdicts.push(Verdict::new(
                &host::CPU_ID_START_KEPT,
                format!(
                    "a cpu_id_start that the thread had changed was still there after {}",
                    after(Field::Kept)
                ),
                slow,
            ));
        }
        if fields.any(Field::Killed) || fields.migration == Field::Killed {
            verdicts.push(Verdict::new(
                &host::CPU_ID_START_KILLS,
                format!(
                    "a thread that had changed cpu_id_start was killed after {}",
                    after(Field::Killed)
                ),
                "start the kernel without rseq_debug, or leave the registration to the libc",
            ));
        }
    } else if fields.any(Field::Killed) || fields.migration == Field::Killed {
        verdicts.push(Verdict::new(
            &host::STRICT_ABOVE_32,
            format!(
                "with {bytes} bytes, a thread that had changed cpu_id_start was killed after {}",
                after(Field::Killed)
            ),
            "nothing; areas of 32 bytes are registered with 32",
        ));
    }
}

fn no_abort(test: &SelfTest) -> Option<Verdict> {
    let mut seen = Vec::new();
    for length in &test.lengths {
        for (what, abort) in length.aborts.each() {
            if abort == Abort::RunsOn {
                seen.push(format!("{what} ({} bytes)", length.length));
            }
        }
    }
    (!seen.is_empty()).then(|| {
        Verdict::new(
            &host::NO_ABORT,
            format!("a critical section went on after {}", seen.join(", ")),
            "use another kernel; until then leave the registration to the libc, so that programs \
             with an area of their own stay on their slow path (nothing keeps those from it that \
             take the libc's area)",
        )
    })
}

fn incomplete(test: &SelfTest) -> Verdict {
    let mut seen = String::from("not seen: ");
    for (index, hole) in test.not_seen.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        let _ = write!(
            seen,
            "{separator}{} with {} bytes: {}",
            hole.what, hole.length, hole.why
        );
    }
    Verdict::new(
        &host::SELF_TEST_INCOMPLETE,
        seen,
        "on a busy or emulated machine try again with --seconds 10",
    )
}

fn of_libc(facts: &Facts, test: &SelfTest) -> Option<Verdict> {
    let libc = &facts.libc;
    let name = libc.glibc.as_ref().map_or_else(
        || "this libc".to_owned(),
        |version| format!("glibc {version}"),
    );
    let run = "programs that bring an area of their own (TCMalloc does: MongoDB 8, YugabyteDB, \
               workerd) are refused by the kernel then, and run slower without saying so; start them \
               with rseqctl run -- PROGRAM. All others are served";
    if libc.rseq_tunable == RseqTunable::Off && libc.knows_rseq {
        return Some(Verdict::new(
            &host::LIBC_SWITCHED_OFF,
            format!(
                "GLIBC_TUNABLES={}",
                libc.tunables.as_deref().unwrap_or_default()
            ),
            "take it out of the environment, and start the programs that need it with \
             rseqctl run -- PROGRAM",
        ));
    }
    // who has nothing to register with has no say
    if test
        .refused
        .is_some_and(|refused| refused != Refusal::Occupied)
    {
        return None;
    }
    if libc.is_registered_by(Registration::Libc) {
        let size = libc.rseq_size.unwrap_or_default();
        return Some(Verdict::new(
            &host::LIBC_REGISTERS,
            format!("{name} has registered the thread that asks; its __rseq_size is {size}"),
            run,
        ));
    }
    if libc.is_registered_by(Registration::Shared) && libc.owns_symbol {
        return Some(Verdict::new(
            &host::LIBC_OWNS_SYMBOL,
            format!("{name} defines __rseq_abi and has registered it in the thread that asks"),
            "nothing; rseqctl run is for programs that hide a definition of their own",
        ));
    }
    (!libc.knows_rseq).then(|| {
        Verdict::new(
            &host::LIBC_DOES_NOT_REGISTER,
            format!("{name} has no __rseq_offset"),
            "start programs that want rseq with rseqctl run -- PROGRAM",
        )
    })
}

fn of_settings(facts: &Facts, verdicts: &mut Vec<Verdict>) {
    if facts.auxv.secure {
        verdicts.push(Verdict::new(
            &host::SECURE_EXECUTION,
            "AT_SECURE is set",
            "start rseqctl without set-id bits and file capabilities",
        ));
    }
    for entry in facts.preload_file.iter().flatten() {
        if entry.found == Some(false) {
            verdicts.push(Verdict::new(
                &host::PRELOAD_FILE_BROKEN,
                format!("{} is not there", entry.library),
                "put the library back, or take its line out of /etc/ld.so.preload",
            ));
        } else if entry.shim {
            verdicts.push(Verdict::new(
                &host::SHIM_FOR_ALL,
                format!("/etc/ld.so.preload lists {}", entry.library),
                "nothing; to get out again take the line out",
            ));
        }
    }
    if let Some(surplus) = facts.libc.static_tls_surplus
        && surplus < static_tls::SURPLUS
    {
        verdicts.push(Verdict::new(
            &host::SMALL_SURPLUS,
            format!(
                "{surplus} bytes are kept, by default it is {}",
                static_tls::SURPLUS
            ),
            "raise glibc.rtld.optional_static_tls in GLIBC_TUNABLES",
        ));
    }
}
