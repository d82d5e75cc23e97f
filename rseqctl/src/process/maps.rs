//! `/proc/PID/maps`: what is mapped where.

use std::ops::Range;

/// A mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping<'a> {
    /// Its addresses.
    pub(super) range: Range<u64>,
    /// It may be executed.
    pub(super) is_code: bool,
    /// It may be written to, and the file stays as it is.
    pub(super) is_copied: bool,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
    /// The file; none for memory of the process's own.
    pub(super) file: Option<FileId>,
    /// The file's path as the process sees it, `[stack]` and the like, or
    /// nothing.
    pub(super) path: &'a str,
}

/// Which file: the same wherever it is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileId {
    /// Major and minor number of the device.
    pub(super) device: (u32, u32),
    pub(super) inode: u64,
}

/// What the kernel adds to the path of a file that is gone.
pub(super) const DELETED: &str = " (deleted)";

/// Returns the mappings, in order; lines that are not mappings are left out.
pub(super) fn parse(text: &str) -> impl Iterator<Item = Mapping<'_>> {
    text.lines().filter_map(line)
}

/// Parses one line: `START-END rwxp OFFSET MAJOR:MINOR INODE      PATH`.
fn line(line: &str) -> Option<Mapping<'_>> {
    let (range, rest) = line.split_once(' ')?;
    let (permissions, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (device, rest) = rest.split_once(' ')?;
    let (inode, path) = rest.split_once(' ').unwrap_or((rest, ""));
    let (start, end) = range.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let number = |text| u32::from_str_radix(text, 16).ok();
    let inode: u64 = inode.parse().ok()?;
    let device = (number(major)?, number(minor)?);
    Some(Mapping {
        range: hex(start)?..hex(end)?,
        is_code: permissions.contains('x'),
        is_copied: permissions.contains('w') && permissions.contains('p'),
        offset: hex(offset)?,
        file: (inode != 0).then_some(FileId { device, inode }),
        path: path.trim_start(),
    })
}

/// The kernel's own objects that can be mapped, by how their names begin: they
/// have inodes, and paths that lead nowhere or to something else. (An ELF object
/// may be in memory that memfd_create(2) gave, though.)
const KERNELS: [&str; 8] = [
    "/[aio]",
    "/anon_hugepage",
    "/dev/zero",
    "/dmabuf:",
    "/drm mm object",
    "/i915",
    "/secretmem",
    "/SYSV",
];

impl Mapping<'_> {
    /// Returns whether what is mapped is no file of a file system: `anon_inode:[io_uring]`,
    /// `socket:[7]`, shared memory without a name.
    pub(super) fn is_kernels(&self) -> bool {
        let is_gone = || self.path.ends_with(DELETED);
        let starts = |start: &&str| self.path.starts_with(start);
        !self.path.starts_with('/') || is_gone() && KERNELS.iter().any(starts)
    }
}

/// Returns the name of the mapping's link in `map_files`.
pub(super) fn link_name(range: &Range<u64>) -> String {
    format!("{:x}-{:x}", range.start, range.end)
}

/// Returns the path of a file as it was, and whether it is gone. A newline in it is
/// written by the kernel as `\012`.
pub(super) fn path_of(path: &str) -> (String, bool) {
    let (path, is_gone) = match path.strip_suffix(DELETED) {
        Some(path) => (path, true),
        None => (path, false),
    };
    (path.replace("\\012", "\n"), is_gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file() {
        let is_kernels = |path: &str| {
            let text = format!("7f0000000000-7f0000001000 rw-s 00000000 00:0f 1057 {path}\n");
            parse(&text).next().map(|it| it.is_kernels())
        };
        for path in [
            "anon_inode:[io_uring]",
            "anon_inode:[perf_event]",
            "socket:[4711]",
            "/SYSV0000002a (deleted)",
            "/dev/zero (deleted)",
            "/anon_hugepage (deleted)",
            "/[aio] (deleted)",
        ] {
            assert_eq!(is_kernels(path), Some(true), "{path}");
        }
        for path in [
            "/SYSVfile",
            "/dev/zero",
            "/memfd:jit (deleted)",
            "/x (deleted)",
        ] {
            assert_eq!(is_kernels(path), Some(false), "{path}");
        }
    }

    #[test]
    fn parses_what_the_kernel_writes() {
        let text = "\
            55d0c0a00000-55d0c0a02000 r--p 00000000 fe:01 1234                       /usr/bin/a b\n\
            7f0000000000-7f0000001000 r-xp 00002000 00:2a 77 /x.so (deleted)\n\
            7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n\
            7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n\
            nonsense\n";
        let all: Vec<_> = parse(text).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].path, "/usr/bin/a b");
        assert_eq!(all[0].range, 0x55d0_c0a0_0000..0x55d0_c0a0_2000);
        let file = FileId {
            device: (0xfe, 1),
            inode: 1234,
        };
        assert_eq!((all[0].file, all[0].is_code), (Some(file), false));
        assert_eq!((all[1].offset, all[1].is_code), (0x2000, true));
        assert_eq!(path_of(all[1].path), ("/x.so".to_owned(), true));
        assert_eq!((all[2].file, all[2].path), (None, ""));
        assert_eq!(all[3].path, "[stack]");
        let is_kernels: Vec<_> = all.iter().map(Mapping::is_kernels).collect();
        assert_eq!(is_kernels, [false, false, true, true]);
        assert_eq!(link_name(&all[1].range), "7f0000000000-7f0000001000");
    }
}
