//! Decisions that are made one question after the other, drawn as a ladder: each question
//! has one answer that ends it, and one that leads to the next.

use std::fmt::Write as _;

use super::colours::{self, BLUE, Colour, FAINT, GREEN, INK, LINE, ON_COLOUR, ORANGE, PAPER, SOFT};

/// A question, and what follows from one of its answers.
struct Question {
    text: &'static str,
    /// The answer that ends it; the other one leads on.
    ends: &'static str,
    leads_on: &'static str,
    outcome: Outcome,
}

/// What comes out.
struct Outcome {
    /// A word or two.
    name: &'static str,
    /// What that means.
    text: &'static str,
    colour: Colour,
}

/// Who owns the registration (docs/owners.md).
pub fn owners() -> String {
    let questions = [
        Question {
            text: "Is the shim told to stand aside (mode off or defer)?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "whoever is there",
                text: "the libc, or a client",
                colour: FAINT,
            },
        },
        Question {
            text: "Has the libc registered?",
            ends: "yes",
            leads_on: "no, or it is to be taken over",
            outcome: Outcome {
                name: "libc",
                text: "the shim is passive",
                colour: BLUE,
            },
        },
        Question {
            text: "Does the program bring a definition of __rseq_abi that it hides?",
            ends: "yes",
            leads_on: "no, or mode own",
            outcome: Outcome {
                name: "client",
                text: "it registers its own area; the shim stays out of its way",
                colour: ORANGE,
            },
        },
        Question {
            text: "Does the kernel grant a registration?",
            ends: "no",
            leads_on: "yes",
            outcome: Outcome {
                name: "unavailable",
                text: "or client, where one was first",
                colour: FAINT,
            },
        },
        Question {
            text: "Does the executable or a library export __rseq_abi?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "adopter",
                text: "the shim registers that area in every thread",
                colour: GREEN,
            },
        },
    ];
    let last = Outcome {
        name: "shim",
        text: "it registers the area of librseq_abi.so in every thread",
        colour: GREEN,
    };
    drawn(
        "Who owns the registration: five questions",
        &questions,
        &last,
    )
}

/// What `dlclose` does by default (docs/loading.md).
pub fn closing() -> String {
    let questions = [
        Question {
            text: "Is RSEQ_SHIM_LOADING off or warn, or the mode off?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "as without us",
                text: "unloaded with its last handle",
                colour: FAINT,
            },
        },
        Question {
            text: "Was the library there when the program started?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "stays",
                text: "the dynamic linker never unloads it",
                colour: BLUE,
            },
        },
        Question {
            text: "Does it define __rseq_abi for others?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "stays",
                text: "a definer: opened once more, so that it stays",
                colour: GREEN,
            },
        },
        Question {
            text: "Has it registered an area of its own through syscall(2)?",
            ends: "yes",
            leads_on: "no",
            outcome: Outcome {
                name: "stays",
                text: "a client: opened once more, so that it stays",
                colour: GREEN,
            },
        },
    ];
    let last = Outcome {
        name: "unloaded",
        text: "as without us, with its last handle",
        colour: FAINT,
    };
    drawn("What happens when a library is closed", &questions, &last)
}

const WIDTH: usize = 640;
const MARGIN: usize = 20;
const ASKED_WIDTH: usize = 300;
const OUTCOME_LEFT: usize = 390;
const OUTCOME_WIDTH: usize = WIDTH - OUTCOME_LEFT - MARGIN;
/// From one line of text to the next.
const LINE_HEIGHT: usize = 20;
const PADDING: usize = 12;
/// Between two questions.
const GAP: usize = 38;
/// In pixels, of a letter of average width.
const LETTER: usize = 8;

