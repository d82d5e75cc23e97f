//! SARIF 2.1.0 (OASIS), written piece by piece: the rules first, then a result
//! per finding, then what could not be read.

use std::io::{self, Write};

use serde_json::{Value, json};
use tls_model::rules::{self, Level};

use super::json::Problems;
use crate::audit::Row;
use crate::report::text;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn begin(out: &mut impl Write) -> io::Result<()> {
    let rules: Vec<_> = rules::of_programs()
        .map(|rule| {
            json!({
                "id": rule.name,
                "fullDescription": { "text": rule.explanation },
                "help": { "text": format!("{}\n\nSource: {}", rule.explanation, rule.source) },
                "defaultConfiguration": { "level": rule.level.name() },
            })
        })
        .collect();
    let driver = json!({
        "name": "rseqctl",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    write!(
        out,
        "{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":{driver}}},\
         \"results\":["
    )
}

/// Writes the findings of an object; `written` counts the results so far.
pub(super) fn results(row: &Row, written: &mut u64, out: &mut impl Write) -> io::Result<()> {
    for finding in &row.findings {
        let index = rules::of_programs().position(|rule| rule.id == finding.rule.id);
        let mut result = json!({
            "ruleId": finding.rule.name,
            "level": finding.level,
            "message": { "text": finding.message },
            "locations": [{ "physicalLocation": { "artifactLocation": location(row) } }],
            "partialFingerprints": { "pathAndRule/v1": format!("{}:{}", text::readable(row.path()), finding.rule.name) },
            "baselineState": if finding.known { "unchanged" } else { "new" },
        });
        if let (Some(index), Some(result)) = (index, result.as_object_mut()) {
            result.insert("ruleIndex".to_owned(), index.into());
        }
        out.write_all(if *written == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &result)?;
        *written += 1;
    }
    Ok(())
}

pub(super) fn end(problems: &Problems, out: &mut impl Write) -> io::Result<()> {
    let notifications: Vec<_> = problems
        .0
        .iter()
        .map(|problem| {
            json!({
                "level": Level::Warning.name(),
                "message": { "text": format!("{}: {}", problem.path, problem.message) },
            })
        })
        .collect();
    let invocation = json!([{
        "executionSuccessful": notifications.is_empty(),
        "toolExecutionNotifications": notifications,
    }]);
    writeln!(out, "\n],\"invocations\":{invocation}}}]}}")
}

fn location(row: &Row) -> Value {
    use std::os::unix::ffi::OsStrExt;
    json!({ "uri": uri(row.path().as_os_str().as_bytes()) })
}

/// Returns a path as a URI reference: every byte but the plain ones is escaped, which
/// keeps names that are no UTF-8.
fn uri(path: &[u8]) -> String {
    use std::fmt::Write;
    let mut uri = String::with_capacity(path.len() + 8);
    if path.starts_with(b"/") {
        uri.push_str("file://");
    }
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"/-._~!()+,=@".contains(&byte) {
            uri.push(byte.into());
        } else {
            // writing to a String does not fail
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_uris() {
        for (path, expected) in [
            (&b"/a b/\xff"[..], "file:///a%20b/%FF"),
            (b"./x.deb!/lib/a:b", "./x.deb!/lib/a%3Ab"),
            (b"lib.a(m.o)", "lib.a(m.o)"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
