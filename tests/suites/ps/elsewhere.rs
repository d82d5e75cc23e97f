//! Behind a border: namespaces, other users, other kernels.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::look::{ends, look, message, ready};
use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::needs::program;
use rseq_kit::patience::until;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_lab_kernels::guest::{Command as GuestCommand, Guest, Kernel, Results, libraries_of};
use serde_json::{Value, json};

/// The processes of a process: its children, and theirs.
fn descendants(id: i32) -> Vec<i32> {
    let path = format!("/proc/{id}/task/{id}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    let children: Vec<i32> = text.split(' ').filter_map(|id| id.parse().ok()).collect();
    let more: Vec<i32> = children.iter().flat_map(|id| descendants(*id)).collect();
    [children, more].concat()
}

/// In mount, pid and user namespaces of its own, by a path that leads nowhere
/// out here.
#[rseq_kit::test(Need::LIVE, Need::ROOT, Need::MOUNT_NAMESPACE)]
fn namespaces() -> Outcome {
    let place = scratch::directory("namespaces")?;
    let script = format!(
        "mount -t tmpfs none {0} && cp {1} {0}/inside && exec {0}/inside",
        place.display(),
        built("addresses", "exports")?.display()
    );
    let unshare = Program::new(program("unshare")?)
        .args(["--user", "--map-root-user", "--mount", "--pid", "--fork"])
        .args(["sh", "-c", &script]);
    let running = ready(unshare)?;
    let inner = descendants(running.id()).pop().ok_or("no child")?;
    assert!(!place.join("inside").exists());
    let row = look(inner)?;
    assert_eq!(row["inner_pids"], json!([1]), "{row}");
    assert_eq!(
        row["other_namespaces"],
        json!(["mnt", "pid", "user"]),
        "{row}"
    );
    assert_eq!(
        (&row["owner"], &row["registered"]),
        (&"libc".into(), &5.into()),
        "{row}"
    );
    let message = message(&row, "refused-client").ok_or_else(|| row.to_string())?;
    assert!(message.contains("exports"), "{message}");
    assert_eq!(row["missing"], json!([]), "{row}");
    ends(running)?;
    Ok(())
}

/// Every process there is, in a pid namespace that stands for the host.
#[rseq_kit::test(Need::LIVE, Need::ROOT, Need::MOUNT_NAMESPACE)]
fn whole_host() -> Outcome {
    let idle = built("idle", "dynamic")?;
    let definer = built("addresses", "exports")?;
    let script = format!(
        "mkfifo $1/end; for i in 1 2 3; do {0} 2 <$1/end >$1/said$i & done; \
         {1} <$1/end >$1/said & exec 9>$1/end; \
         until test $(cat $1/said* | grep -c ready) = 4; do sleep 0.1; done; \
         {2} ps --all --format json --fleet=test; echo; {2} ps --problems --fail-on warning >$1/table; echo $?; \
         exec 9>&-; wait",
        idle.display(),
        definer.display(),
        artifacts()?.rseqctl.display()
    );
    let place = scratch::directory("host")?;
    let finished = Program::new(program("unshare")?)
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script, "sh"])
        .arg(&place)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)?;
    let mut lines = finished.out.rsplitn(3, '\n').skip(1);
    assert_eq!(lines.next(), Some("1"), "{}", finished.out);
    let document: Value = serde_json::from_str(lines.next().unwrap_or_default().trim())
        .map_err(|error| format!("{error}: {}", finished.out))?;
    assert_eq!(document["host"]["host"], "test", "{document}");
    let tally = &document["tally"];
    // the shell, and what it has started; rseqctl leaves itself out
    assert_eq!(tally["processes"], 5, "{document}");
    assert_eq!(tally["threads"], 1 + 3 * 3 + 5, "{document}");
    assert_eq!(tally["warnings"], 1, "{document}");
    let table = fs::read_to_string(place.join("table")).map_err(|error| error.to_string())?;
    assert!(table.contains("[refused-client]"), "{table}");
    Ok(())
}

/// Without any capability, at another user's process: what /proc tells, and
/// what is missing.
#[rseq_kit::test(Need::LIVE, Need::ROOT, Need::SETPRIV)]
fn another_user() -> Outcome {
    let setpriv = program("setpriv")?;
    let sleep = Program::new(&setpriv)
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program("sleep")?)
        .arg("600");
    let running = sleep.limit(Duration::from_secs(60)).start()?;
    let is_other = || {
        let path = PathBuf::from(format!("/proc/{}/comm", running.id()));
        fs::read_to_string(path).is_ok_and(|name| name == "sleep\n")
    };
    let has_changed = until(Duration::from_secs(60), is_other);
    assert!(has_changed, "setpriv does not exec");
    let finished = Program::new(&setpriv)
        .args(["--bounding-set=-all", "--inh-caps=-all"])
        .arg(&artifacts()?.rseqctl)
        .args(["ps", "--format", "ndjson"])
        .arg(running.id().to_string())
        .run()?
        .expect(3)?;
    let row: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    assert_eq!(
        (row["name"].as_str(), row["uid"].as_u64()),
        (Some("sleep"), Some(65534))
    );
    assert_eq!(row["owner"], Value::Null, "{row}");
    let missing = row["missing"].to_string();
    assert!(missing.contains("no permission to trace it"), "{row}");
    assert!(missing.contains("what is mapped"), "{row}");
    Ok(())
}

/// On another kernel: its only other process is static, and registered by this
/// machine's libc.
pub(crate) fn on_kernel(kernel: Kernel) -> Outcome {
    let folder = scratch::directory("kernel")?;
    let command = folder.join("rseqctl");
    Program::new(program("strip")?)
        .args(["--strip-debug".as_ref(), artifacts()?.rseqctl.as_os_str()])
        .args(["-o".as_ref(), command.as_os_str()])
        .run()?
        .expect(0)?;
    let mut guest = Guest::new().file("/rseqctl", &command);
    for path in libraries_of(&command)? {
        guest = guest.file(&path.display().to_string(), &path);
    }
    let look = GuestCommand::new("/rseqctl").args(["ps", "--format", "ndjson", "1"]);
    let guest = guest.run(look.limit(Duration::from_secs(60)));
    guest.ask(&kernel, |answers| judged(&kernel, answers))
}

/// Whether it sees of that process what this kernel tells.
fn judged(kernel: &Kernel, answers: Results) -> Outcome {
    let finished = answers
        .into_iter()
        .next()
        .ok_or("nothing was run")??
        .expect(0)?;
    let row: Value = serde_json::from_str(&finished.out).map_err(|error| error.to_string())?;
    let thread = &row["threads"][0];
    if kernel.version()? < (5, 13, 0) {
        let why = thread["unknown_because"].as_str().unwrap_or_default();
        assert!(why.contains("EIO"), "{row}");
        assert_eq!(row["owner"], Value::Null, "{row}");
        return Ok(());
    }
    assert_eq!(
        (&row["owner"], &row["registered"]),
        (&"libc".into(), &1.into()),
        "{row}"
    );
    assert_eq!(thread["area_evidence"], "proved", "{row}");
    assert_eq!(thread["length"], 32, "{row}");
    // what the doctor sees on a slow machine may be less than everything
    let has_legacy = !((6, 19, 0)..(7, 0, 10)).contains(&kernel.version()?);
    let mode = if has_legacy { "legacy" } else { "optimized" };
    assert!(
        thread["mode"] == mode || thread["mode_evidence"] == "likely",
        "{row}"
    );
    Ok(())
}
