//! Further names of a member: hard links, which have no contents of their own. What
//! the member came to is said under each of its names, as it is of an unpacked tree.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::member_path::{MemberPath, plain};
use super::tape::{Member, MemberKind};
use crate::audit::outcome::FileOutcome;
use crate::audit::row::Row;

/// What the members of one archive came to, by name. Those with nothing to report, nearly
/// all, are not kept.
#[derive(Default)]
pub(super) struct Names {
    members: HashMap<Vec<u8>, Said>,
}

struct Said {
    /// Where the rows say that they stand.
    path: PathBuf,
    rows: Vec<Row>,
}

impl Names {
    /// Looks at a member of a tar archive. One that is not `shown` is reported under
    /// those of its other names that are.
    pub(super) fn member(
        &mut self,
        place: &MemberPath,
        member: &Member<'_>,
        shown: bool,
        file: &mut FileOutcome,
        look: impl FnOnce(&MemberPath, &mut FileOutcome) -> io::Result<()>,
    ) -> io::Result<()> {
        let place = place.inside(member.name);
        match member.kind {
            MemberKind::File if shown => {
                let before = file.rows.len();
                let done = look(&place, file);
                self.note(member.name, &place.path, file.rows.get(before..));
                done
            }
            MemberKind::File => {
                let mut aside = FileOutcome::default();
                let done = look(&place, &mut aside);
                self.note(member.name, &place.path, Some(&aside.rows));
                done
            }
            MemberKind::Link => {
                let rows = self.under(member.link.unwrap_or_default(), &place.path);
                self.note(member.name, &place.path, Some(&rows));
                if shown {
                    file.rows.extend(rows);
                }
                Ok(())
            }
            MemberKind::Folder | MemberKind::Symbolic | MemberKind::Other => Ok(()),
        }
    }

    /// Remembers what the member at `path` came to.
    pub(super) fn note(&mut self, name: &[u8], path: &Path, rows: Option<&[Row]>) {
        let name = plain(name);
        match rows {
            Some(rows @ [_, ..]) => {
                let (path, rows) = (path.to_path_buf(), rows.to_vec());
                self.members.insert(name.to_vec(), Said { path, rows });
            }
            // of two members with one name the last counts
            _ => drop(self.members.remove(name)),
        }
    }

    /// Returns the rows of the member `name`, as if it stood at `path`.
    pub(super) fn under(&self, name: &[u8], path: &Path) -> Vec<Row> {
        let said = self.members.get(plain(name));
        let rows = said.into_iter().flat_map(|said| {
            let rows = said.rows.iter();
            rows.filter_map(|row| row.moved(&said.path, path))
        });
        rows.collect()
    }
}
