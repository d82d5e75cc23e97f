//! What was measured, from the tables of docs/cost.md and docs/servers.md.

use std::path::Path;

use super::chart::{Chart, Figure, Group, Mark};
use super::colours::{BLUE, Colour, FAINT, GREEN, GREY, ORANGE};
use super::table::{Rows, column, number, read, table};

const COST: &str = "docs/cost.md";
const SERVERS: &str = "docs/servers.md";

/// Where the libc registers: by itself, and below the shim.
const WITHOUT: (&str, Colour) = ("glibc registers, no shim", GREY);
const PASSIVE: (&str, Colour) = ("shim passive", BLUE);
const REGISTERS: (&str, Colour) = ("the shim registers", GREEN);

/// What is compared with what: the worlds by how their names in a table end.
struct Worlds {
    floor: &'static str,
    shown: &'static [(&'static str, Colour)],
}

/// For calls and for starts.
const CALLS: Worlds = Worlds {
    floor: WITHOUT.0,
    shown: &[WITHOUT, PASSIVE, REGISTERS],
};
const STARTS: Worlds = Worlds {
    floor: "an empty library preloaded",
    shown: &[("an empty library preloaded", GREY), PASSIVE, REGISTERS],
};

impl Worlds {
    /// Returns a world's place among those that are shown.
    fn place(&self, name: &str) -> Option<usize> {
        self.shown
            .iter()
            .position(|(ending, _)| name.ends_with(ending))
    }
}

/// A row of a table: what was measured, in which world, and what came out.
struct Row<'a> {
    name: &'a str,
    world: &'a str,
    value: f64,
    spread: Option<(f64, f64)>,
    more: &'a str,
}

/// Reads the columns that every table of the page has, and the one of the figures.
fn rows<'a>(table: &'a Rows, figures: &str) -> Result<Vec<Row<'a>>, String> {
    let (name, world) = (0, column(table, "world")?);
    let (value, more) = (column(table, figures)?, column(table, "more")?);
    let spread = column(table, "min-max").ok();
    let read = |row: &'a Vec<String>| {
        Ok(Row {
            name: &row[name],
            world: &row[world],
            value: number(&row[value])?,
            spread: match spread {
                Some(column) => Some(ends(&row[column])?),
                None => None,
            },
            more: &row[more],
        })
    };
    table[1..].iter().map(read).collect()
}

/// Reads the ends of a range like `1.5-2.5`.
fn ends(cell: &str) -> Result<(f64, f64), String> {
    let (least, most) = cell
        .split_once('-')
        .ok_or_else(|| format!("no range: {cell}"))?;
    Ok((number(least)?, number(most)?))
}

/// Puts the rows of a table in groups, as shares of what the floor needs.
fn ratios(table: &Rows, figures: &str, worlds: &Worlds) -> Result<Vec<Group>, String> {
    let rows = rows(table, figures)?;
    let mut groups: Vec<Group> = Vec::new();
    for row in &rows {
        let Some(series) = worlds.place(row.world) else {
            continue;
        };
        let floor = rows
            .iter()
            .find(|it| it.name == row.name && it.world == worlds.floor)
            .ok_or_else(|| format!("{}: nothing to compare with", row.name))?
            .value;
        let is_floor = row.world == worlds.floor;
        let figure = Figure {
            series,
            value: row.value / floor,
            spread: row
                .spread
                .map(|(least, most)| (least / floor, most / floor)),
            note: match (is_floor, row.spread) {
                (true, None) => row.value.to_string(),
                (false, None) => row.more.to_owned(),
                (_, Some(_)) => format!("{} ns", row.value),
            },
        };
        add(&mut groups, row.name, figure);
    }
    Ok(groups)
}

/// Adds a figure to the group of this name, which is the last one if there is one.
fn add(groups: &mut Vec<Group>, name: &str, figure: Figure) {
    if let Some(group) = groups.last_mut().filter(|group| group.name == name) {
        group.figures.push(figure);
        return;
    }
    groups.push(Group {
        name: name.to_owned(),
        figures: vec![figure],
    });
}

fn series(shown: &[(&str, Colour)]) -> Vec<(String, Colour)> {
    let owned = |(name, colour): &(&str, Colour)| ((*name).to_owned(), *colour);
    shown.iter().map(owned).collect()
}

/// What is compared, in the words of both tables.
fn both() -> Vec<(String, Colour)> {
    let mut names = series(CALLS.shown);
    names[0].0 = format!("{} (start: {})", CALLS.floor, STARTS.floor);
    names
}

