//! Colours for light and dark screens.
//!
//! A picture is drawn in the light ones. A style sheet inside it puts the dark ones in
//! their place where the reader's system is dark. Every picture has a background of its
//! own, so it can be read on a page of either kind.

use std::fmt::Write as _;

/// A colour: red, green and blue for light screens, and as text for dark ones.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    pub light: (u8, u8, u8),
    dark: &'static str,
}

pub const PAPER: Colour = Colour {
    light: (255, 255, 255),
    dark: "#161b22",
};
pub const INK: Colour = Colour {
    light: (31, 35, 40),
    dark: "#e6edf3",
};
/// Words beside the figures.
pub const FAINT: Colour = Colour {
    light: (89, 99, 110),
    dark: "#9da7b3",
};
pub const LINE: Colour = Colour {
    light: (209, 217, 224),
    dark: "#3d444d",
};
/// A question, a range that is wanted.
pub const SOFT: Colour = Colour {
    light: (234, 240, 246),
    dark: "#21303f",
};
/// Without us, or how things are by themselves.
pub const GREY: Colour = Colour {
    light: (140, 149, 159),
    dark: "#768390",
};
pub const BLUE: Colour = Colour {
    light: (9, 105, 218),
    dark: "#4493f8",
};
pub const ORANGE: Colour = Colour {
    light: (188, 76, 0),
    dark: "#db6d28",
};
pub const GREEN: Colour = Colour {
    light: (26, 127, 55),
    dark: "#3fb950",
};
/// On a coloured ground.
pub const ON_COLOUR: Colour = Colour {
    light: (254, 254, 254),
    dark: "#0d1117",
};

const ALL: [Colour; 10] = [
    PAPER, INK, FAINT, LINE, SOFT, GREY, BLUE, ORANGE, GREEN, ON_COLOUR,
];

impl Colour {
    /// Returns it as an attribute of SVG has it.
    pub fn text(self) -> String {
        let (red, green, blue) = self.light;
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// Adds the style sheet to a picture, and what it shows in words.
pub fn finish(svg: &str, title: &str) -> String {
    let mut rules = String::new();
    for colour in ALL {
        let (light, dark) = (colour.text(), colour.dark);
        let _ = write!(
            rules,
            "[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}"
        );
    }
    let head = format!(
        "<title>{title}</title>\n<style>@media (prefers-color-scheme: dark){{{rules}}}</style>\n"
    );
    let (start, rest) = svg.split_once('>').unwrap_or((svg, ""));
    let mut text = format!("{start} role=\"img\">\n{head}{}", rest.trim_start());
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
