//! Programs that a lab brings as source and builds on the machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs::program;

use crate::files::folder;

/// A source file that is compiled into the lab.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its file name: the extension decides about the compiler.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Builds a source with these headers beside it and these options, once; answers
/// where the result is.
///
/// # Errors
///
/// It does not build.
pub fn built(source: Source, headers: &[Source], options: &[&str]) -> Result<PathBuf, String> {
    static BUILT: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());

    let key = format!("{} {}", source.name, options.join(" "));
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built
        .entry(key)
        .or_insert_with(|| build(source, headers, options))
        .clone()
}

fn build(source: Source, headers: &[Source], options: &[&str]) -> Result<PathBuf, String> {
    let folder = folder("built")?;
    let text = folder.join(source.name);
    for one in headers.iter().chain([&source]) {
        let place = folder.join(one.name);
        fs::write(&place, one.text).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    let is_library = options.contains(&"-shared");
    let result = text.with_extension(if is_library { "so" } else { "bin" });
    let is_cxx = text.extension().is_some_and(|extension| extension == "cc");
    let compiler = if is_cxx { "c++" } else { "cc" };
    Program::with_callers_environment(program(compiler)?)
        .args(["-O1", "-g", "-Wall", "-Werror", "-D_GNU_SOURCE", "-o"])
        .args([&result, &text])
        .args(is_library.then_some("-fPIC"))
        .args(options)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)
        .map_err(|error| format!("{} does not build: {error}", source.name))?;
    Ok(result)
}
