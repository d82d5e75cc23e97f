//! What was measured, and what is said of it.

use std::fmt::Write as _;

use rseq_lab::{Verdict, World};

/// How far a ratio of instructions may be from 1.
const LIMIT: f64 = 0.003;

/// A server in one world, one figure for each start.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Instructions of one request.
    pub instructions: Vec<f64>,
    /// Requests per second.
    pub rates: Vec<f64>,
}

/// All worlds of one server, the one without the shim first.
pub type Worlds = Vec<(World, Figures)>;

/// Whether requests cost the same.
pub fn judge(worlds: &Worlds) -> Verdict {
    let Some(((_, without), with)) = worlds.split_first() else {
        return Verdict::Undecided("nothing was measured".to_owned());
    };
    let expected = median(&without.instructions);
    let own = spread(&without.instructions);
    let mut verdict = Verdict::Right;
    for (world, figures) in with {
        let ratio = median(&figures.instructions) / expected;
        let off = (ratio - 1.0).abs();
        let own = own.max(spread(&figures.instructions));
        // a number that is none is not within the limit either
        if off <= LIMIT {
            continue;
        }
        let said = format!("{}: instructions {ratio:.4} times", world.name());
        if off <= own {
            let own = own * 100.0;
            verdict = Verdict::Undecided(format!("{said}, starts by themselves ±{own:.1}%"));
        } else {
            return Verdict::Wrong(said);
        }
    }
    verdict
}

/// The head of the table.
pub fn head() -> String {
    let mut head = "| server | request |".to_owned();
    let mut rule = "|---|---|".to_owned();
    for what in ["instructions", "requests/s"] {
        for world in World::ALL {
            let _ = write!(head, " {what}, {} |", world.name());
            rule.push_str("---:|");
        }
    }
    format!("{head} |\n{rule}---|")
}

/// The cells between the request and the verdict.
pub fn cells(worlds: &Worlds) -> String {
    let mut cells = String::new();
    let Some((_, without)) = worlds.first() else {
        return "- | - | - | - | - | - |".to_owned();
    };
    for (world, figures) in worlds {
        let middle = median(&figures.instructions);
        let own = spread(&figures.instructions) * 100.0;
        let _ = if *world == World::Without {
            write!(cells, "{middle:.0} ±{own:.2}% | ")
        } else {
            let ratio = middle / median(&without.instructions);
            write!(cells, "{ratio:.4} ±{own:.2}% | ")
        };
    }
    for (world, figures) in worlds {
        let _ = if *world == World::Without {
            write!(cells, "{:.0} | ", median(&figures.rates))
        } else {
            let pairs = figures.rates.iter().zip(&without.rates);
            let ratios: Vec<_> = pairs.map(|(with, without)| with / without).collect();
            let (low, high) = ends(&ratios);
            write!(cells, "{:.3} ({low:.3} to {high:.3}) | ", median(&ratios))
        };
    }
    cells.trim_end().to_owned()
}

fn ends(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, most)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Half the way from the least to the most, as a share of the median.
fn spread(values: &[f64]) -> f64 {
    let (least, most) = ends(values);
    (most - least) / 2.0 / median(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worlds(without: &[f64], shim: &[f64]) -> Worlds {
        let figures = |instructions: &[f64]| Figures {
            instructions: instructions.to_vec(),
            rates: vec![100.0, 110.0],
        };
        vec![
            (World::Without, figures(without)),
            (World::Shim, figures(shim)),
        ]
    }

    #[test]
    fn a_ratio_of_one_is_right_and_another_is_not() {
        let within = judge(&worlds(&[1000.0; 3], &[1002.0, 1003.0, 1003.0]));
        assert_eq!(within, Verdict::Right);
        let more = judge(&worlds(&[1000.0; 3], &[1004.0; 3]));
        assert!(matches!(more, Verdict::Wrong(_)), "{more:?}");
        let less = judge(&worlds(&[1000.0; 3], &[990.0; 3]));
        assert!(matches!(less, Verdict::Wrong(_)), "{less:?}");
    }

    #[test]
    fn what_differs_by_itself_decides_nothing() {
        let noisy = judge(&worlds(&[1000.0, 1100.0, 1000.0], &[1040.0; 3]));
        assert!(matches!(noisy, Verdict::Undecided(_)), "{noisy:?}");
    }

    #[test]
    fn the_cells_hold_ratios() {
        let cells = cells(&worlds(&[1000.0; 3], &[1010.0; 3]));
        assert_eq!(
            cells,
            "1000 ±0.00% | 1.0100 ±0.00% | 110 | 1.000 (1.000 to 1.000) |"
        );
    }
}
