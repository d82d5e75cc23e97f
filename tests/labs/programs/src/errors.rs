//! Lines of a program's output and logs that speak of errors.

use std::fs;
use std::path::Path;

use rseq_kit::folder;

const WORDS: [&str; 9] = [
    "error", "warning", "fatal", "panic", "crit", "cannot", "failed", "rseq", "shim",
];

/// Those of standard error and of every log, in the order of names. Logs that are
/// called `ignored-...` are of programs that complain each time otherwise.
pub fn lines(err: &str, logs: &Path) -> Result<Vec<String>, String> {
    let mut texts = vec![err.to_owned()];
    for path in folder::sorted(logs)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("ignored-") {
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    let mut found = Vec::new();
    for text in texts {
        found.extend(text.lines().filter(|line| speaks(line)).map(str::to_owned));
    }
    Ok(found)
}

fn speaks(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    WORDS.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_errors_are_found_in_output_and_logs() {
        let logs = rseq_lab::files::folder("logs").unwrap();
        fs::write(logs.join("a"), "started\nFATAL: no room\n").unwrap();
        fs::write(logs.join("ignored-b"), "error\n").unwrap();
        let found = lines("x\nlibrseq_shim.so: hello\n", &logs).unwrap();
        assert_eq!(found, ["librseq_shim.so: hello", "FATAL: no room"]);
    }
}
