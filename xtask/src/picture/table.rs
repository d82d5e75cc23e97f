//! The tables of a page, as text.

use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Reads a page.
///
/// # Errors
///
/// It cannot be read.
pub fn read(root: &Path, name: &str) -> Result<String, String> {
    let path = root.join(name);
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The rows of a table, the head first.
pub type Rows = Vec<Vec<String>>;

/// Returns a table of a page: the one at this place below a heading.
///
/// # Errors
///
/// It is not there.
pub fn table(page: &str, below: &str, place: usize) -> Result<Rows, String> {
    let mut heading = String::new();
    let (mut is_heading, mut is_cell) = (false, false);
    let mut tables: Vec<Rows> = Vec::new();
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                heading.clear();
                is_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => is_heading = false,
            Event::Text(text) | Event::Code(text) if is_heading => heading.push_str(&text),
            _ if heading != below => {}
            Event::Start(Tag::Table(_)) => tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                if let Some(table) = tables.last_mut() {
                    table.push(Vec::new());
                }
            }
            Event::End(TagEnd::TableCell) => is_cell = false,
            Event::Start(Tag::TableCell) => {
                is_cell = true;
                if let Some(row) = tables.last_mut().and_then(|table| table.last_mut()) {
                    row.push(String::new());
                }
            }
            Event::Text(text) | Event::Code(text) if is_cell => {
                let row = tables.last_mut().and_then(|table| table.last_mut());
                if let Some(cell) = row.and_then(|row| row.last_mut()) {
                    cell.push_str(&text);
                }
            }
            _ => {}
        }
    }
    if place < tables.len() {
        return Ok(tables.swap_remove(place));
    }
    Err(format!(
        "no table {} below the heading {below:?}",
        place + 1
    ))
}

/// Returns the column with this head.
///
/// # Errors
///
/// It is not there.
pub fn column(rows: &Rows, head: &str) -> Result<usize, String> {
    let heads = rows.first().into_iter().flatten();
    heads
        .clone()
        .position(|it| it.starts_with(head))
        .ok_or_else(|| format!("no column {head:?} among {:?}", heads.collect::<Vec<_>>()))
}

/// Returns the number at the beginning of a cell.
///
/// # Errors
///
/// There is none.
pub fn number(cell: &str) -> Result<f64, String> {
    let first = cell.split_whitespace().next().unwrap_or_default();
    first
        .parse()
        .map_err(|_| format!("no number at the beginning of {cell:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n\n| a |\n|---|\n| 0 |\n\n## B `c`\n\n| x | y |\n|---|---|\n\
                        | `p:q` | 1.5 ±2% |\n\n| z |\n|---|\n| 3 |\n\nEnd.\n";

    #[test]
    fn a_table_is_found_by_its_heading_and_place() {
        let rows = table(PAGE, "B c", 0).expect("a table");
        assert_eq!(rows, [["x", "y"], ["p:q", "1.5 ±2%"]]);
        assert_eq!(number(&rows[1][1]), Ok(1.5));
        assert_eq!(column(&rows, "y"), Ok(1));
        assert_eq!(table(PAGE, "B c", 1).expect("a table"), [["z"], ["3"]]);
        assert!(table(PAGE, "B c", 2).is_err());
        assert!(column(&rows, "w").is_err());
        assert!(number("about 3").is_err());
    }
}
