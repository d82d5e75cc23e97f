//! What the three commands do to files, seen in images.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rseq_kit::executable;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::{BUILDS, Image, LIBRARY};

const PRELOAD: &str = "etc/ld.so.preload";
const SYSTEM: &str = "etc/systemd/system.conf.d/50-rseq-owner.conf";
const USER: &str = "home/somebody/.config/systemd/user.conf.d/50-rseq-owner.conf";

/// Every file and link below a folder.
fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(listing(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

/// On and off again leaves what others have written, byte by byte, and nothing of ours.
#[rseq_kit::test(BUILDS)]
fn on_and_off() -> Outcome {
    let others = "# ours\n/lib/libother.so:/lib/another.so\n\n";
    for (option, setting, before) in [
        (None, PRELOAD, Some(others)),
        (None, PRELOAD, None),
        (Some("--system"), SYSTEM, None),
        (Some("--user"), USER, None),
    ] {
        let image = Image::empty()?;
        if let Some(text) = before {
            image.write(setting, text)?;
        }
        let files = listing(&image.0);
        let words = |verb| [verb].into_iter().chain(option).collect::<Vec<_>>();
        image.rseqctl(&words("enable"))?.expect(0)?;
        let on = image.read(setting)?;
        assert!(on.starts_with(before.unwrap_or_default()), "{on}");
        assert!(on.contains("librseq_shim.so"), "{on}");
        let status = image.rseqctl(&["status"])?.expect(0)?;
        assert_eq!(status.out.matches(": on (").count(), 1, "{}", status.out);
        assert!(
            status.out.contains("whole, as this rseqctl"),
            "{}",
            status.out
        );
        // once more changes nothing
        let again = image.rseqctl(&words("enable"))?.expect(0)?;
        assert!(again.out.contains("nothing to change"), "{}", again.out);
        assert_eq!(image.read(setting)?, on);
        image.rseqctl(&words("disable"))?.expect(0)?;
        assert_eq!(listing(&image.0), files, "{option:?}");
        if let Some(text) = before {
            assert_eq!(image.read(setting)?, text);
        }
        let again = image.rseqctl(&words("disable"))?.expect(0)?;
        assert!(again.out.contains("nothing to change"), "{}", again.out);
        let status = image.rseqctl(&["status"])?.expect(0)?;
        assert!(!status.out.contains("on ("), "{}", status.out);
    }
    Ok(())
}

/// The copy stays as long as one of two settings names it.
#[rseq_kit::test(BUILDS)]
fn two_settings_share_a_copy() -> Outcome {
    let image = Image::empty()?;
    image.rseqctl(&["enable"])?.expect(0)?;
    image.rseqctl(&["enable", "--system"])?.expect(0)?;
    image.rseqctl(&["disable"])?.expect(0)?;
    assert!(image.path(LIBRARY).is_file());
    assert!(!image.path(PRELOAD).exists());
    image.rseqctl(&["disable", "--system"])?.expect(0)?;
    assert!(listing(&image.0).is_empty());
    Ok(())
}

/// What cannot be undone is not done, and nothing has changed then.
#[rseq_kit::test(BUILDS)]
fn refused() -> Outcome {
    type Prepare = fn(&Image) -> Result<(), String>;
    let cases: [(&str, &[&str], Prepare); 8] = [
        ("not a regular file", &["enable"], |image| {
            image.write("etc/real", "")?;
            symlink("real", image.path(PRELOAD)).map_err(|error| error.to_string())
        }),
        ("names another copy", &["enable"], |image| {
            image.write(PRELOAD, "/opt/rseq/lib/librseq_shim.so\n")
        }),
        ("in a line with others", &["enable"], |image| {
            image.write(PRELOAD, &format!("/lib/a.so /{LIBRARY}\n"))
        }),
        ("rseqctl has not put it there", &["enable"], |image| {
            image.write(LIBRARY, "somebody's\n")
        }),
        (
            "not as rseqctl has written it",
            &["enable", "--system"],
            |image| image.write(SYSTEM, "[Manager]\n"),
        ),
        (
            "sets LD_PRELOAD already",
            &["enable", "--system"],
            |image| {
                let text = "[Manager]\nDefaultEnvironment=\"A=b\" \\\n  LD_PRELOAD=/lib/a.so\n";
                image.write("etc/systemd/system.conf.d/99-mine.conf", text)
            },
        ),
        ("may lead out of the root", &["enable"], |image| {
            image.write("elsewhere/file", "")?;
            symlink("elsewhere", image.path("usr")).map_err(|error| error.to_string())
        }),
        (
            "not as rseqctl has written it",
            &["disable", "--user"],
            |image| image.write(USER, "[Manager]\n"),
        ),
    ];
    for (text, words, prepare) in cases {
        let image = Image::empty()?;
        prepare(&image)?;
        let files = listing(&image.0);
        let finished = image.rseqctl(words)?.expect(2)?;
        assert!(finished.err.contains(text), "{text}: {}", finished.err);
        assert_eq!(listing(&image.0), files, "{text}");
    }
    Ok(())
}

/// `status` says of each file what it is, and what to do.
#[rseq_kit::test(BUILDS)]
fn status() -> Outcome {
    let image = Image::empty()?;
    image.rseqctl(&["enable"])?.expect(0)?;
    let whole = fs::read(image.path(LIBRARY))?;
    let expect = |code, text: &str| -> Outcome {
        let status = image.rseqctl(&["status"])?.expect(code)?;
        assert!(status.out.contains(text), "{text}: {}", status.out);
        Ok(())
    };
    fs::write(image.path(LIBRARY), &whole[..whole.len() - 1])?;
    expect(1, "is damaged; rseqctl enable replaces it")?;
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(image.path(LIBRARY), &bytes)?;
    expect(1, "is damaged")?;
    fs::remove_file(image.path(LIBRARY))?;
    expect(1, "is missing: programs start without it")?;
    image.rseqctl(&["enable"])?.expect(0)?;
    assert!(fs::read(image.path(LIBRARY))? == whole);
    expect(0, "whole, as this rseqctl installs it")?;
    fs::remove_file(image.path(PRELOAD))?;
    expect(0, "is left and in no use")?;
    Ok(())
}

/// The package may be replaced or removed: what is installed stays, and is renewed only
/// when somebody asks.
#[rseq_kit::test(BUILDS)]
fn survives_an_upgrade() -> Outcome {
    let image = Image::empty()?;
    let package = |name: &str| -> Result<_, String> {
        let folder = scratch::directory(name)?;
        executable::installed(&folder)?;
        Ok(folder)
    };
    let (old, new) = (package("old")?, package("new")?);
    image
        .command(&old.join("rseqctl"), &["enable"])?
        .expect(0)?;
    let installed = fs::read(image.path(LIBRARY))?;
    fs::remove_dir_all(&old)?;
    // another build: the same, and longer
    let shim = new.join("librseq_shim.so");
    let mut bytes = fs::read(&shim)?;
    bytes.extend([0; 64]);
    fs::write(&shim, &bytes)?;
    let rseqctl = new.join("rseqctl");
    let status = image.command(&rseqctl, &["status"])?.expect(0)?;
    assert!(
        status.out.contains("whole, of another rseqctl"),
        "{}",
        status.out
    );
    assert!(fs::read(image.path(LIBRARY))? == installed);
    image.command(&rseqctl, &["enable"])?.expect(0)?;
    assert!(fs::read(image.path(LIBRARY))? != installed);
    let status = image.command(&rseqctl, &["status"])?.expect(0)?;
    assert!(status.out.contains("as this rseqctl"), "{}", status.out);
    Ok(())
}
