//! Figures in groups, as horizontal bars or as points with their spread.

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::colours::{self, Colour, FAINT, INK, LINE, PAPER, SOFT};

/// A chart.
pub struct Chart {
    /// What it shows, in words.
    pub title: &'static str,
    /// What the axis counts.
    pub unit: &'static str,
    /// What the axis spans.
    pub axis: Range<f64>,
    /// How many digits a number of the axis has behind the point.
    pub digits: usize,
    /// What everything is compared with: a line.
    pub floor: Option<f64>,
    /// What is wanted, as a band.
    pub wanted: Option<Range<f64>>,
    /// The worlds that are compared, and their colours.
    pub series: Vec<(String, Colour)>,
    pub groups: Vec<Group>,
    pub mark: Mark,
}

/// How a figure is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// From zero to the figure.
    Bar,
    /// At the figure, and its spread.
    Point,
}

/// What was measured, in each world.
pub struct Group {
    pub name: String,
    pub figures: Vec<Figure>,
}

/// One figure.
pub struct Figure {
    /// The place of its world among the series.
    pub series: usize,
    pub value: f64,
    /// The least and the most.
    pub spread: Option<(f64, f64)>,
    /// What stands beside it.
    pub note: String,
}

const WIDTH: i32 = 760;
const MARGIN: i32 = 16;
/// Where the axis begins, and where it ends.
const LEFT: i32 = 222;
const RIGHT: i32 = WIDTH - 110;
/// From one figure to the next.
const ROW: i32 = 20;
const BAR: i32 = 14;
/// Between two groups.
const GAP: i32 = 14;
/// Steps of the axis.
const TICKS: usize = 5;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Failed<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

impl Chart {
    /// Draws it.
    ///
    /// # Errors
    ///
    /// Plotters'.
    pub fn drawn(&self) -> Result<String, String> {
        let rows: usize = self.groups.iter().map(|group| group.figures.len()).sum();
        let top = 52 + ROW * self.series.len() as i32;
        let below = top + rows as i32 * ROW + self.groups.len() as i32 * GAP;
        let mut svg = String::new();
        {
            let size = (WIDTH as u32, (below + 52) as u32);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw(&area, top, below)
                .map_err(|error| format!("{}: {error}", self.title))?;
        }
        Ok(colours::finish(&svg, self.title))
    }

    fn draw<'a>(&self, area: &Area<'a>, top: i32, below: i32) -> Result<(), Failed<'a>> {
        area.fill(&rgb(PAPER))?;
        area.draw(&words(self.title, (MARGIN, 24), 17, INK, HPos::Left))?;
        for (place, (name, colour)) in self.series.iter().enumerate() {
            let y = 44 + place as i32 * ROW;
            let swatch = [(LEFT, y), (LEFT + 12, y + 12)];
            area.draw(&Rectangle::new(swatch, rgb(*colour).filled()))?;
            area.draw(&words(name, (LEFT + 20, y + 6), 14, INK, HPos::Left))?;
        }
        self.axis(area, top, below)?;
        let mut y = top + GAP / 2;
        for group in &self.groups {
            let middle = y + group.figures.len() as i32 * ROW / 2;
            area.draw(&words(
                &group.name,
                (LEFT - 10, middle),
                14,
                INK,
                HPos::Right,
            ))?;
            for figure in &group.figures {
                self.figure(area, figure, y + ROW / 2)?;
                y += ROW;
            }
            y += GAP;
        }
        Ok(())
    }

    /// Returns where a value is on the axis, in pixels.
    fn x(&self, value: f64) -> i32 {
        let axis = RangedCoordf64::from(self.axis.clone());
        axis.map(&value.clamp(self.axis.start, self.axis.end), (LEFT, RIGHT))
    }

    fn axis<'a>(&self, area: &Area<'a>, top: i32, below: i32) -> Result<(), Failed<'a>> {
        if let Some(wanted) = &self.wanted {
            let band = [(self.x(wanted.start), top), (self.x(wanted.end), below)];
            area.draw(&Rectangle::new(band, rgb(SOFT).filled()))?;
        }
        let axis = RangedCoordf64::from(self.axis.clone());
        for value in axis.key_points(TICKS + 1) {
            let x = self.x(value);
            area.draw(&PathElement::new([(x, top), (x, below)], rgb(LINE)))?;
            let text = format!("{value:.*}", self.digits);
            area.draw(&words(&text, (x, below + 14), 13, FAINT, HPos::Center))?;
        }
        if let Some(floor) = self.floor {
            let x = self.x(floor);
            let line = rgb(INK).stroke_width(1);
            area.draw(&PathElement::new([(x, top), (x, below)], line))?;
        }
        area.draw(&words(self.unit, (LEFT, below + 36), 13, FAINT, HPos::Left))
    }

    fn figure<'a>(&self, area: &Area<'a>, figure: &Figure, y: i32) -> Result<(), Failed<'a>> {
        let colour = rgb(self.series[figure.series].1);
        let x = self.x(figure.value);
        let (mut start, mut end) = (x, x);
        if let Some((least, most)) = figure.spread {
            let (from, to) = (self.x(least), self.x(most));
            area.draw(&PathElement::new(
                [(from, y), (to, y)],
                colour.stroke_width(2),
            ))?;
            (start, end) = (start.min(from), end.max(to));
        }
        match self.mark {
            Mark::Bar => {
                let bar = [(self.x(0.0), y - BAR / 2), (x, y + BAR / 2)];
                area.draw(&Rectangle::new(bar, colour.filled()))?;
            }
            Mark::Point => area.draw(&Circle::new((x, y), 5, colour.filled()))?,
        }
        // where the line of the floor does not cross it
        let is_below = self.floor.is_some_and(|floor| figure.value < floor);
        if is_below && self.mark == Mark::Point {
            return area.draw(&words(&figure.note, (start - 9, y), 13, INK, HPos::Right));
        }
        area.draw(&words(&figure.note, (end + 9, y), 13, INK, HPos::Left))
    }
}

fn rgb(colour: Colour) -> RGBColor {
    let (red, green, blue) = colour.light;
    RGBColor(red, green, blue)
}

/// Text whose middle line is at this height.
fn words(
    text: &str,
    at: (i32, i32),
    size: i32,
    colour: Colour,
    anchor: HPos,
) -> Text<'_, (i32, i32), &str> {
    let style = ("sans-serif", size * 5 / 4)
        .into_font()
        .color(&rgb(colour))
        .pos(Pos::new(anchor, VPos::Center));
    Text::new(text, at, style)
}
