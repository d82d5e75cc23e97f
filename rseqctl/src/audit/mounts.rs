//! File systems that hold no files: the kernel makes their contents up.

use std::collections::HashSet;
use std::fs;

/// Types whose contents the kernel makes up. Reading them has side effects,
/// blocks, or never ends, and nothing in them is installed.
const PSEUDO: [&str; 17] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// Returns the device numbers of the pseudo file systems that are mounted; none where the
/// kernel does not say.
pub(super) fn pseudo_devices() -> HashSet<u64> {
    fs::read_to_string("/proc/self/mountinfo")
        .map(|table| parse(&table))
        .unwrap_or_default()
}

/// Parses the table. The third field of a line is major:minor; the type follows the " - ".
fn parse(table: &str) -> HashSet<u64> {
    table
        .lines()
        .filter_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let kind = file_system.split(' ').next()?;
            let (major, minor) = mount.split(' ').nth(2)?.split_once(':')?;
            PSEUDO
                .contains(&kind)
                .then(|| Some(libc::makedev(major.parse().ok()?, minor.parse().ok()?)))
                .flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pseudo_file_systems_count() {
        let table = "\
            21 28 0:19 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n\
            28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n\
            22 28 0:20 / /proc rw shared:13 - proc proc rw\n\
            a line that is something else\n";
        let expected = HashSet::from([libc::makedev(0, 19), libc::makedev(0, 20)]);
        assert_eq!(parse(table), expected);
    }
}
