//! What becomes of a host when our files are damaged: a root of Debian's packages, in
//! which the shim is on for every program. Shell, tools, a setuid program and sshd work
//! as without us, but for a line of the dynamic linker's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::borrow::BORROW;
use rseq_kit::child::{Finished, Program};
use rseq_kit::debian::Suite;
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use super::{BUILDS, Image, LIBRARY};

/// The packages of the root, which apt can download.
const DEBIAN: Need = Need::new(&Asked("a root with sshd", || root().map(drop)));

const HOST: [Need; 3] = [Need::ROOT, Need::MOUNT_NAMESPACE, DEBIAN];

/// A shell, its tools, OpenSSH, and what they need.
const PACKAGES: [&str; 37] = [
    "libc6",
    "libgcc-s1",
    "dash",
    "coreutils",
    "openssh-server",
    "openssh-client",
    "libssl3",
    "libcrypt1",
    "libpam0g",
    "libaudit1",
    "libcap-ng0",
    "libselinux1",
    "libpcre2-8-0",
    "libwrap0",
    "libnsl2",
    "libtirpc3",
    "libgssapi-krb5-2",
    "libkrb5-3",
    "libk5crypto3",
    "libcom-err2",
    "libkrb5support0",
    "libkeyutils1",
    "libsystemd0",
    "libcap2",
    "libgcrypt20",
    "libgpg-error0",
    "liblz4-1",
    "liblzma5",
    "libzstd1",
    "zlib1g",
    "libacl1",
    "libattr1",
    "libgmp10",
    "libedit2",
    "libbsd0",
    "libmd0",
    "libtinfo6",
];

fn root() -> Result<&'static Path, String> {
    static ROOT: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| Suite::open("bookworm")?.root(&PACKAGES));
    ROOT.as_deref().map_err(Clone::clone)
}

/// Makes the root's file system, which nobody else sees: `$1` the packages, `$2` the
/// folder to be `/`, `$3` rseqctl. Then the shim is switched on in it.
const PREPARE: &str = r#"
set -e
base=$1 root=$2
mount -t tmpfs none "$root"
borrow "$base" "$root" bin sbin lib lib64
mkdir "$root/usr"
for folder in "$base"/usr/*; do
    mkdir "$root/usr/${folder##*/}"
    mount --rbind "$folder" "$root/usr/${folder##*/}"
done
mkdir -p "$root/usr/local" "$root/etc/ssh" "$root/root" "$root/run/sshd" "$root/tmp" \
    "$root/dev" "$root/proc"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
printf '%s\n' root:x:0:0:root:/root:/bin/sh sshd:x:100:65534::/run/sshd:/bin/false >"$root/etc/passwd"
printf '%s\n' 'root:*:19000:0:99999:7:::' 'sshd:*:19000:0:99999:7:::' >"$root/etc/shadow"
echo root:x:0: >"$root/etc/group"
echo passwd: files >"$root/etc/nsswitch.conf"
cp "$root/bin/id" "$root/tmp/id" 2>/dev/null || cp "$root/usr/bin/id" "$root/tmp/id"
chmod 4755 "$root/tmp/id"
PATH=$PATH:/sbin:/usr/sbin
chroot "$root" ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/key
cp "$root/etc/ssh/key.pub" "$root/etc/ssh/allowed"
cat >"$root/etc/ssh/sshd_config" <<END
ListenAddress 127.0.0.1
HostKey /etc/ssh/key
AuthorizedKeysFile /etc/ssh/allowed
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
END
"$3" enable --root "$root" >/dev/null
copy=$root/usr/local/lib/rseq-owner/librseq_shim.so
setting=$root/etc/ld.so.preload
size=$(stat -c %s "$copy")
"#;

/// What works there: each says so in a line. What the dynamic linker says goes elsewhere.
const WORKS: &str = r#"
exec 2>"$root/tmp/said"
chroot "$root" /bin/sh -c 'echo shell; /bin/true && echo tools'
chroot --userspec=65534:65534 "$root" /bin/sh -c 'echo nobody; /tmp/id' |
    sed 's/uid=65534 .*euid=0.*/setuid/'
chroot "$root" /usr/sbin/sshd -t && echo config
chroot "$root" /usr/sbin/sshd -D -p "$port" &
server=$!
tries=0
until chroot "$root" ssh -F none -q -i /etc/ssh/key -p "$port" -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 root@127.0.0.1 'echo login'; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || break
    sleep 0.2
done
kill $server
"#;

const ALL_WORKS: &str = "shell\ntools\nnobody\nsetuid\nconfig\nlogin\n";

