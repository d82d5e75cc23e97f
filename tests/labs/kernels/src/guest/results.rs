//! What `kernels/init.c` writes to the second serial line.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rseq_kit::child::Finished;

/// How each of `count` commands ended.
///
/// # Errors
///
/// The first process did not get as far as the first command.
pub fn read(text: &[u8], count: usize) -> Result<Vec<Result<Finished, String>>, String> {
    let mut rest = text;
    let mut results = Vec::new();
    let mut running = None;
    while let Some(line) = line(&mut rest) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["begin", _] => running = Some(results.len()),
            ["end", number, status, out, err] if number == results.len().to_string() => {
                let Some(finished) = finished(&mut rest, status, out, err) else {
                    break;
                };
                results.push(Ok(finished));
                running = None;
            }
            ["done"] if results.len() == count => return Ok(results),
            _ => return Err(format!("the guest says {line:?}")),
        }
    }
    let Some(running) = running.or(results.len().checked_sub(1)) else {
        return Err("the guest did not get as far as its first command".to_owned());
    };
    let why = format!("the guest went down in or after command {running}");
    results.resize(count, Err(why));
    Ok(results)
}

/// The next line, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    Some(line)
}

/// Status and output of one command; `None` where they are cut off.
fn finished(rest: &mut &[u8], status: &str, out: &str, err: &str) -> Option<Finished> {
    let status = ExitStatus::from_raw(status.parse().ok()?);
    let mut text = |length: &str| {
        let (text, after) = rest.split_at_checked(length.parse().ok()?)?;
        *rest = after;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    Some(Finished {
        status,
        out: text(out)?,
        err: text(err)?,
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn output_of_any_bytes() {
        let text = b"begin 0\nend 0 256 6 1\nend 1\n!begin 1\nend 1 9 0 0\ndone\n";
        let results = read(text, 2).unwrap();
        let first = results[0].as_ref().unwrap();
        assert_eq!(
            (first.code(), &*first.out, &*first.err),
            (1, "end 1\n", "!")
        );
        assert_eq!(results[1].as_ref().unwrap().code(), -9);
    }

    #[test]
    fn a_machine_that_went_down() {
        let results = read(b"begin 0\nend 0 0 0 0\nbegin 1\n", 3).unwrap();
        assert!(results[0].is_ok());
        assert!(results[1].is_err() && results[2].is_err());
        assert!(read(b"", 1).is_err());
        assert!(read(b"broken /proc: no\n", 1).is_err());
        // all results, and then no end
        assert!(read(b"begin 0\nend 0 0 0 0\n", 1).unwrap()[0].is_ok());
    }
}
