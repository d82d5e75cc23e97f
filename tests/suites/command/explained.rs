//! Every name that the shim can print is one that `rseqctl explain` knows.

use std::collections::BTreeSet;

use object::{Object, ObjectSection, SectionKind};
use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::runner::Outcome;

/// Ordinary words of the shim's messages.
const PLAIN: [&str; 6] = [
    "critical-section",
    "loader-shim",
    "non-zero",
    "start-up",
    "thread-local",
    "tls-model",
];

/// The texts of a built library stand one behind the other, with nothing between.
/// So the names that are explained are cut out, the longest first, and what is left
/// with a hyphen has to be an ordinary word.
#[rseq_kit::test]
fn names_that_the_shim_prints() -> Outcome {
    let list = Program::new(&artifacts()?.rseqctl).arg("explain").run()?;
    let listed = list.expect(0)?.out;
    let mut known: Vec<_> = listed.split_whitespace().chain(PLAIN).collect();
    known.retain(|word| word.contains('-'));
    known.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let bytes = std::fs::read(&artifacts()?.shim).map_err(|error| error.to_string())?;
    let mut printed = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for run in texts(&bytes)? {
        let mut rest = run;
        for word in &known {
            if rest.contains(word) {
                printed.insert(*word);
                rest = rest.replace(word, " ");
            }
        }
        let left = rest.split(' ').map(|part| part.trim_matches('-'));
        unknown.extend(left.filter(|part| part.contains('-')).map(str::to_owned));
    }
    if !unknown.is_empty() {
        return Err(format!("explain does not know {unknown:?}").into());
    }
    // or the texts were not found at all
    for rule in ["definer-with-deepbind", "definer-not-promoted"] {
        if !printed.contains(rule) {
            return Err(format!("{rule} is not among {printed:?}").into());
        }
    }
    Ok(())
}

/// What stands in a library's constant data besides the paths of sources, cut at everything
/// that is no small letter and no hyphen.
fn texts(library: &[u8]) -> Result<Vec<String>, String> {
    let file = object::File::parse(library).map_err(|error| error.to_string())?;
    let mut texts = Vec::new();
    for section in file.sections() {
        if !matches!(
            section.kind(),
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString
        ) {
            continue;
        }
        let data = section.data().map_err(|error| error.to_string())?;
        let is_part = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
        let data = without_sources(data);
        let runs = data.split(|byte| !is_part(byte));
        let long = runs.filter(|run| run.len() > 4 && run[1..run.len() - 1].contains(&b'-'));
        texts.extend(long.map(|run| String::from_utf8_lossy(run).into_owned()));
    }
    Ok(texts)
}

/// Returns the data with the paths of Rust sources blanked, as far as they begin with a
/// slash. A message of a panic names one, with the folders of whoever builds: where the
/// sources of the standard library are installed, the compiler names those.
fn without_sources(data: &[u8]) -> Vec<u8> {
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(byte);
    let mut data = data.to_vec();
    let mut from = 0;
    while let Some(at) = data[from..].windows(3).position(|it| it == b".rs") {
        let end = from + at + 3;
        let run = data[from..end]
            .iter()
            .rev()
            .take_while(|byte| is_path(byte));
        let start = end - run.count();
        if let Some(slash) = data[start..end].iter().position(|byte| *byte == b'/') {
            data[start + slash..end].fill(b' ');
        }
        from = end;
    }
    data
}