/// Draws a ladder, from the top down.
fn drawn(title: &str, questions: &[Question], last: &Outcome) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    for question in questions {
        let asked = Lines::new(&[question.text], ASKED_WIDTH);
        let outcome = question.outcome.lines();
        let height = asked.height().max(outcome.height());
        frame(&mut body, (MARGIN, y, ASKED_WIDTH, height), SOFT);
        asked.write(&mut body, (MARGIN, y, height), INK, false);
        question.outcome.draw(&mut body, OUTCOME_LEFT, y, height);
        let middle = y + height / 2;
        let (from, to) = (MARGIN + ASKED_WIDTH, OUTCOME_LEFT);
        arrow(&mut body, (from, middle), (to, middle));
        label(
            &mut body,
            (usize::midpoint(from, to), middle - 7),
            "middle",
            question.ends,
        );
        let x = MARGIN + ASKED_WIDTH / 2;
        arrow(&mut body, (x, y + height), (x, y + height + GAP));
        label(
            &mut body,
            (x + 10, y + height + GAP / 2 + 4),
            "start",
            question.leads_on,
        );
        y += height + GAP;
    }
    let height = last.lines().height();
    last.draw(
        &mut body,
        MARGIN + (ASKED_WIDTH - OUTCOME_WIDTH) / 2,
        y,
        height,
    );
    y += height + MARGIN;
    picture(title, (WIDTH, y), &body)
}

/// Makes a picture of its shapes.
pub fn picture(title: &str, (width, height): (usize, usize), body: &str) -> String {
    let svg = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"system-ui, sans-serif\" \
         font-size=\"15\">\n<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0,0 L10,5 L0,10 z\" \
         fill=\"{}\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\" stroke=\"{}\"/>\n\
         {body}</svg>",
        FAINT.text(),
        PAPER.text(),
        LINE.text(),
    );
    colours::finish(&svg, title)
}

impl Outcome {
    fn lines(&self) -> Lines {
        Lines::new(&[self.name, self.text], OUTCOME_WIDTH)
    }

    fn draw(&self, body: &mut String, x: usize, y: usize, height: usize) {
        frame(body, (x, y, OUTCOME_WIDTH, height), self.colour);
        self.lines().write(body, (x, y, height), ON_COLOUR, true);
    }
}

/// Text in lines that fit a box.
pub struct Lines(Vec<String>);

impl Lines {
    /// Breaks paragraphs for a box of this width.
    pub fn new(paragraphs: &[&str], width: usize) -> Self {
        let letters = (width - 2 * PADDING) / LETTER;
        let lines = paragraphs.iter().flat_map(|it| textwrap::wrap(it, letters));
        Self(lines.map(String::from).collect())
    }

    /// Returns the height of the box.
    pub fn height(&self) -> usize {
        self.0.len() * LINE_HEIGHT + 2 * PADDING - 4
    }

    /// Writes them in the middle of a box of this height; the first one may be a name.
    pub fn write(
        &self,
        body: &mut String,
        (x, y, height): (usize, usize, usize),
        colour: Colour,
        has_name: bool,
    ) {
        let first = y + (height - self.0.len() * LINE_HEIGHT) / 2 + 15;
        for (index, line) in self.0.iter().enumerate() {
            let weight = if has_name && index == 0 {
                " font-weight=\"bold\""
            } else {
                ""
            };
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{}\" fill=\"{}\"{weight}>{line}</text>",
                x + PADDING,
                first + index * LINE_HEIGHT,
                colour.text()
            );
        }
    }
}

/// A box.
pub fn frame(
    body: &mut String,
    (x, y, width, height): (usize, usize, usize, usize),
    colour: Colour,
) {
    let _ = writeln!(
        body,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{}\"/>",
        colour.text()
    );
}

/// An arrow.
pub fn arrow(body: &mut String, from: (usize, usize), to: (usize, usize)) {
    let _ = writeln!(
        body,
        "<path d=\"M{},{} L{},{}\" stroke=\"{}\" stroke-width=\"1.5\" marker-end=\"url(#head)\"/>",
        from.0,
        from.1,
        to.0,
        to.1,
        FAINT.text()
    );
}

/// Words beside an arrow.
pub fn label(body: &mut String, (x, y): (usize, usize), anchor: &str, text: &str) {
    let _ = writeln!(
        body,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"13\" fill=\"{}\">{text}</text>",
        FAINT.text()
    );
}