/// Counted instructions of calls and of a start.
pub fn instructions(root: &Path) -> Result<String, String> {
    let page = read(root, COST)?;
    let mut groups = ratios(&table(&page, "Instructions", 0)?, "instructions", &CALLS)?;
    groups.extend(ratios(
        &table(&page, "Instructions", 1)?,
        "instructions",
        &STARTS,
    )?);
    Chart {
        title: "Instructions of one call, without the shim and with it",
        unit: "times as many as without the shim; beside the bars, how many (more)",
        axis: 0.0..1.4,
        digits: 1,
        floor: Some(1.0),
        wanted: None,
        series: both(),
        groups,
        mark: Mark::Bar,
    }
    .drawn()
}

/// Measured times of calls and of a start, with their spread.
pub fn time(root: &Path) -> Result<String, String> {
    let page = read(root, COST)?;
    let mut groups = ratios(&table(&page, "Time", 0)?, "median", &CALLS)?;
    groups.extend(ratios(&table(&page, "Time", 1)?, "median", &STARTS)?);
    Chart {
        title: "Time of one call: medians, and the lowest and highest of all turns",
        unit: "times the median without the shim; beside the points, the medians",
        axis: 0.4..1.8,
        digits: 1,
        floor: Some(1.0),
        wanted: None,
        series: both(),
        groups,
        mark: Mark::Point,
    }
    .drawn()
}

/// The worlds of a start, by what their names in the table hold.
const LAUNCHES: [(&str, Colour); 5] = [
    ("once more", FAINT),
    ("without us", GREY),
    ("preloaded", ORANGE),
    ("below rseqctl run", GREEN),
    ("rseqctl enable --system", BLUE),
];

/// What a start takes below one `rseqctl run`.
pub fn start(root: &Path) -> Result<String, String> {
    let page = read(root, COST)?;
    let table = table(&page, "Below one rseqctl run", 0)?;
    let (world, clock) = (column(&table, "world")?, column(&table, "clock")?);
    // the last column of that name is the clock's
    let more = table[0].iter().rposition(|head| head == "more");
    let more = more.ok_or("no column of differences")?;
    // without us, a second start is shown as what else costs something
    let place = |world: &str| {
        let first = usize::from(!world.starts_with("without us, once more"));
        let rest = &LAUNCHES[first..];
        let place = rest.iter().position(|(part, _)| world.contains(part))?;
        Some(place + first)
    };
    let mut groups: Vec<Group> = Vec::new();
    for row in &table[1..] {
        let series = place(&row[world]).ok_or_else(|| format!("{}: not known", row[world]))?;
        let figure = Figure {
            series,
            value: number(&row[clock])?,
            spread: None,
            note: format!("{} us ({})", row[clock], row[more]),
        };
        add(&mut groups, &row[0], figure);
    }
    let mut series = series(&LAUNCHES);
    "without us, but started once more".clone_into(&mut series[0].0);
    "an empty library preloaded".clone_into(&mut series[2].0);
    Chart {
        title: "One start of a program, on the clock",
        unit: "microseconds",
        axis: 0.0..1300.0,
        digits: 0,
        floor: None,
        wanted: None,
        series,
        groups,
        mark: Mark::Bar,
    }
    .drawn()
}

/// Instructions of one request to real servers.
pub fn servers(root: &Path) -> Result<String, String> {
    let page = read(root, SERVERS)?;
    let table = table(&page, "Figures", 0)?;
    let worlds = [("the shim owns", GREEN), ("the libc owns", BLUE)];
    let mut groups = Vec::new();
    for row in &table[1..] {
        let mut figures = Vec::new();
        for (series, (world, _)) in worlds.iter().enumerate() {
            let cell = &row[column(&table, world)?];
            let value = number(cell)?;
            let around = cell
                .split_once('±')
                .map(|(_, share)| share.trim_end_matches('%'));
            let around = number(around.unwrap_or_default())? / 100.0 * value;
            figures.push(Figure {
                series,
                value,
                spread: Some((value - around, value + around)),
                note: format!("{value:.4}"),
            });
        }
        groups.push(Group {
            name: row[0].clone(),
            figures,
        });
    }
    Chart {
        title: "Instructions of one request, against the same server without the shim",
        unit: "times as many as without the shim; grey: at most 0.3 % away, which is wanted",
        axis: 0.994..1.006,
        digits: 3,
        floor: Some(1.0),
        wanted: Some(0.997..1.003),
        series: series(&worlds),
        groups,
        mark: Mark::Point,
    }
    .drawn()
}
