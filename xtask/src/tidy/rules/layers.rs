//! The command's arrows lead down only, and siblings do not know each other.

use crate::tidy::arrows::arrows;
use crate::tidy::modules::Module;
use crate::tidy::offence::Offence;
use crate::tidy::workspace::Workspace;

const RULE: &str = "layer";

/// The library of the command.
const CRATE: &str = "rseqctl";

/// Its layers, from the top down, with their modules. Who shares a layer may be
/// used by its neighbours only where that is said.
const LAYERS: &[(&[&str], Neighbours)] = &[
    (&["cli"], Neighbours::Strangers),
    (&["commands"], Neighbours::Strangers),
    (&["error"], Neighbours::Strangers),
    (
        &["audit", "launch", "process", "host", "install"],
        Neighbours::Strangers,
    ),
    (
        &["program", "kernel", "report", "tunables", "exit"],
        Neighbours::Friends,
    ),
    (&["sys"], Neighbours::Strangers),
];

/// The folder whose files do not know each other.
const COMMANDS: &str = "commands";

/// Whether modules of a layer may use each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbours {
    /// They may, as long as there is no circle.
    Friends,
    /// They may not.
    Strangers,
}

pub fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = Vec::new();
    for target in workspace.targets.iter().filter(|it| it.name == CRATE) {
        for module in target.modules.iter().filter(|it| it.path.len() == 1) {
            if layer(&module.path[0]).is_none() {
                offences.push(Offence {
                    rule: RULE,
                    place: format!("{CRATE}: {}", module.name()),
                    what: "it stands in no layer; add it to the table of this rule".to_owned(),
                });
            }
        }
        for (from, to) in arrows(target).keys() {
            let (from, to) = (&target.modules[*from], &target.modules[*to]);
            if let Some(what) = wrong(from, to) {
                offences.push(Offence {
                    rule: RULE,
                    place: format!("{CRATE}: {} -> {}", from.name(), to.name()),
                    what: what.to_owned(),
                });
            }
        }
    }
    offences
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|(rooms, _)| rooms.contains(&room))
}

/// Returns what is wrong with an arrow.
fn wrong(from: &Module, to: &Module) -> Option<&'static str> {
    let (from_room, to_room) = (from.path.first()?, to.path.first()?);
    if from_room == to_room {
        let are_siblings = from_room == COMMANDS
            && matches!((from.path.get(1), to.path.get(1)), (Some(from), Some(to)) if from != to);
        return are_siblings.then_some("commands do not use each other");
    }
    let (above, below) = (layer(from_room)?, layer(to_room)?);
    if above > below {
        Some("this arrow leads up")
    } else if above == below && LAYERS[above].1 == Neighbours::Strangers {
        Some("these rooms do not use each other")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sample::{places, workspace};

    #[test]
    fn arrows_up_and_sideways_are_found() {
        let tree = workspace(&[
            (
                "rseqctl/src/lib.rs",
                "mod audit; mod commands; mod launch; mod sys; mod report;",
            ),
            (
                "rseqctl/src/audit.rs",
                "use crate::launch::Plan; use crate::sys::ask;",
            ),
            ("rseqctl/src/launch.rs", "pub struct Plan;"),
            (
                "rseqctl/src/sys.rs",
                "pub fn ask() -> crate::report::Row { todo!() }",
            ),
            ("rseqctl/src/report.rs", "pub struct Row;"),
            ("rseqctl/src/commands/mod.rs", "mod ps; mod run;"),
            (
                "rseqctl/src/commands/ps.rs",
                "use super::run::run; use crate::audit::a;",
            ),
            ("rseqctl/src/commands/run.rs", "pub fn run() {}"),
        ]);
        let found = check(&tree);
        assert_eq!(
            places(&found),
            [
                "rseqctl: audit -> launch",
                "rseqctl: commands::ps -> commands::run",
                "rseqctl: sys -> report",
            ]
        );
    }

    #[test]
    fn a_new_room_needs_a_layer() {
        let tree = workspace(&[
            ("rseqctl/src/lib.rs", "mod attic;"),
            ("rseqctl/src/attic.rs", ""),
        ]);
        assert_eq!(places(&check(&tree)), ["rseqctl: attic"]);
    }
}
