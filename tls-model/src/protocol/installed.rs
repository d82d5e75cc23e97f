//! What `rseqctl enable` tells the copy of the shim that it installs.
//!
//! A copy for every program of a host is a single file: it needs no `librseq_abi.so`,
//! which could be missing one day and would then keep every program from starting. It
//! has thread-local storage of its own instead, and a block of the shim's read-only
//! data holds what that begins with ([`TLS_IMAGE`]), where the shim's references to what it
//! takes the place of stand, and for which kernel programs may be started once more. In the shim as it is built, the block says nothing.

use super::restart::Permission;

/// What the block begins with: the area before anybody registers it (`cpu_id_start` 0,
/// `cpu_id` -1). The rest of the storage is zero.
pub const TLS_IMAGE: [u32; 2] = [0, u32::MAX];

/// Bytes of the area in that storage, as in `librseq_abi.so`.
pub const AREA_BYTES: usize = 128;

/// Bytes of that storage: the area, and the shim's words of each thread.
pub const TLS_BYTES: usize = AREA_BYTES + 16;

/// Alignment of that storage, and of the block, in bytes.
pub const ALIGN: usize = 64;

/// What stands behind [`TLS_IMAGE`], for whoever looks for the block in a file.
pub const MARK: [u8; 16] = *b"rseq_shim_block\0";

/// Bytes of a digest of the file, behind the mark; [`Block::digest`] says of what.
pub const DIGEST_BYTES: usize = 32;

/// Bytes of the kernel's text, behind the digest. Release and version have at most 64
/// each (uname(2)).
pub const KERNEL_BYTES: usize = 136;

/// The block, as it lies in the file.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// [`TLS_IMAGE`].
    pub tls: [u32; 2],
    /// [`MARK`].
    pub mark: [u8; MARK.len()],
    /// SHA-256 of the whole file with zeroes here.
    pub digest: [u8; DIGEST_BYTES],
    /// Link-time addresses of the two words that the dynamic linker fills with the offsets
    /// of `__rseq_abi` and of the shim's words of each thread; zeroes in the shim as it is
    /// built.
    pub slots: [u64; 2],
    /// Release and version of the kernel on which programs may be started once more, with
    /// a space between them; `-` where there is none; zeroes where nobody has asked.
    pub kernel: [u8; KERNEL_BYTES],
}

/// What stands in place of a kernel where programs must not be started once more.
pub const NO_KERNEL: &[u8] = b"-";

impl Block {
    /// The block of the shim as it is built.
    pub const EMPTY: Self = Self {
        tls: TLS_IMAGE,
        mark: MARK,
        digest: [0; DIGEST_BYTES],
        slots: [0; 2],
        kernel: [0; KERNEL_BYTES],
    };
}

/// Returns what the shim may do in all programs of a host, by what the block says and
/// the kernel that runs; nothing where the block says nothing.
///
/// ```
/// use tls_model::protocol::installed::permission;
/// use tls_model::protocol::restart::Permission;
///
/// let says = |text: &[u8]| permission(text, b"6.18.5", b"#1 SMP");
/// assert_eq!(says(b"6.18.5 #1 SMP\0\0"), Some(Permission::Safe));
/// assert_eq!(says(b"6.18.5 #2 SMP\0\0"), Some(Permission::Unsafe));
/// assert_eq!(says(b"-\0"), Some(Permission::Unsafe));
/// assert_eq!(says(b"\0\0"), None);
/// ```
#[must_use]
pub fn permission(kernel: &[u8], release: &[u8], version: &[u8]) -> Option<Permission> {
    let text = kernel.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return None;
    }
    let is_it = text
        .strip_prefix(release)
        .and_then(|rest| rest.strip_prefix(b" "))
        == Some(version);
    Some(if is_it {
        Permission::Safe
    } else {
        Permission::Unsafe
    })
}
