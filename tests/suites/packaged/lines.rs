//! The three lines of the README, as they stand there, in roots of Debian and of Ubuntu that
//! have nothing but what installs and what shows manuals; and what somebody does next.

use std::fs;

use rseq_kit::artifacts::{artifacts, workspace};
use rseq_kit::bare::{self, Root};
use rseq_kit::executable;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::package;

const NEEDS: [Need; 4] = [
    Need::ROOT,
    Need::MOUNT_NAMESPACE,
    Need::new(&Tool("dpkg-deb")),
    bare::OVERLAY,
];

#[rseq_kit::test(Need::LIVE, NEEDS, bare::DEBIAN_ROOT)]
fn debian() -> Outcome {
    follow(Root::Debian, "debian")
}

#[rseq_kit::test(Need::LIVE, NEEDS, bare::UBUNTU_ROOT)]
fn ubuntu() -> Outcome {
    follow(Root::Ubuntu, "ubuntu")
}

/// Returns the first lines to be typed below the heading "Install".
fn lines() -> Result<Vec<String>, String> {
    let path = workspace().join("README.md");
    let page = fs::read_to_string(&path).map_err(|error| format!("README.md: {error}"))?;
    let (_, rest) = page.split_once("## Install\n").ok_or("no Install")?;
    let lines = rest.lines().skip_while(|line| !line.starts_with("    "));
    let lines = lines.map_while(|line| line.strip_prefix("    "));
    Ok(lines.map(str::to_owned).collect())
}

/// Types the lines, with a server running that is refused, and then what they lead to.
fn follow(root: Root, distribution: &str) -> Outcome {
    let [install, doctor, manual] = &lines()?[..] else {
        return Err("three lines were expected".into());
    };
    let here = scratch::directory("lines")?;
    let deb = package("rseqctl", ".deb")?;
    fs::copy(&deb, here.join(deb.file_name().unwrap_or_default()))?;
    executable::copied(built("addresses", "exports")?, &here.join("server"), 0o755)?;
    let ours = artifacts()?;
    fs::copy(&ours.shim, here.join("librseq_shim.so"))?;
    fs::copy(&ours.abi, here.join("librseq_abi.so.1"))?;
    // processes of its own, and no others, as on a host of its own
    let script = format!(
        r#"
        cd /here
        sed -n 's/^ID=//p' /etc/os-release
        {install} >apt.log 2>&1 || {{ cat apt.log; exit 9; }}
        # a release has them built in; what is under test may not
        case $(rseqctl --version) in
            *"built in"*) ;;
            *) cp librseq_* /usr/lib ;;
        esac
        mkfifo input output
        unshare --pid --fork --mount-proc sh -euc '
            /here/server <input >output &
            exec 3>input
            read -r ready <output
            echo "server $!"
            {doctor} || case $? in 1 | 3) ;; *) exit 9 ;; esac
            echo "== manual"
            {manual}
            echo "== problems"
            rseqctl ps --problems || test $? = 1
            echo "== run"
            rseqctl run --report - -- true
            echo "== done"
        '
        apt remove -y rseqctl >apt.log 2>&1 || {{ cat apt.log; exit 9; }}
        test ! -e /usr/bin/rseqctl
        "#
    );
    let told = bare::run(root, &here, &[], &script)?.expect(0)?;
    let (out, err) = (&told.out, &told.err);
    let parts: Vec<_> = out.split("== ").collect();
    let [first, manual, problems, run, done] = &parts[..] else {
        return Err(format!("{out}{err}").into());
    };
    assert!(first.starts_with(&format!("{distribution}\n")), "{out}");
    let server = first.lines().find_map(|line| line.strip_prefix("server "));
    let server = server.ok_or_else(|| format!("no server: {out}{err}"))?;
    let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let named =
        format!("1 running program is refused the registration that it brings: server ({server})");
    assert!(words.contains(&named), "{out}{err}");
    assert!(
        manual.contains("NAME") && manual.contains("rseqctl"),
        "{manual}{err}"
    );
    let mut rows = problems.lines();
    let row = rows.find(|row| row.split_whitespace().next() == Some(server));
    assert!(
        row.is_some_and(|row| row.contains("/here/server")),
        "{problems}"
    );
    assert!(problems.contains("[refused-client]"), "{problems}");
    assert!(run.contains("libc") && *done == "done\n", "{out}{err}");
    Ok(())
}
