//! Threads as they are seen from outside.

use std::collections::{BTreeMap, BTreeSet};

use rseq_lab::Seen;
use serde_json::Value;

/// All that was seen of a workload's threads.
#[derive(Debug, Default)]
pub struct Watched {
    /// Every thread that was looked at.
    seen: BTreeSet<i32>,
    /// The most at a time.
    most: usize,
    /// Those that were not registered when they were looked at last.
    before: BTreeSet<i32>,
    /// Those that were not registered twice in a row, nor later: a new thread is not yet,
    /// and a program's first one while hundreds of libraries are being relocated.
    missing: BTreeMap<i32, String>,
}

impl Watched {
    /// Adds what `rseqctl ps --format json` says.
    pub fn add(&mut self, report: &Value) {
        let mut now = BTreeSet::new();
        let mut count = 0;
        for process in list(&report["processes"]) {
            for thread in list(&process["threads"]) {
                let Some(id) = thread["tid"].as_i64() else {
                    continue;
                };
                let id = id as i32;
                match thread["registered"].as_bool() {
                    Some(true) => {
                        self.missing.remove(&id);
                    }
                    Some(false) => {
                        now.insert(id);
                        if self.before.contains(&id) {
                            self.missing.insert(id, name_of(process, thread));
                        }
                    }
                    None => continue,
                }
                count += 1;
                self.seen.insert(id);
            }
        }
        self.most = self.most.max(count);
        self.before = now;
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn name_of(process: &Value, thread: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{} of {}", word(&thread["name"]), word(&process["name"]))
}

/// Adds what was watched to what was seen: kinds of threads that are not
/// registered, so that it does not matter how many of a kind there were.
///
/// # Errors
///
/// It went well, and no thread of it was seen.
pub fn add(seen: Seen, watched: &Watched) -> Result<Seen, String> {
    if watched.seen.is_empty() && seen.fault.is_none() {
        return Err("no thread was seen from outside".to_owned());
    }

    let kinds: BTreeSet<_> = watched.missing.values().collect();
    let names: Vec<_> = kinds.iter().map(|name| name.as_str()).collect();
    let remark = format!("{} threads, {} at a time", watched.seen.len(), watched.most);
    Ok(seen
        .with_figure("unregistered", kinds.len() as u64, names.join(", "))
        .with_remark(remark))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(threads: &[(i32, Option<bool>)]) -> Value {
        let threads: Vec<_> = threads
            .iter()
            .map(|(id, registered)| json!({"tid": id, "name": "t", "registered": registered}))
            .collect();
        json!({"processes": [{"name": "p", "threads": threads}]})
    }

    #[test]
    fn a_thread_that_stays_unregistered_is_missing() {
        let mut watched = Watched::default();
        watched.add(&report(&[(1, Some(true)), (2, Some(false)), (4, None)]));
        assert!(watched.missing.is_empty());
        watched.add(&report(&[(2, Some(false)), (3, Some(false))]));
        assert_eq!(watched.missing.len(), 1);
        let seen = add(Seen::default(), &watched).unwrap();
        assert_eq!(seen.figures[0].count, 1);
        assert_eq!(seen.figures[0].note, "t of p");
        assert_eq!(seen.remark, "3 threads, 2 at a time");
    }

    #[test]
    fn a_new_thread_that_is_registered_later_is_not_missing() {
        let mut watched = Watched::default();
        watched.add(&report(&[(1, Some(false))]));
        watched.add(&report(&[(1, Some(true))]));
        watched.add(&report(&[(1, Some(false))]));
        assert!(watched.missing.is_empty());
    }

    #[test]
    fn a_program_that_takes_long_to_start_is_not_missing() {
        let mut watched = Watched::default();
        watched.add(&report(&[(1, Some(false))]));
        watched.add(&report(&[(1, Some(false))]));
        watched.add(&report(&[(1, Some(true))]));
        assert!(watched.missing.is_empty());
    }

    #[test]
    fn having_seen_no_thread_decides_nothing() {
        assert!(add(Seen::default(), &Watched::default()).is_err());
        let bad = Seen::faulty("status 1".to_owned());
        assert_eq!(
            add(bad, &Watched::default()).unwrap().fault.unwrap(),
            "status 1"
        );
    }
}
