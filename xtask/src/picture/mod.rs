//! The pictures of the pages: each is drawn from a page or from one description, by
//! `cargo xtask golden`, and the test below compares it with a fresh drawing.

mod chart;
mod colours;
mod figures;
mod ladder;
mod screen;
mod strips;
mod table;

use std::fs;
use std::path::Path;

/// A picture, as a file in the folder of the pages.
struct Picture {
    file: &'static str,
    drawn: fn(&Path) -> Result<String, String>,
}

/// All of them.
const PICTURES: [Picture; 8] = [
    Picture {
        file: "docs/first-steps.svg",
        drawn: screen::drawn,
    },
    Picture {
        file: "docs/owners.svg",
        drawn: |_| Ok(ladder::owners()),
    },
    Picture {
        file: "docs/closing.svg",
        drawn: |_| Ok(ladder::closing()),
    },
    Picture {
        file: "docs/reused.svg",
        drawn: |_| Ok(strips::reused()),
    },
    Picture {
        file: "docs/cost-instructions.svg",
        drawn: figures::instructions,
    },
    Picture {
        file: "docs/cost-start.svg",
        drawn: figures::start,
    },
    Picture {
        file: "docs/cost-time.svg",
        drawn: figures::time,
    },
    Picture {
        file: "docs/servers.svg",
        drawn: figures::servers,
    },
];

/// Draws all anew.
pub fn draw(root: &Path) -> Result<(), String> {
    for picture in &PICTURES {
        let path = root.join(picture.file);
        fs::write(&path, (picture.drawn)(root)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use table::read;

    #[test]
    fn each_shows_what_the_pages_say() -> Result<(), String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for picture in &PICTURES {
            let drawn = (picture.drawn)(&root)?;
            let file = picture.file;
            let kept = read(&root, file).unwrap_or_default();
            assert!(drawn == kept, "{file} is out of date: cargo xtask golden");
            assert!(
                !drawn.contains("NaN") && !drawn.contains("inf"),
                "{file}: no figures"
            );
        }
        Ok(())
    }
}
