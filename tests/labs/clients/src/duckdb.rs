//! The engine `DuckDB`, out of a pinned PyPI package, for the queries over the
//! reports of many hosts.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, python};

use crate::pypi::Pinned;

/// The engine DuckDB, which pip can install.
pub const NEED: Need = Need::new(&Asked("DuckDB", || folder().map(drop)));

/// Reads the views, then answers a query as JSON: a list of rows.
const ASK: &str = "import json, sys\n\
    sys.path.insert(0, sys.argv[1])\n\
    import duckdb\n\
    connection = duckdb.connect()\n\
    connection.execute('SET VARIABLE reports = ' + repr(sys.argv[2]))\n\
    connection.execute(open(sys.argv[3]).read())\n\
    rows = connection.execute(sys.argv[4]).fetchall()\n\
    print(json.dumps(rows, default=str))\n";

/// The folder with the Python module, installed the first time it is asked for.
///
/// # Errors
///
/// There is no Python, or pip cannot install it.
pub fn folder() -> Result<&'static Path, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(install);
    FOLDER.as_deref().map_err(Clone::clone)
}

fn install() -> Result<PathBuf, String> {
    let pinned = Pinned::read("DuckDB", "duckdb")?;
    let tag = Program::new(python()?)
        .args(["-c", "import sys; print(sys.implementation.cache_tag)"])
        .run()?
        .expect(0)?;
    let name = format!("{}-{}", pinned.version, tag.out.trim());
    pinned.installed(&name, "duckdb".as_ref())
}

/// The rows that a query over reports has, by the views of a file.
///
/// # Errors
///
/// The engine refuses the views or the query.
pub fn ask(reports: &str, views: &Path, query: &str) -> Result<Vec<Value>, String> {
    let finished = Program::new(python()?)
        .args(["-c", ASK])
        .arg(folder()?)
        .arg(reports)
        .arg(views)
        .arg(query)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)?;
    serde_json::from_str(&finished.out).map_err(|error| format!("{error}: {}", finished.out))
}
