//! Memory of a thread at several moments, drawn as strips.

use super::colours::{Colour, FAINT, GREEN, INK, ON_COLOUR, ORANGE, SOFT};
use super::ladder::{Lines, arrow, frame, label, picture};

const WIDTH: usize = 640;
const MARGIN: usize = 20;
/// Of a strip.
const HEIGHT: usize = 64;
/// From one strip to the next.
const STEP: usize = 134;
/// The places of a strip: where each begins, and its width.
const PLACES: [(usize, usize); 3] = [(20, 200), (224, 230), (458, 162)];

/// A moment: what happens, what is where, and what the kernel does.
struct Moment {
    happens: &'static str,
    places: [(&'static str, Colour); 3],
}

/// Why a library with an area must stay mapped (docs/loading.md).
pub fn reused() -> String {
    let program = ("variables of the program", FAINT);
    let free = ("free", SOFT);
    let moments = [
        Moment {
            happens: "1. A library with an area is loaded, and the area registered",
            places: [program, ("the library's area", GREEN), free],
        },
        Moment {
            happens: "2. It is closed and unmapped. The kernel is not told",
            places: [program, ("free; still registered", SOFT), free],
        },
        Moment {
            happens: "3. Another library is loaded, and gets the same place",
            places: [program, ("variables of the other library", ORANGE), free],
        },
    ];
    let mut body = String::new();
    for (index, moment) in moments.iter().enumerate() {
        let y = MARGIN + index * STEP;
        let title = Lines::new(&[moment.happens], WIDTH);
        title.write(&mut body, (8, y, 20), INK, true);
        for ((x, width), (text, colour)) in PLACES.into_iter().zip(moment.places) {
            let y = y + 32;
            frame(&mut body, (x, y, width, HEIGHT), colour);
            let is_soft = colour.light == SOFT.light;
            let ink = if is_soft { INK } else { ON_COLOUR };
            Lines::new(&[text], width).write(&mut body, (x, y, HEIGHT), ink, false);
        }
        let (x, width) = PLACES[1];
        let below = y + 32 + HEIGHT;
        arrow(
            &mut body,
            (x + width / 2, below + 24),
            (x + width / 2, below),
        );
        label(
            &mut body,
            (x + width / 2 + 10, below + 20),
            "start",
            "the kernel writes cpu_id here",
        );
    }
    let height = moments.len() * STEP + MARGIN;
    picture(
        "Static thread-local storage of one thread, when nobody keeps the library mapped",
        (WIDTH, height),
        &body,
    )
}
