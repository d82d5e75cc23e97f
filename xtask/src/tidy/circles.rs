//! Circles of modules: each is a set of modules of which every one leads to every
//! other.

use std::collections::{BTreeMap, BTreeSet};

use super::arrows::Arrows;
use super::modules::Target;

/// A circle, by the names of its members.
pub type Circle = Vec<String>;

/// Returns the arrows without those of a test's root, which lists its parts and holds
/// what they share.
pub fn without_roots(target: &Target, mut arrows: Arrows) -> Arrows {
    arrows.retain(|(from, _), _| !(target.is_test && *from == 0));
    arrows
}

/// Returns the circles among modules.
pub fn of_modules(target: &Target, arrows: &Arrows) -> Vec<Circle> {
    let edges = arrows.keys().copied().collect();
    let name = |index: &usize| target.modules[*index].name();
    let circles = components(target.modules.len(), &edges).into_iter();
    circles.map(|it| it.iter().map(name).collect()).collect()
}

/// Returns the circles among the folders: for every module, those among its
/// children, each of which stands for all that is below it.
pub fn of_folders(target: &Target, arrows: &Arrows) -> Vec<Circle> {
    let modules = &target.modules;
    let mut found = Vec::new();
    for (parent, module) in modules.iter().enumerate() {
        if module.children.len() < 2 {
            continue;
        }
        // the child of `parent` that a module is, or is below
        let child_of = |mut index: usize| loop {
            match modules[index].parent {
                Some(above) if above == parent => return Some(index),
                Some(above) => index = above,
                None => return None,
            }
        };
        let edges = arrows
            .keys()
            .filter_map(|(from, to)| Some((child_of(*from)?, child_of(*to)?)))
            .filter(|(from, to)| from != to)
            .collect();
        for circle in components(modules.len(), &edges) {
            found.push(circle.iter().map(|index| modules[*index].name()).collect());
        }
    }
    found
}

/// Returns the arrows of a circle of modules, one a line, with the names that each
/// leads to.
pub fn within_modules(target: &Target, arrows: &Arrows, circle: &Circle) -> Vec<String> {
    let member = |index: usize| {
        let name = target.modules[index].name();
        circle.contains(&name).then_some(name)
    };
    within(arrows, member)
}

/// Returns the arrows of a circle of folders: a member stands for all that is below
/// it.
pub fn within_folders(target: &Target, arrows: &Arrows, circle: &Circle) -> Vec<String> {
    let member = |index: usize| {
        let path = &target.modules[index].path;
        let above = (1..=path.len()).map(|length| path[..length].join("::"));
        above.into_iter().find(|name| circle.contains(name))
    };
    within(arrows, member)
}

fn within(arrows: &Arrows, member: impl Fn(usize) -> Option<String>) -> Vec<String> {
    let mut lines: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for ((from, to), names) in arrows {
        if let (Some(from), Some(to)) = (member(*from), member(*to))
            && from != to
        {
            let names = names.iter().map(String::as_str);
            lines.entry((from, to)).or_default().extend(names);
        }
    }
    let mut text = Vec::new();
    for ((from, to), names) in lines {
        let names: Vec<_> = names.into_iter().collect();
        text.push(format!("{from} -> {to}: {}", names.join(" ")));
    }
    text
}

/// Returns the arrows between the modules at the top, each with all that is below
/// it; the root's own code is left out.
pub fn of_rooms(target: &Target, arrows: &Arrows) -> BTreeMap<String, BTreeSet<String>> {
    let room = |index: usize| target.modules[index].path.first().cloned();
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for index in 0..target.modules.len() {
        if let Some(room) = room(index) {
            rooms.entry(room).or_default();
        }
    }
    for (from, to) in arrows.keys() {
        if let (Some(from), Some(to)) = (room(*from), room(*to))
            && from != to
        {
            rooms.entry(from).or_default().insert(to);
        }
    }
    rooms
}

/// Returns the strongly connected components of more than one node.
fn components(nodes: usize, edges: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let forward = |node: usize| edges.range((node, 0)..(node + 1, 0)).map(|(_, to)| *to);
    let reversed: BTreeSet<_> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    let backward = |node: usize| reversed.range((node, 0)..(node + 1, 0)).map(|(_, to)| *to);
    // small graphs: a component is what a node reaches and what reaches it
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut found = Vec::new();
    for node in 0..nodes {
        if seen.contains(&node) {
            continue;
        }
        let reached = reach(node, forward);
        let both: Vec<_> = reach(node, backward)
            .intersection(&reached)
            .copied()
            .collect();
        if both.len() > 1 {
            seen.extend(&both);
            found.push(both);
        }
    }
    found
}

/// Returns `start` and what can be reached from it.
fn reach<I: Iterator<Item = usize>>(start: usize, next: impl Fn(usize) -> I) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([start]);
    let mut queue = vec![start];
    while let Some(node) = queue.pop() {
        for other in next(node) {
            if reached.insert(other) {
                queue.push(other);
            }
        }
    }
    reached
}
