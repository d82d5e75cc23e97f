//! Who belongs to a workload: what it started, and what that started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The processes that descend from one, also where those between have ended.
#[derive(Debug)]
pub struct Family {
    members: BTreeSet<i32>,
}

impl Family {
    /// That of the process `root`.
    pub fn of(root: i32) -> Self {
        Self {
            members: BTreeSet::from([root]),
        }
    }

    /// Looks at what runs now; answers the members that do.
    pub fn look(&mut self) -> Vec<i32> {
        let parents = parents();
        self.meet(&parents);
        self.members
            .iter()
            .filter(|id| parents.contains_key(id))
            .copied()
            .collect()
    }

    /// A member whose parent has ended is init's child, but was met before.
    fn meet(&mut self, parents: &BTreeMap<i32, i32>) {
        loop {
            let before = self.members.len();
            for (id, parent) in parents {
                if self.members.contains(parent) {
                    self.members.insert(*id);
                }
            }
            if self.members.len() == before {
                return;
            }
        }
    }
}

/// Every process that is no zombie, and its parent.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id: i32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            Some((id, parent(&stat)?))
        })
        .collect()
}

fn parent(stat: &str) -> Option<i32> {
    let (_, after) = stat.rsplit_once(") ")?;
    let mut words = after.split(' ');
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grandchild_stays_a_member_when_its_parent_ends() {
        let mut family = Family::of(10);
        family.meet(&BTreeMap::from([(10, 1), (11, 10), (12, 11), (20, 1)]));
        family.meet(&BTreeMap::from([(10, 1), (12, 1), (13, 12), (20, 1)]));
        assert_eq!(family.members, BTreeSet::from([10, 11, 12, 13]));
    }

    #[test]
    fn zombies_have_no_threads_to_look_at() {
        assert_eq!(parent("7 (a b) c) S 5 1"), Some(5));
        assert_eq!(parent("7 (a) Z 5 1"), None);
    }
}
