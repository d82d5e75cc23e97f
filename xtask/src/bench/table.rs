//! Figures of several worlds and turns as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::world::World;

/// One world's figures of one turn, by what was measured.
pub type Figures = BTreeMap<String, f64>;

/// For each name and world the median, the spread, and the medians of the ratios
/// to and the differences from the world `floor` within a turn. A turn has one
/// set of figures for each world.
pub fn of(turns: &[Vec<Figures>], worlds: &[World], floor: usize) -> String {
    let mut text = format!(
        "| name | world | median | min-max | ratio | more than \"{}\" |\n|---|---|---|---|---|---|\n",
        worlds[floor].name
    );
    let names = turns.first().into_iter().flat_map(|turn| turn[0].keys());
    for name in names {
        for (index, world) in worlds.iter().enumerate() {
            let values: Vec<f64> = turns.iter().map(|turn| turn[index][name]).collect();
            let floors: Vec<f64> = turns.iter().map(|turn| turn[floor][name]).collect();
            let pairs = || values.iter().zip(&floors);
            let ratio = spread(pairs().map(|(value, floor)| value / floor).collect()).1;
            let more = spread(pairs().map(|(value, floor)| value - floor).collect()).1;
            let (least, middle, most) = spread(values.clone());
            let _ = writeln!(
                text,
                "| `{name}` | {} | {middle:.1} | {least:.1}-{most:.1} | {ratio:.3} | {more:+.1} |",
                world.name,
            );
        }
    }
    text
}

/// Minimum, median, maximum.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    )
}