/// Damages the files as a script says, and sees what works.
fn after(damage: &str) -> Result<Finished, String> {
    let folder = scratch::directory("host")?;
    let port = free_port()?;
    Program::new(program("unshare")?)
        .args(["--mount", "--pid", "--fork", "sh", "-c"])
        .arg(format!(
            "{BORROW}\n{PREPARE}\nport={port}\n{damage}\n{WORKS}"
        ))
        .arg("sh")
        .arg(root()?)
        .arg(&folder)
        .arg(&artifacts()?.rseqctl)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .limit(Duration::from_secs(120))
        .run()
}

fn free_port() -> Result<u16, String> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .map(|it| it.port())
        .map_err(|error| error.to_string())
}

/// The copy of the shim, in every state that a file can be in.
#[rseq_kit::test(BUILDS, HOST)]
fn library() -> Outcome {
    for damage in [
        ":",
        "rm \"$copy\"",
        ": >\"$copy\"",
        "truncate -s 60 \"$copy\"",
        "truncate -s 4096 \"$copy\"",
        "truncate -s $((size / 2)) \"$copy\"",
        "truncate -s $((size - 1)) \"$copy\"",
        "head -c $size /dev/zero >\"$copy\"",
        "head -c $size /dev/urandom >\"$copy\"",
        "chmod 0 \"$copy\"",
        "chmod 0 \"${copy%/*}\"",
        "rm \"$copy\"; mkdir \"$copy\"",
        "rm \"$copy\"; ln -s nowhere \"$copy\"",
        "rm -r \"${copy%/*}\"",
        // for another machine, and of another class (gABI, "ELF Header")
        "printf '\\267' | dd of=\"$copy\" bs=1 seek=18 conv=notrunc 2>/dev/null",
        "printf '\\1' | dd of=\"$copy\" bs=1 seek=4 conv=notrunc 2>/dev/null",
    ] {
        let finished = after(damage)?;
        assert_eq!(finished.out, ALL_WORKS, "{damage}: {finished:?}");
    }
    Ok(())
}

/// The file that names it.
#[rseq_kit::test(BUILDS, HOST)]
fn setting() -> Outcome {
    for damage in [
        "rm \"$setting\"",
        ": >\"$setting\"",
        "truncate -s 20 \"$setting\"",
        "truncate -s -1 \"$setting\"",
        "chmod 0 \"$setting\"",
        "rm \"$setting\"; mkdir \"$setting\"",
        "head -c 4096 /dev/urandom >\"$setting\"",
    ] {
        let finished = after(damage)?;
        assert_eq!(finished.out, ALL_WORKS, "{damage}: {finished:?}");
    }
    Ok(())
}

/// The oracle is not blind: with the shim as it is built, and its library missing or its
/// end gone, nothing starts.
#[rseq_kit::test(BUILDS, HOST)]
fn as_it_is_built() -> Outcome {
    let files = artifacts()?;
    for damage in [
        "rm \"${copy%/*}/librseq_abi.so.1\"",
        "truncate -s 100000 \"$copy\"",
    ] {
        let damage = format!(
            "cp '{}' \"$copy\"; cp '{}' \"${{copy%/*}}\"; {damage}",
            files.shim.display(),
            files.abi.display()
        );
        let finished = after(&damage)?;
        assert!(!finished.out.contains("tools"), "{damage}: {finished:?}");
    }
    Ok(())
}

/// Wherever the file is cut off, the dynamic linker says so and goes on.
#[rseq_kit::test(BUILDS)]
fn every_length() -> Outcome {
    let image = Image::empty()?;
    image.rseqctl(&["enable"])?.expect(0)?;
    let whole = fs::read(image.path(LIBRARY))?;
    let cut = image.path("cut.so");
    let last = whole.len() - 1;
    // around every header and page's end, and between
    let near_the_ends = (0..=900).step_by(31).chain(last - 900..=last);
    let pages = (0..last)
        .step_by(4096)
        .flat_map(|at| [at, at + 1, at + 2048]);
    let lengths = near_the_ends.chain(pages).filter(|&it| it <= last);
    for length in lengths.step_by(if whole.len() > 1 << 20 { 7 } else { 3 }) {
        fs::write(&cut, &whole[..length])?;
        let finished = Program::new(program("true")?)
            .env("LD_PRELOAD", &cut)
            .run()?
            .expect(0)?;
        let says = "cannot be preloaded";
        assert!(finished.err.contains(says), "{length}: {}", finished.err);
    }
    Ok(())
}
